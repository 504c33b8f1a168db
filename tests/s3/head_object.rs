use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

s3_test!(
    answers_the_headers_of_get_without_a_body,
    largest_body = 100,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .put("key", "0123456789")
            .header("content-type", "text/plain")
            .header("x-amz-meta-a", "1")
            .header("content-language", "de")
            .expect(200);
        for range in [None, Some("bytes=2-3")] {
            let [get, head] = ["GET", "HEAD"].map(|method| {
                let request = bucket.object(method, "key");
                let response = match range {
                    Some(range) => request.header("range", range).expect(206),
                    None => request.expect(200),
                };
                let varying = ["date", "x-amz-request-id", "x-amz-id-2"];
                let mut headers = response.headers.clone();
                headers.retain(|(name, _)| !varying.contains(&name.as_str()));
                headers.sort();
                (headers, response.body)
            });
            assert_eq!(head.0, get.0);
            assert_eq!(head.1, b"");
        }
    }
);

s3_test!(
    of_an_absent_key_is_404_without_a_body,
    largest_body = 0,
    |s3: &S3| {
        s3.bucket().head("key").send().assert_bodiless(404);
    }
);

s3_test!(
    in_an_absent_bucket_is_404_without_a_body,
    largest_body = 0,
    |s3: &S3| {
        s3.bucket_named(s3.unused_name())
            .head("key")
            .send()
            .assert_bodiless(404);
    }
);

s3_test!(
    with_a_range_beyond_the_end_is_416_without_a_body,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("key", "x").expect(200);
        let response = bucket
            .head("key")
            .header("range", "bytes=5-")
            .send()
            .assert_bodiless(416);
        assert_eq!(response.required("content-range"), "bytes */1");
    }
);
