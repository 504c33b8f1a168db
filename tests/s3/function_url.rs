//! What a client of the AWS deployment meets behind a Function URL and nowhere else. The other rules read these responses
//! as if they were S3's; here they are read as they are.

use bleepstore_tests::deployment_test;
use bleepstore_tests::http::S3;
use bleepstore_tests::http::encoding::etag;
use bleepstore_tests::http::function_url::REMAPPED_LENGTH;

deployment_test!(in_streaming_mode_the_length_of_a_head_has_another_name on aws_lambda_stream, AWS_LAMBDA_STREAM, |s3: &S3| {
    let bucket = s3.as_it_is().bucket();
    bucket.put("key", "12345").expect(200);
    let head = bucket.head("key").expect(200);
    assert_eq!(head.header(REMAPPED_LENGTH), Some("5"));
    assert_eq!(head.header("content-length"), None);
});

deployment_test!(in_streaming_mode_the_length_of_a_get_has_another_name_and_its_body_is_chunked on aws_lambda_stream, AWS_LAMBDA_STREAM, |s3: &S3| {
    let bucket = s3.as_it_is().bucket();
    bucket.put("key", "12345").expect(200);
    for (range, length) in [("bytes=0-", "5"), ("bytes=1-2", "2")] {
        let get = bucket.get("key").header("range", range).expect(206);
        assert_eq!(get.header(REMAPPED_LENGTH), Some(length));
        assert_eq!(get.header("content-length"), None);
        assert_eq!(get.header("transfer-encoding"), Some("chunked"));
    }
});

deployment_test!(in_buffered_mode_every_answer_has_its_length on aws_lambda, AWS_LAMBDA, |s3: &S3| {
    let bucket = s3.as_it_is().bucket();
    bucket.put("key", "12345").expect(200);
    for answer in [bucket.head("key").expect(200), bucket.get("key").expect(200)] {
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!((answer.header(REMAPPED_LENGTH), answer.header("transfer-encoding")), (None, None));
    }
    let range = bucket.get("key").header("range", "bytes=1-2").expect(206);
    assert_eq!(range.header("content-length"), Some("2"));
});

deployment_test!(an_empty_body_loses_neither_status_nor_headers on aws_lambda, AWS_LAMBDA, |s3: &S3| {
    empty_bodies_come_with_their_heads(s3);
});

deployment_test!(an_empty_stream_loses_neither_status_nor_headers on aws_lambda_stream, AWS_LAMBDA_STREAM, |s3: &S3| {
    empty_bodies_come_with_their_heads(s3);
});

fn empty_bodies_come_with_their_heads(s3: &S3) {
    let bucket = s3.as_it_is().bucket();
    let put = bucket.put("key", "").expect(200);
    assert_eq!((put.etag(), put.body), (etag(b""), Vec::new()));
    let get = bucket.get("key").expect(200);
    assert_eq!((get.etag(), get.body), (etag(b""), Vec::new()));
    assert_eq!(bucket.head("key").expect(200).etag(), etag(b""));
    let unchanged = bucket.get("key").header("if-none-match", etag(b"")).expect(304);
    assert_eq!(unchanged.etag(), etag(b""));
    bucket.head("absent").send().assert_bodiless(404);
    assert_eq!(bucket.delete("key").expect(204).body, b"");
}
