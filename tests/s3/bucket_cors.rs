//! PutBucketCors, GetBucketCors and DeleteBucketCors. What the rules do is in `preflight.rs` and `cross_origin.rs`.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html>

use bleepstore_tests::http::{ALICE, Bucket, Request, S3};
use bleepstore_tests::s3_test;

/// A rule with what every rule needs.
const LEAST: &str = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>";

/// PutBucketCors with rules of these elements.
pub(crate) fn put(bucket: &Bucket, rules: &[&str]) -> Request {
    bucket.request("PUT").flag("cors").body(document("", rules))
}

pub(crate) fn delete(bucket: &Bucket) -> Request {
    bucket.request("DELETE").flag("cors")
}

fn get(bucket: &Bucket) -> Request {
    bucket.request("GET").flag("cors")
}

fn document(attributes: &str, rules: &[&str]) -> String {
    let rules = rules.iter().map(|rule| format!("<CORSRule>{rule}</CORSRule>"));
    let rules: String = rules.collect();
    format!("<CORSConfiguration{attributes}>{rules}</CORSConfiguration>")
}

s3_test!(is_kept_until_it_is_deleted, largest_body = 9_000, |s3: &S3| {
    let bucket = s3.bucket();
    let absent = get(&bucket).expect_error(404, "NoSuchCORSConfiguration");
    assert_eq!(absent.message, "The CORS configuration does not exist");
    assert_eq!(absent.field("BucketName"), bucket.name);
    let whole = "<ID>first</ID><AllowedHeader>x-AMZ-*</AllowedHeader><AllowedHeader>Range</AllowedHeader>\
                 <AllowedMethod>PUT</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>\
                 <AllowedOrigin>http://app.example:80</AllowedOrigin><AllowedOrigin>https://*.example</AllowedOrigin>\
                 <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>3000</MaxAgeSeconds>";
    // More than a bucket's row takes.
    let long = format!(
        "{LEAST}{}",
        format!("<ExposeHeader>{}</ExposeHeader>", "x".repeat(200)).repeat(30)
    );
    for rules in [&[whole, LEAST][..], &[&long], &[LEAST], &[&long], &[whole]] {
        assert_eq!(put(&bucket, rules).expect(200).body, b"");
        let attributes = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        let found = get(&bucket).expect(200);
        assert_eq!(found.required("content-type"), "application/xml");
        let found = found.text().split_once('\n').expect("a declaration").1.to_owned();
        assert_eq!(found, document(attributes, rules));
    }
    for _ in 0..2 {
        assert_eq!(delete(&bucket).expect(204).body, b"");
        get(&bucket).expect_error(404, "NoSuchCORSConfiguration");
    }
});

s3_test!(names_what_s3_does_not_take, largest_body = 9_000, |s3: &S3| {
    let bucket = s3.bucket();
    put(&bucket, &[LEAST]).expect(200);
    let method =
        |name: &str| format!("<AllowedMethod>{name}</AllowedMethod><AllowedOrigin>*</AllowedOrigin>");
    for (rule, message) in [
        (
            method("MYMETHOD"),
            "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD",
        ),
        (
            method("OPTIONS"),
            "Found unsupported HTTP method in CORS config. Unsupported method is OPTIONS",
        ),
        (
            method(""),
            "Found unsupported HTTP method in CORS config. Unsupported method is ",
        ),
        (
            format!("{LEAST}<AllowedOrigin>*example*.com</AllowedOrigin>"),
            "AllowedOrigin \"*example*.com\" can not have more than one wildcard.",
        ),
        (
            format!("{LEAST}<AllowedHeader>x-*-*</AllowedHeader>"),
            "AllowedHeader \"x-*-*\" can not have more than one wildcard.",
        ),
        (
            format!("{LEAST}<ExposeHeader>x-*</ExposeHeader>"),
            "ExposeHeader \"x-*\" contains wildcard. We currently do not support wildcard in ExposeHeader.",
        ),
        (
            format!("{LEAST}<ID>{}</ID>", "i".repeat(256)),
            "The ID of a CORS rule cannot be longer than 255 characters.",
        ),
    ] {
        let error = put(&bucket, &[LEAST, &rule]).expect_error(400, "InvalidRequest");
        assert_eq!(error.message, message);
    }
    let many = put(&bucket, &[LEAST; 101]).expect_error(400, "InvalidRequest");
    assert_eq!(
        many.message,
        "The number of CORS rules should not exceed allowed limit of 100 rules."
    );
    assert_eq!(
        get(&bucket).expect(200).all("CORSConfiguration/CORSRule").len(),
        1
    );
    put(&bucket, &[LEAST; 100]).expect(200);
    assert_eq!(
        get(&bucket).expect(200).all("CORSConfiguration/CORSRule").len(),
        100
    );
});

s3_test!(is_refused_where_it_is_none, largest_body = 70_000, |s3: &S3| {
    let bucket = s3.bucket();
    for rules in [
        &[][..],
        &[""],
        &["<AllowedMethod>GET</AllowedMethod>"],
        &["<AllowedOrigin>*</AllowedOrigin>"],
        &[&format!("{LEAST}<MaxAgeSeconds>soon</MaxAgeSeconds>")],
        &[&format!("{LEAST}<Colour>red</Colour>")],
    ] {
        put(&bucket, rules).expect_error(400, "MalformedXML");
    }
    let nothing = bucket.request("PUT").flag("cors");
    nothing.expect_error(400, "MissingRequestBodyError");
    let long = format!("{LEAST}<!--{}-->", " ".repeat(64 << 10));
    let error = put(&bucket, &[&long]).expect_error(400, "MaxMessageLengthExceeded");
    assert_eq!(error.field("MaxMessageLengthBytes"), "65536");
    get(&bucket).expect_error(404, "NoSuchCORSConfiguration");
});

s3_test!(is_for_the_owner_of_the_bucket, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put_acl("public-read-write").expect(200);
    put(&bucket, &[LEAST]).expect(200);
    let seen = bucket.acting_for(&ALICE);
    for request in [get(&seen), put(&seen, &[LEAST]), delete(&seen)] {
        request.expect_error(403, "AccessDenied");
    }
    get(&bucket).anonymous().expect_error(403, "AccessDenied");
    get(&bucket).expect(200);
    let absent = s3.bucket_named(s3.unused_name());
    for request in [get(&absent), put(&absent, &[LEAST]), delete(&absent)] {
        request.expect_error(404, "NoSuchBucket");
    }
});

s3_test!(goes_with_the_bucket, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    bucket.request("PUT").expect(200);
    put(&bucket, &[LEAST]).expect(200);
    bucket.request("DELETE").expect(204);
    bucket.request("PUT").expect(200);
    get(&bucket).expect_error(404, "NoSuchCORSConfiguration");
    bucket.request("DELETE").expect(204);
});
