//! `OPTIONS`: what browsers ask before they send a request to another origin.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html>

use std::time::Duration;

use bleepstore_tests::http::{ErrorDocument, Request, Response, S3};
use bleepstore_tests::s3_test;

use crate::bucket_cors::{delete, put};

const APP: &str = "https://app.example";

/// On what S3 says that an answer depends.
pub(crate) const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// A rule for a page of [`APP`].
const RULE: &str = "<AllowedHeader>content-type</AllowedHeader><AllowedHeader>x-AMZ-*</AllowedHeader>\
                    <AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>\
                    <AllowedOrigin>https://app.example</AllowedOrigin><AllowedOrigin>https://*.pages.example</AllowedOrigin>\
                    <ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-request-id</ExposeHeader>\
                    <MaxAgeSeconds>3000</MaxAgeSeconds>";

/// A rule for everybody.
const FOR_ALL: &str = "<AllowedMethod>HEAD</AllowedMethod><AllowedOrigin>*</AllowedOrigin>";

fn asked(request: Request, origin: &str, method: &str) -> Request {
    request
        .header("origin", origin)
        .header("access-control-request-method", method)
        .anonymous()
}

/// The headers of CORS, in the order of the alphabet.
pub(crate) fn cors_headers(response: &Response) -> Vec<(&str, &str)> {
    let headers = response
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mut found: Vec<_> = headers
        .filter(|(name, _)| name.starts_with("access-control-") || *name == "vary")
        .collect();
    found.sort_unstable();
    found
}

fn expect_forbidden(request: Request) -> ErrorDocument {
    let error = request.expect_error(403, "AccessForbidden");
    assert_eq!(cors_headers(&error.response), []);
    error
}

s3_test!(
    is_forbidden_where_a_bucket_has_no_rules,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        for request in [bucket.request("OPTIONS"), bucket.object("OPTIONS", "key")] {
            let error = expect_forbidden(asked(request, APP, "PUT"));
            assert_eq!(
                error.message,
                "CORSResponse: CORS is not enabled for this bucket."
            );
            assert_eq!(error.field("Method"), "PUT");
            assert_eq!(error.field("ResourceType"), "BUCKET");
        }
        let error = expect_forbidden(asked(s3.request("OPTIONS", "/"), APP, "GET"));
        assert_eq!(error.field("ResourceType"), "SERVICE");
    }
);

s3_test!(says_that_there_is_no_such_bucket, largest_body = 0, |s3: &S3| {
    let absent = s3.bucket_named(s3.unused_name());
    let error = expect_forbidden(asked(absent.object("OPTIONS", "key"), APP, "PUT"));
    assert_eq!(error.message, "CORSResponse: Bucket not found");
    assert_eq!(error.field("ResourceType"), "BUCKET");
});

s3_test!(
    needs_an_origin_and_no_method_that_s3_does_not_have,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let request = bucket.object("OPTIONS", "key").anonymous();
        let error = request.clone().expect_error(400, "BadRequest");
        assert_eq!(
            error.message,
            "Insufficient information. Origin request header needed."
        );
        let request = request.header("origin", APP);
        // Which method it would be may be left open where no rule is asked.
        let error = expect_forbidden(request.clone());
        assert_eq!(error.field("Method"), "OPTIONS");
        let patch = request.clone().header("access-control-request-method", "PATCH");
        let error = patch.expect_error(400, "BadRequest");
        assert_eq!(error.message, "Invalid Access-Control-Request-Method: PATCH");
        put(&bucket, &[FOR_ALL]).expect(200);
        let error = request.expect_error(400, "BadRequest");
        assert_eq!(error.message, "Invalid Access-Control-Request-Method: null");
    }
);

s3_test!(
    is_told_what_the_rule_for_its_origin_allows,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        put(&bucket, &[RULE, FOR_ALL]).expect(200);
        for origin in [APP, "https://a.b.pages.example"] {
            for request in [bucket.object("OPTIONS", "key"), bucket.request("OPTIONS")] {
                let answer = asked(request, origin, "PUT").expect(200);
                assert_eq!(answer.body, b"");
                let expected = [
                    ("access-control-allow-credentials", "true"),
                    ("access-control-allow-methods", "GET, PUT"),
                    ("access-control-allow-origin", origin),
                    ("access-control-expose-headers", "ETag, x-amz-request-id"),
                    ("access-control-max-age", "3000"),
                    ("vary", VARY),
                ];
                assert_eq!(cors_headers(&answer), expected);
            }
        }
        // Every origin is told the same.
        let answer = asked(bucket.object("OPTIONS", "key"), "null", "HEAD").expect(200);
        let expected = [
            ("access-control-allow-methods", "HEAD"),
            ("access-control-allow-origin", "*"),
            ("vary", VARY),
        ];
        assert_eq!(cors_headers(&answer), expected);
    }
);

s3_test!(
    is_told_the_headers_that_it_asked_for,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        put(&bucket, &[RULE]).expect(200);
        let asked = |headers: &str| {
            let request = asked(bucket.object("OPTIONS", "key"), APP, "PUT");
            request.header("access-control-request-headers", headers)
        };
        for (headers, allowed) in [
            ("content-type", "content-type"),
            ("X-Amz-Date,Content-Type", "x-amz-date, content-type"),
        ] {
            let answer = asked(headers).expect(200);
            assert_eq!(answer.required("access-control-allow-headers"), allowed);
        }
        let answer = asked("").expect(200);
        assert_eq!(answer.header("access-control-allow-headers"), None);
        expect_forbidden(asked("content-type, authorization"));
    }
);

s3_test!(
    is_forbidden_where_no_rule_fits,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        put(&bucket, &[RULE, FOR_ALL]).expect(200);
        for (origin, method) in [
            ("http://app.example", "PUT"),
            ("https://App.example", "GET"),
            ("https://pages.example", "GET"),
            (APP, "DELETE"),
        ] {
            for (request, resource) in [
                (bucket.object("OPTIONS", "key"), "OBJECT"),
                (bucket.request("OPTIONS"), "BUCKET"),
            ] {
                let error = expect_forbidden(asked(request, origin, method));
                assert_eq!(
                    error.message,
                    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                 request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted \
                 by the resource's CORS spec."
                );
                assert_eq!(error.field("Method"), method);
                assert_eq!(error.field("ResourceType"), resource);
            }
        }
    }
);

s3_test!(
    is_about_any_request_whatever_its_query,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        put(&bucket, &[RULE]).expect(200);
        let object = || bucket.object("OPTIONS", "key");
        let presigned = object().presigned(Duration::from_secs(60)).sign();
        let (_, query) = presigned.target.split_once('?').expect("a query");
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let decoded = bleepstore_tests::http::encoding::url_decode;
        let presigned = pairs.fold(object(), |request, (name, value)| {
            request.query(name, decoded(value))
        });
        for request in [
            object().query("partNumber", 1).query("uploadId", "none"),
            object().query("versionId", "none"),
            bucket.request("OPTIONS").flag("cors"),
            presigned,
        ] {
            asked(request, APP, "PUT").expect(200);
        }
    }
);

s3_test!(
    sees_a_change_of_the_rules_at_once,
    largest_body = 9_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        // More than a bucket's row takes.
        let filler = format!("<ExposeHeader>{}</ExposeHeader>", "x".repeat(200)).repeat(30);
        for more in ["", &filler] {
            put(&bucket, &[&format!("{FOR_ALL}{more}")]).expect(200);
            asked(bucket.request("OPTIONS"), APP, "HEAD").expect(200);
            put(&bucket, &[&format!("{RULE}{more}")]).expect(200);
            expect_forbidden(asked(bucket.request("OPTIONS"), APP, "HEAD"));
            asked(bucket.request("OPTIONS"), APP, "GET").expect(200);
            delete(&bucket).expect(204);
            let error = expect_forbidden(asked(bucket.request("OPTIONS"), APP, "GET"));
            assert_eq!(
                error.message,
                "CORSResponse: CORS is not enabled for this bucket."
            );
        }
    }
);
