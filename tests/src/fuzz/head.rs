//! Targets of a request's head.

use bleepstore_core::model::{BucketName, ETag, ObjectHeaders, Operation, S3Error, SigV2, Timestamp};
use bleepstore_core::protocol::attributes;
use bleepstore_core::protocol::checksum;
use bleepstore_core::protocol::conditions::{ReadConditions, range_applies, write_condition};
use bleepstore_core::protocol::headers::{
    self, insert_object_headers, object_headers, refuse_unbuilt_headers,
};
use bleepstore_core::protocol::hoisted::{hoisted, is_header};
use bleepstore_core::protocol::host::Addressing;
use bleepstore_core::protocol::query::Query;
use bleepstore_core::protocol::range::{RangeRequest, parse_copy_source_range, resolve_copy_source_range};
use bleepstore_core::protocol::route::route;
use bleepstore_core::protocol::sigv2::{self, SigV2Request};
use bleepstore_core::protocol::sigv4::{Claim, RequestHead, claim};
use bleepstore_core::protocol::token;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// The time of the published examples: 2013-05-24T00:00:00Z.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_369_353_600);

pub(super) const REGION: &str = "us-east-1";

/// The secret key of the published examples.
pub(super) const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

const SIZES: [u64; 4] = [0, 1, 1_000, u64::MAX];

/// Reads who a request claims to come from, and compares its signature, which nothing here can forge.
fn verify(head: &RequestHead<'_>) {
    if let Ok(Claim::Signed(signed)) = claim(head, NOW, REGION) {
        assert!(!signed.access_key().contains('/'));
        drop(signed.verify(head, SECRET_KEY));
    }
    let carried = Query::parse(head.raw_query).and_then(|query| hoisted(&query, head.headers));
    let mut headers = head.headers.clone();
    headers.extend(carried.unwrap_or_default());
    let request = SigV2Request {
        head: *head,
        headers: &headers,
        addressing: &Addressing::PathStyle,
    };
    if let Ok(Some(signed)) = sigv2::claim(&request, NOW, SigV2::On) {
        drop(signed.verify(SECRET_KEY));
    }
}

/// An `Authorization` header, and after a line feed the date.
pub(super) fn authorization(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let Ok(authorization) = HeaderValue::from_bytes(parts.next().unwrap_or_default()) else {
        return;
    };
    let date = parts.next().unwrap_or(b"20130524T000000Z");
    let Ok(date) = HeaderValue::from_bytes(date) else {
        return;
    };
    let headers = HeaderMap::from_iter([
        (HeaderName::from_static("authorization"), authorization),
        (HeaderName::from_static("x-amz-date"), date),
        (
            HeaderName::from_static("x-amz-content-sha256"),
            HeaderValue::from_static("UNSIGNED-PAYLOAD"),
        ),
        (
            HeaderName::from_static("host"),
            HeaderValue::from_static("s3.amazonaws.com"),
        ),
    ]);
    verify(&RequestHead {
        method: "GET",
        raw_path: "/examplebucket/test.txt",
        raw_query: "",
        headers: &headers,
    });
}

/// A query string as it was sent.
pub(super) fn presigned_query(data: &[u8]) {
    let Ok(raw_query) = std::str::from_utf8(data) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("s3.amazonaws.com"));
    verify(&RequestHead {
        method: "GET",
        raw_path: "/examplebucket/test.txt",
        raw_query,
        headers: &headers,
    });
    if let Ok(query) = Query::parse(raw_query)
        && let Ok(carried) = hoisted(&query, &headers)
    {
        assert!(
            carried
                .iter()
                .all(|(name, _)| name.as_str().starts_with("x-amz-") || is_header(name.as_str()))
        );
    }
}

/// A host, a path and a query, a line each.
pub(super) fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (host, path, query) = (line(), line(), line());
    let domains = ["s3.example.com".to_owned(), "localhost".to_owned()];
    let addressing = Addressing::of(host, &domains);
    drop(token::read_name(query));
    let Ok(query) = Query::parse(query) else {
        return;
    };
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::POST,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
    ] {
        let Ok(route) = route(&method, path, &query, false, &addressing) else {
            continue;
        };
        assert!(route.bucket.is_some() || route.key.is_none());
        assert!(
            route
                .key
                .is_none_or(|key| (1..=1024).contains(&key.as_str().len()))
        );
        if let (Addressing::VirtualHosted(label), Some(bucket)) = (&addressing, &route.bucket) {
            assert_eq!(bucket.as_str(), label);
        }
    }
}

/// A `Range` or `x-amz-copy-source-range` header.
pub(super) fn range(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for size in SIZES {
        if let Some(Ok(range)) = RangeRequest::parse(text).map(|range| range.resolve(size)) {
            assert!(range.length > 0 && range.offset + range.length <= size);
        }
        if let Ok(range) = parse_copy_source_range(text)
            && let Ok(range) = resolve_copy_source_range(range, size)
        {
            assert!(range.length > 0 && range.offset + range.length <= size);
        }
    }
}

/// The value of a condition.
pub(super) fn conditions(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let etag = ETag::from_client("d41d8cd98f00b204e9800998ecf8427e");
    for name in [
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "if-range",
        "x-amz-copy-source-if-match",
    ] {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.clone())]);
        ReadConditions::of_read(&headers, NOW).evaluate(&etag, NOW);
        let source = ReadConditions::of_copy_source(&headers, NOW);
        drop(source.evaluate_for_copy(&etag, NOW));
        range_applies(&headers, &etag, NOW);
        drop(write_condition(&headers));
    }
}

/// The value of `x-amz-copy-source`, or of `x-amz-rename-source`.
pub(super) fn copy_source(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let names = ["x-amz-copy-source", "x-amz-rename-source", "x-amz-client-token"];
    let sent = names.map(|name| (HeaderName::from_static(name), value.clone()));
    let sent = HeaderMap::from_iter(sent);
    if let Ok(Some(source)) = headers::copy_source(&sent) {
        assert!((3..=63).contains(&source.bucket.as_str().len()));
        assert!((1..=1024).contains(&source.key.as_str().len()));
    }
    if let Ok(bucket) = BucketName::new("bucket")
        && let Ok(keys) = headers::rename_source(&sent, &bucket)
    {
        assert!((1..=2).contains(&keys.len()));
        assert!(keys.iter().all(|key| !key.as_str().ends_with('/')));
    }
    drop(headers::client_token(&sent));
}

/// Headers, `name:value` in a line each.
pub(super) fn headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let outcome: Result<ObjectHeaders, S3Error> = object_headers(&headers);
    if let Ok(object) = outcome {
        insert_object_headers(&object, &mut HeaderMap::new());
    }
    drop(refuse_unbuilt_headers(Operation::PutObject, &headers));
    drop(checksum::declared(&headers));
    drop(checksum::declared_of_object(&headers));
    drop(checksum::requested_of_upload(&headers));
    drop(checksum::content_md5(&headers));
    drop(attributes::requested(&headers));
}
