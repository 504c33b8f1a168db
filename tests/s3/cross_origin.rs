//! What S3 tells browsers beside the answers to requests of pages of other origins.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use bleepstore_tests::http::{Bucket, Request, Response, S3};
use bleepstore_tests::s3_test;

use crate::bucket_cors::{delete, put};
use crate::preflight::{VARY, cors_headers};

const APP: &str = "https://app.example";

/// A rule for a page of [`APP`].
const RULE: &str = "<AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>\
                    <AllowedOrigin>https://app.example</AllowedOrigin><AllowedHeader>x-amz-*</AllowedHeader>\
                    <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds>";

/// A bucket with that rule and the object `key`.
fn bucket(s3: &S3) -> Bucket {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    put(&bucket, &[RULE]).expect(200);
    bucket
}

fn of_the_app(request: Request) -> Request {
    request.header("origin", APP)
}

#[track_caller]
fn assert_shown(response: &Response) {
    let expected = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, HEAD"),
        ("access-control-allow-origin", APP),
        ("access-control-expose-headers", "ETag"),
        ("access-control-max-age", "600"),
        ("vary", VARY),
    ];
    assert_eq!(cors_headers(response), expected);
}

#[track_caller]
fn assert_hidden(response: &Response) {
    assert_eq!(cors_headers(response), []);
}

s3_test!(
    are_shown_answers_where_a_rule_fits,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = bucket(s3);
        let found = of_the_app(bucket.get("key")).expect(200);
        assert_eq!(found.body, b"key");
        assert_shown(&found);
        assert_shown(&of_the_app(bucket.head("key")).expect(200));
        assert_shown(&of_the_app(bucket.list()).expect(200));
        assert_shown(&of_the_app(bucket.get("key").header("range", "bytes=0-0")).expect(206));
        // Which headers the request has is no longer asked.
        assert_shown(&of_the_app(bucket.get("key").header("x-other", "1")).expect(200));
        let etag = found.etag();
        assert_shown(&of_the_app(bucket.get("key").header("if-none-match", etag)).expect(304));
    }
);

s3_test!(are_shown_errors_too, largest_body = 1_000, |s3: &S3| {
    let bucket = bucket(s3);
    let absent = of_the_app(bucket.get("absent")).expect_error(404, "NoSuchKey");
    assert_shown(&absent.response);
    assert_shown(&of_the_app(bucket.head("absent")).expect(404));
    let unsigned = of_the_app(bucket.get("key").anonymous()).expect_error(403, "AccessDenied");
    assert_shown(&unsigned.response);
    let wrong = of_the_app(bucket.get("key")).keys("AKIATESTROOT", "wrong");
    assert_shown(&wrong.expect_error(403, "SignatureDoesNotMatch").response);
    let unknown = of_the_app(bucket.get("key")).keys("AKIAUNKNOWN", "secret");
    assert_shown(&unknown.expect_error(403, "InvalidAccessKeyId").response);
});

s3_test!(
    are_answered_all_the_same_where_no_rule_fits,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = bucket(s3);
        assert_hidden(&bucket.get("key").expect(200));
        assert_hidden(&bucket.get("key").header("referer", APP).expect(200));
        assert_hidden(
            &bucket
                .get("key")
                .header("origin", "http://app.example")
                .expect(200),
        );
        assert_hidden(&of_the_app(bucket.put("new", "x")).expect(200));
        assert_eq!(bucket.read("new"), b"x");
        let absent = s3.bucket_named(s3.unused_name());
        assert_hidden(
            &of_the_app(absent.get("key"))
                .expect_error(404, "NoSuchBucket")
                .response,
        );
        assert_hidden(&of_the_app(s3.request("GET", "/")).expect(200));
        delete(&bucket).expect(204);
        assert_hidden(&of_the_app(bucket.get("key")).expect(200));
    }
);

s3_test!(
    are_judged_by_the_headers_of_preflight_requests_where_they_have_them,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = bucket(s3);
        let get = |name: &str, value: &str| of_the_app(bucket.get("key")).header(name, value).expect(200);
        assert_hidden(&get("access-control-request-method", "PUT"));
        assert_shown(&get("access-control-request-method", "HEAD"));
        assert_hidden(&get("access-control-request-headers", "authorization"));
        let allowed = get("access-control-request-headers", "X-Amz-Date");
        assert_eq!(allowed.required("access-control-allow-headers"), "x-amz-date");
        let put = of_the_app(bucket.put("new", "x"));
        assert_shown(&put.header("access-control-request-method", "GET").expect(200));
    }
);

s3_test!(
    are_shown_answers_of_any_origin_by_a_rule_for_all,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = bucket(s3);
        let rule = "<AllowedMethod>PUT</AllowedMethod><AllowedMethod>DELETE</AllowedMethod>\
                    <AllowedOrigin>https://app.example</AllowedOrigin><AllowedOrigin>*</AllowedOrigin>";
        // The answer to the change of the rules is shown by the new ones.
        let changed = of_the_app(put(&bucket, &[rule])).expect(200);
        let written = of_the_app(bucket.put("new", "x")).expect(200);
        let deleted = bucket.delete("new").header("origin", "null").expect(204);
        for answer in [changed, written, deleted] {
            let expected = [
                ("access-control-allow-methods", "PUT, DELETE"),
                ("access-control-allow-origin", "*"),
                ("vary", VARY),
            ];
            assert_eq!(cors_headers(&answer), expected);
        }
        assert_hidden(&of_the_app(bucket.get("key")).expect(200));
    }
);
