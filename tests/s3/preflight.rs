//! `OPTIONS`: what browsers ask before they send a request to another origin. No bucket has a CORS configuration.

use bleepstore_tests::http::{Request, S3};
use bleepstore_tests::s3_test;

fn asked(request: Request) -> Request {
    request
        .header("origin", "https://app.example")
        .header("access-control-request-method", "PUT")
        .anonymous()
}

s3_test!(
    is_forbidden_for_buckets_and_objects_without_a_signature,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        for (request, resource) in [
            (bucket.request("OPTIONS"), "BUCKET"),
            (bucket.object("OPTIONS", "key"), "OBJECT"),
        ] {
            let error = asked(request).expect_error(403, "AccessForbidden");
            assert_eq!(
                error.message,
                "CORSResponse: CORS is not enabled for this bucket."
            );
            assert_eq!(error.field("Method"), "PUT");
            assert_eq!(error.field("ResourceType"), resource);
            let allows = |(name, _): &(String, String)| name.starts_with("access-control-");
            assert!(!error.response.headers.iter().any(allows));
        }
    }
);

s3_test!(tells_nothing_about_buckets, largest_body = 0, |s3: &S3| {
    let absent = s3.bucket_named(s3.unused_name());
    asked(absent.object("OPTIONS", "key")).expect_error(403, "AccessForbidden");
});

s3_test!(
    needs_an_origin_and_no_method_that_s3_does_not_have,
    largest_body = 0,
    |s3: &S3| {
        let request = s3.bucket().object("OPTIONS", "key").anonymous();
        let error = request.clone().expect_error(400, "BadRequest");
        assert_eq!(
            error.message,
            "Insufficient information. Origin request header needed."
        );
        let request = request.header("origin", "https://app.example");
        // Which method it would be may be left open.
        let error = request.clone().expect_error(403, "AccessForbidden");
        assert_eq!(error.field("Method"), "OPTIONS");
        let error = request
            .header("access-control-request-method", "PATCH")
            .expect_error(400, "BadRequest");
        assert_eq!(error.message, "Invalid Access-Control-Request-Method: PATCH");
    }
);
