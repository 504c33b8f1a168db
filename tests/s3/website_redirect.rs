//! `x-amz-website-redirect-location` of writes. Where it sends visitors is in `website.rs`.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-page-redirect.html>

use bleepstore_tests::http::{Bucket, S3};
use bleepstore_tests::s3_test;

const REDIRECT: &str = "x-amz-website-redirect-location";

/// What reads of an object say of it.
#[track_caller]
fn redirect_of(bucket: &Bucket, key: &str) -> Option<String> {
    let head = bucket.head(key).expect(200).header(REDIRECT).map(str::to_owned);
    let found = bucket.get(key).expect(200).header(REDIRECT).map(str::to_owned);
    assert_eq!(head, found);
    found
}

s3_test!(is_kept_of_an_object_that_is_put, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    for location in ["/other?a=b#c", "http://example.com/", "https://example.com/x"] {
        bucket.put("key", "body").header(REDIRECT, location).expect(200);
        assert_eq!(redirect_of(&bucket, "key").as_deref(), Some(location));
        assert_eq!(bucket.read("key"), b"body");
    }
    bucket.put("key", "body").expect(200);
    assert_eq!(redirect_of(&bucket, "key"), None);
    // What is sent empty counts as absent.
    bucket.put("key", "body").header(REDIRECT, "").expect(200);
    assert_eq!(redirect_of(&bucket, "key"), None);
});

s3_test!(is_a_path_or_an_address, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    for wrong in ["other.html", "ftp://example.com/", "HTTP://example.com/"] {
        let put = bucket.put("key", "x").header(REDIRECT, wrong);
        let error = put.expect_error(400, "InvalidRedirectLocation");
        assert_eq!(
            error.message,
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        );
    }
    let location = |length: usize| format!("/{}", "a".repeat(length - 1));
    let long = bucket.put("key", "x").header(REDIRECT, location(2_049));
    long.expect_error(400, "InvalidRedirectLocation");
    bucket.get("key").expect_error(404, "NoSuchKey");
    bucket
        .put("key", "x")
        .header(REDIRECT, location(2_048))
        .expect(200);
    assert_eq!(redirect_of(&bucket, "key"), Some(location(2_048)));
});

s3_test!(is_never_copied, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("from", "body").header(REDIRECT, "/a").expect(200);
    for directive in ["COPY", "REPLACE"] {
        let copy = |to: &str| {
            bucket
                .copy("from", to)
                .header("x-amz-metadata-directive", directive)
        };
        copy("plain").expect(200);
        assert_eq!(redirect_of(&bucket, "plain"), None, "{directive}");
        copy("sending").header(REDIRECT, "/b").expect(200);
        assert_eq!(
            redirect_of(&bucket, "sending").as_deref(),
            Some("/b"),
            "{directive}"
        );
    }
    // It alone changes something of a copy onto itself.
    bucket.copy("from", "from").header(REDIRECT, "/c").expect(200);
    assert_eq!(redirect_of(&bucket, "from").as_deref(), Some("/c"));
    let wrong = bucket.copy("from", "to").header(REDIRECT, "b");
    wrong.expect_error(400, "InvalidRedirectLocation");
});

s3_test!(
    goes_with_an_object_that_is_renamed,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("from", "body").header(REDIRECT, "/a").expect(200);
        let rename = bucket.object("PUT", "to").flag("renameObject");
        rename.header("x-amz-rename-source", "from").expect(200);
        assert_eq!(redirect_of(&bucket, "to").as_deref(), Some("/a"));
    }
);

s3_test!(is_kept_of_an_upload_in_parts, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let create = bucket.create_upload("key").header(REDIRECT, "/a");
    let upload = bucket
        .begin_upload_by(create)
        .value("InitiateMultipartUploadResult/UploadId");
    let refused = bucket.part("key", &upload, 1, "body").header(REDIRECT, "/b");
    refused.expect_error(501, "NotImplemented");
    let part = bucket.upload_part("key", &upload, 1, b"body");
    bucket.complete("key", &upload, &[part]).expect(200);
    assert_eq!(redirect_of(&bucket, "key").as_deref(), Some("/a"));
    let wrong = bucket.create_upload("key").header(REDIRECT, "a");
    wrong.expect_error(400, "InvalidRedirectLocation");
});

s3_test!(is_a_field_of_a_form, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.form("key", "x").field(REDIRECT, "/a").expect(204);
    assert_eq!(redirect_of(&bucket, "key").as_deref(), Some("/a"));
    let wrong = bucket.form("other", "x").field(REDIRECT, "a");
    wrong.expect_error(400, "InvalidRedirectLocation");
    bucket.get("other").expect_error(404, "NoSuchKey");
});
