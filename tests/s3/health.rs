use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(needs_no_signature, largest_body = 0, |s3: &S3| {
    let response = s3.request("GET", "/_bleepstore/health").anonymous().expect(200);
    assert_eq!(response.text(), "{\"status\":\"ok\"}");
});

s3_test!(answers_head_without_a_body, largest_body = 0, |s3: &S3| {
    assert_eq!(
        s3.request("HEAD", "/_bleepstore/health")
            .anonymous()
            .expect(200)
            .body,
        b""
    );
});
