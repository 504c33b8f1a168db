use bleepstore_tests::http::S3;
use bleepstore_tests::s3_test;

const NOBODY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

s3_test!(
    lets_the_owner_that_is_named_through,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let own = s3.own_id();
        bucket
            .put("key", "body")
            .header("x-amz-expected-bucket-owner", &own)
            .expect(200);
        bucket
            .get("key")
            .header("x-amz-expected-bucket-owner", &own)
            .expect(200);
    }
);

s3_test!(refuses_a_bucket_of_another_owner, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("key", "body").expect(200);
    let header = "x-amz-expected-bucket-owner";
    bucket
        .get("key")
        .header(header, NOBODY)
        .expect_error(403, "AccessDenied");
    bucket
        .put("key", "other")
        .header(header, NOBODY)
        .expect_error(403, "AccessDenied");
    bucket
        .delete("key")
        .header(header, NOBODY)
        .expect_error(403, "AccessDenied");
    bucket
        .copy("key", "copy")
        .header("x-amz-source-expected-bucket-owner", NOBODY)
        .expect_error(403, "AccessDenied");
    assert_eq!(bucket.get("key").expect(200).text(), "body");
    bucket.get("copy").expect_error(404, "NoSuchKey");
});
