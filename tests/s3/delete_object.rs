use bleepstore_tests::http::S3;
use bleepstore_tests::http::encoding::etag;
use bleepstore_tests::s3_test;

s3_test!(removes_the_object, largest_body = 1, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key", "other"]);
    assert_eq!(bucket.delete("key").expect(204).body, b"");
    bucket.get("key").expect_error(404, "NoSuchKey");
    assert_eq!(
        bucket.list().expect(200).all("ListBucketResult/Contents/Key"),
        ["other"]
    );
});

s3_test!(of_an_absent_key_succeeds, largest_body = 0, |s3: &S3| {
    s3.bucket().delete("key").expect(204);
});

s3_test!(needs_the_bucket, largest_body = 0, |s3: &S3| {
    s3.bucket_named(s3.unused_name())
        .delete("key")
        .expect_error(404, "NoSuchBucket");
});

s3_test!(
    with_if_match_removes_that_etag_only,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("key", "body").expect(200);
        bucket
            .delete("key")
            .header("if-match", etag(b"other"))
            .expect_error(412, "PreconditionFailed");
        assert_eq!(bucket.read("key"), b"body");
        bucket.delete("key").header("if-match", etag(b"body")).expect(204);
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    with_if_match_star_needs_an_object,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .delete("key")
            .header("if-match", "*")
            .expect_error(404, "NoSuchKey");
        bucket.put("key", "body").expect(200);
        bucket.delete("key").header("if-match", "*").expect(204);
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);
