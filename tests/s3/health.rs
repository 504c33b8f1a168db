use bleepstore_tests::http::{Response, S3};
use bleepstore_tests::s3_test;

/// The health check is the server's, not S3's: its responses do not carry S3's headers.
fn health(s3: &S3, method: &str) -> Response {
    s3.connect()
        .send(&s3.request(method, "/_bleepstore/health").anonymous().sign())
}

s3_test!(needs_no_signature, largest_body = 0, |s3: &S3| {
    assert_eq!(health(s3, "GET").assert_status(200).text(), "{\"status\":\"ok\"}");
});

s3_test!(answers_head_without_a_body, largest_body = 0, |s3: &S3| {
    assert_eq!(health(s3, "HEAD").assert_status(200).body, b"");
});
