//! Conditional reads: RFC 9110 section 13.2.2 as S3 applies it to GetObject and HeadObject.

use bleepstore_tests::http::encoding::etag;
use bleepstore_tests::http::{Bucket, Response, S3};
use bleepstore_tests::s3_test;

const PAST: &str = "Fri, 01 Jan 2010 00:00:00 GMT";
const FUTURE: &str = "Fri, 01 Jan 2100 00:00:00 GMT";
const OTHER: &str = "\"00000000000000000000000000000000\"";

/// A bucket with one object under `key`, the object's ETag and its Last-Modified.
fn stored(s3: &S3) -> (Bucket, String, String) {
    let bucket = s3.bucket();
    bucket
        .put("key", "0123456789")
        .header("cache-control", "max-age=5")
        .expect(200);
    let modified = bucket
        .head("key")
        .expect(200)
        .required("last-modified")
        .to_owned();
    (bucket, etag(b"0123456789"), modified)
}

/// Sends GET and HEAD with these headers and checks the status of both.
#[track_caller]
fn read(bucket: &Bucket, headers: &[(&str, &str)], status: u16) -> Response {
    let with_headers = |method| {
        let request = bucket.object(method, "key");
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value))
    };
    let head = with_headers("HEAD").expect(status);
    assert_eq!(head.body, b"");
    with_headers("GET").expect(status)
}

s3_test!(if_match_of_the_etag_holds, largest_body = 10, |s3: &S3| {
    let (bucket, etag, _) = stored(s3);
    let unquoted = etag.trim_matches('"');
    for value in [&etag, unquoted, "*", &format!("{OTHER}, {etag}")] {
        assert_eq!(read(&bucket, &[("if-match", value)], 200).text(), "0123456789");
    }
});

s3_test!(if_match_of_another_etag_fails, largest_body = 10, |s3: &S3| {
    let (bucket, _, _) = stored(s3);
    let error = read(&bucket, &[("if-match", OTHER)], 412).into_error(412, "PreconditionFailed");
    assert_eq!(error.field("Condition"), "If-Match");
});

s3_test!(
    if_match_of_an_absent_object_is_no_such_key,
    largest_body = 0,
    |s3: &S3| {
        s3.bucket()
            .get("key")
            .header("if-match", OTHER)
            .expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    if_none_match_of_the_etag_is_not_modified,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, etag, modified) = stored(s3);
        for value in [&etag, "*", &format!("{OTHER}, {etag}"), &format!("W/{etag}")] {
            let response = read(&bucket, &[("if-none-match", value)], 304).assert_bodiless(304);
            assert_eq!(response.etag(), etag);
            assert_eq!(response.required("last-modified"), modified);
            assert_eq!(response.required("cache-control"), "max-age=5");
        }
    }
);

s3_test!(
    if_none_match_of_another_etag_holds,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, _, _) = stored(s3);
        read(&bucket, &[("if-none-match", OTHER)], 200);
    }
);

s3_test!(
    if_modified_since_compares_whole_seconds,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, _, modified) = stored(s3);
        read(&bucket, &[("if-modified-since", &modified)], 304);
        read(&bucket, &[("if-modified-since", PAST)], 200);
    }
);

s3_test!(
    if_modified_since_in_the_future_is_ignored,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, etag, modified) = stored(s3);
        read(&bucket, &[("if-modified-since", FUTURE)], 200);
        read(
            &bucket,
            &[("if-none-match", &etag), ("if-modified-since", FUTURE)],
            304,
        );
        let attributes = |date: &str| {
            let request = bucket.get("key").flag("attributes");
            let request = request.header("x-amz-object-attributes", "ETag");
            request.header("if-modified-since", date)
        };
        attributes(FUTURE).expect(200);
        attributes(&modified).expect(304);
    }
);

s3_test!(
    if_unmodified_since_compares_whole_seconds,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, _, modified) = stored(s3);
        read(&bucket, &[("if-unmodified-since", &modified)], 200);
        let error =
            read(&bucket, &[("if-unmodified-since", PAST)], 412).into_error(412, "PreconditionFailed");
        assert_eq!(error.field("Condition"), "If-Unmodified-Since");
    }
);

s3_test!(
    a_date_that_cannot_be_read_is_ignored,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, _, _) = stored(s3);
        read(&bucket, &[("if-modified-since", "yesterday")], 200);
        read(&bucket, &[("if-unmodified-since", "yesterday")], 200);
    }
);

s3_test!(
    if_match_that_holds_outranks_if_unmodified_since,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, etag, _) = stored(s3);
        read(
            &bucket,
            &[("if-match", &etag), ("if-unmodified-since", PAST)],
            200,
        );
    }
);

s3_test!(
    if_match_that_fails_outranks_if_unmodified_since,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, _, modified) = stored(s3);
        read(
            &bucket,
            &[("if-match", OTHER), ("if-unmodified-since", &modified)],
            412,
        );
    }
);

s3_test!(
    if_none_match_that_fails_outranks_if_modified_since,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, etag, _) = stored(s3);
        read(
            &bucket,
            &[("if-none-match", &etag), ("if-modified-since", PAST)],
            304,
        );
    }
);

s3_test!(
    if_none_match_that_holds_outranks_if_modified_since,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, _, modified) = stored(s3);
        read(
            &bucket,
            &[("if-none-match", OTHER), ("if-modified-since", &modified)],
            200,
        );
    }
);

s3_test!(
    if_match_is_decided_before_if_none_match,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, etag, _) = stored(s3);
        read(&bucket, &[("if-match", OTHER), ("if-none-match", &etag)], 412);
        read(&bucket, &[("if-match", &etag), ("if-none-match", &etag)], 304);
    }
);

s3_test!(
    conditions_are_decided_before_the_range,
    largest_body = 10,
    |s3: &S3| {
        let (bucket, etag, _) = stored(s3);
        read(&bucket, &[("if-match", OTHER), ("range", "bytes=99-")], 412);
        read(&bucket, &[("if-none-match", &etag), ("range", "bytes=0-1")], 304);
        let response = read(&bucket, &[("if-match", &etag), ("range", "bytes=0-1")], 206);
        assert_eq!(response.text(), "01");
    }
);
