//! What version 2 covers, and what is refused because it does not.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{SigV2Request, SignedClaim, claim, sign};
use crate::model::{ErrorCode, S3Error, SigV2, Timestamp};
use crate::protocol::hoisted::hoisted;
use crate::protocol::host::Addressing;
use crate::protocol::query::Query;
use crate::protocol::sigv4::{PayloadMode, RequestHead};

/// 24 May 2013 00:00:00 GMT.
const NOW: Timestamp = Timestamp::from_seconds(1_369_353_600);
const PRESIGNED: &str = "AWSAccessKeyId=KEY&Expires=1369353660&Signature=c2ln";

/// A request to change.
#[derive(Clone)]
struct Request {
    method: &'static str,
    path: &'static str,
    query: String,
    headers: HeaderMap,
}

fn presigned(more: &str) -> Request {
    Request {
        method: "PUT",
        path: "/bucket/key",
        query: format!("{PRESIGNED}{more}"),
        headers: HeaderMap::new(),
    }
}

fn by_header(query: &str) -> Request {
    Request {
        query: query.to_owned(),
        ..presigned("")
    }
    .with("authorization", "AWS KEY:c2ln")
    .with("date", "Fri, 24 May 2013 00:00:00 GMT")
}

impl Request {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
        self
    }

    fn claim_by(&self, now: Timestamp, taken: SigV2) -> Result<Option<SignedClaim>, S3Error> {
        let mut headers = self.headers.clone();
        headers.extend(hoisted(&Query::parse(&self.query)?, &self.headers)?);
        let request = SigV2Request {
            head: RequestHead {
                method: self.method,
                raw_path: self.path,
                raw_query: &self.query,
                headers: &self.headers,
            },
            headers: &headers,
            addressing: &Addressing::PathStyle,
        };
        claim(&request, now, taken)
    }

    fn claimed(&self) -> SignedClaim {
        self.claim_by(NOW, SigV2::On).unwrap().unwrap()
    }

    fn string_to_sign(&self) -> String {
        let claim = self.claimed();
        String::from_utf8(claim.strings_to_sign.first().unwrap().clone()).unwrap()
    }

    fn refusal(&self) -> S3Error {
        self.claim_by(NOW, SigV2::On).unwrap_err()
    }
}

#[test]
fn the_setting_says_which_requests_are_read() {
    let is_read = |request: &Request, taken| request.claim_by(NOW, taken).unwrap().is_some();
    for (taken, in_query, in_header) in [
        (SigV2::On, true, true),
        (SigV2::Presigned, true, false),
        (SigV2::Off, false, false),
    ] {
        assert_eq!(is_read(&presigned(""), taken), in_query, "{taken:?}");
        assert_eq!(is_read(&by_header(""), taken), in_header, "{taken:?}");
    }
}

#[test]
fn other_requests_are_left_to_version_4() {
    for request in [
        by_header("").with("authorization", "AWS4-HMAC-SHA256 Credential=KEY"),
        by_header(PRESIGNED),
        by_header("X-Amz-Signature=s"),
        Request {
            query: "X-Amz-Signature=s".to_owned(),
            ..presigned("")
        },
    ] {
        assert!(
            request.claim_by(NOW, SigV2::On).unwrap().is_none(),
            "{}",
            request.query
        );
    }
    assert_eq!(
        presigned("&X-Amz-Signature=s").refusal().code,
        ErrorCode::InvalidArgument
    );
}

#[test]
fn headers_in_the_query_are_headers_of_the_string_to_sign() {
    let request =
        presigned("&X-Amz-Meta-B=2&x-amz-acl=private&Content-Type=text%2Fx&content-md5=m%3D%3D&x-amz-date=d");
    let expected =
        "PUT\nm==\ntext/x\n1369353660\nx-amz-acl:private\nx-amz-date:d\nx-amz-meta-b:2\n/bucket/key";
    assert_eq!(request.string_to_sign(), expected);
}

#[test]
fn a_header_that_is_added_to_a_presigned_url_is_part_of_what_must_be_signed() {
    let request = presigned("&x-amz-acl=private&content-type=a")
        .with("x-amz-acl", "public-read")
        .with("content-type", "b")
        .with("x-amz-meta-added", "1");
    let expected = "PUT\n\nb\n1369353660\nx-amz-acl:public-read\nx-amz-meta-added:1\n/bucket/key";
    assert_eq!(request.string_to_sign(), expected);
}

#[test]
fn what_cloudfront_adds_is_not_signed() {
    let request = presigned("").with("x-amz-cf-id", "id");
    assert_eq!(request.string_to_sign(), presigned("").string_to_sign());
}

#[test]
fn x_amz_date_takes_the_place_of_the_date() {
    let request = by_header("").with("x-amz-date", "Fri, 24 May 2013 00:00:01 GMT");
    let expected = "PUT\n\n\n\nx-amz-date:Fri, 24 May 2013 00:00:01 GMT\n/bucket/key";
    assert_eq!(request.string_to_sign(), expected);
}

#[test]
fn signed_parameters_are_sorted_and_decoded_and_others_left_out() {
    let request = by_header("versionId=null&prefix=p&response-content-type=a%2Fb+c&acl");
    assert!(
        request
            .string_to_sign()
            .ends_with("\n/bucket/key?acl&response-content-type=a/b c&versionId=null")
    );
}

#[test]
fn a_bucket_may_be_signed_with_a_slash_and_an_empty_parameter_with_its_sign() {
    let request = Request {
        path: "/bucket",
        ..by_header("acl=")
    };
    let strings = request.claimed().strings_to_sign;
    let strings: Vec<String> = strings
        .into_iter()
        .map(|string| String::from_utf8(string).unwrap())
        .map(|string| string.rsplit('\n').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        strings,
        ["/bucket?acl", "/bucket?acl=", "/bucket/?acl", "/bucket/?acl="]
    );
}

#[test]
fn a_sub_resource_that_is_not_signed_is_refused() {
    for parameter in [
        "attributes",
        "renameObject",
        "ownershipControls",
        "publicAccessBlock",
        "encryption",
        "retention",
        "legal-hold",
        "policyStatus",
        "session",
        "intelligent-tiering",
    ] {
        for request in [presigned(&format!("&{parameter}")), by_header(parameter)] {
            let error = request.refusal();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{parameter}");
            assert!(error.message.contains(parameter), "{}", error.message);
        }
    }
}

#[test]
fn a_signed_parameter_occurs_once() {
    let error = presigned("&uploadId=a&partNumber=1&uploadId=b").refusal();
    assert_eq!(error.message, "The parameter uploadId occurs more than once.");
}

#[test]
fn conditions_and_other_headers_in_the_query_are_refused() {
    for name in [
        "If-None-Match",
        "if-match",
        "Range",
        "Cache-Control",
        "expires",
        "Content-Length",
    ] {
        let error = presigned(&format!("&{name}=1")).refusal();
        assert_eq!(error.code, ErrorCode::InvalidRequest, "{name}");
        assert!(error.message.contains(name), "{}", error.message);
    }
}

#[test]
fn a_presigned_url_ends_when_it_says() {
    let at = |seconds| presigned("").claim_by(Timestamp::from_seconds(seconds), SigV2::Presigned);
    assert!(at(1_369_353_660).unwrap().is_some());
    let error = at(1_369_353_661).unwrap_err();
    assert_eq!(error.code, ErrorCode::AccessDenied);
    assert_eq!(error.message, "Request has expired");
    let expected = [
        ("Expires", "2013-05-24T00:01:00Z".to_owned()),
        ("ServerTime", "2013-05-24T00:01:01Z".to_owned()),
    ];
    assert_eq!(error.fields, expected);
}

#[test]
fn an_expiry_is_seconds_since_1970() {
    for expires in ["", "%2B", "x", "1e9", "2147483648", "99999999999999999999"] {
        let mut request = presigned("");
        request.query = request.query.replace("1369353660", expires);
        let error = request.refusal();
        assert_eq!(error.code, ErrorCode::AccessDenied, "{expires}");
        assert!(error.message.starts_with("Invalid date"), "{}", error.message);
    }
    let mut request = presigned("");
    request.query = request.query.replace("1369353660", "2147483647");
    assert!(request.claim_by(NOW, SigV2::On).unwrap().is_some());
    for expires in ["-1", "-9223372036854775808"] {
        let mut request = presigned("");
        request.query = request.query.replace("1369353660", expires);
        assert_eq!(request.refusal().message, "Request has expired", "{expires}");
    }
}

#[test]
fn a_presigned_url_has_its_three_parameters() {
    for name in ["AWSAccessKeyId", "Expires", "Signature"] {
        let mut request = presigned("");
        request.query = request.query.replace(name, "other");
        assert_eq!(request.refusal().code, ErrorCode::AccessDenied, "{name}");
    }
}

#[test]
fn the_clocks_may_differ_by_fifteen_minutes() {
    for seconds in [-900, 900] {
        let now = Timestamp::from_seconds(NOW.seconds() + seconds);
        assert!(by_header("").claim_by(now, SigV2::On).is_ok());
    }
    for seconds in [-901, 901] {
        let now = Timestamp::from_seconds(NOW.seconds() + seconds);
        let error = by_header("").claim_by(now, SigV2::On).unwrap_err();
        assert_eq!(error.code, ErrorCode::RequestTimeTooSkewed);
    }
}

#[test]
fn a_request_without_a_date_is_refused() {
    let mut without = by_header("");
    without.headers.remove("date");
    for request in [
        without,
        by_header("").with("date", "today"),
        by_header("").with("date", "1369353600"),
        by_header("").with("x-amz-date", "today"),
    ] {
        assert_eq!(request.refusal().code, ErrorCode::AccessDenied);
    }
}

#[test]
fn dates_have_the_forms_that_clients_send() {
    for date in [
        "Fri, 24 May 2013 00:00:00 GMT",
        "Fri, 24 May 2013 00:00:00 +0000",
        "Fri, 24 May 2013 02:00:00 +0200",
        "Friday, 24-May-13 00:00:00 GMT",
        "20130524T000000Z",
    ] {
        let request = by_header("").with("date", date);
        assert!(request.claim_by(NOW, SigV2::On).is_ok(), "{date}");
    }
}

#[test]
fn a_payload_may_have_a_hash_and_no_signed_chunks() {
    let of = |value: &str| presigned("").with("x-amz-content-sha256", value);
    assert_eq!(presigned("").claimed().payload(), PayloadMode::Unsigned);
    assert_eq!(of("UNSIGNED-PAYLOAD").claimed().payload(), PayloadMode::Unsigned);
    assert_eq!(
        of(&"0a".repeat(32)).claimed().payload(),
        PayloadMode::Hash([10; 32])
    );
    let in_query = presigned(&format!("&x-amz-content-sha256={}", "0a".repeat(32)));
    assert_eq!(in_query.claimed().payload(), PayloadMode::Hash([10; 32]));
    for value in [
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ] {
        assert_eq!(of(value).refusal().code, ErrorCode::InvalidRequest, "{value}");
    }
}

#[test]
fn the_token_of_a_session_is_read_and_covered() {
    for request in [
        presigned("&x-amz-security-token=T0"),
        presigned("").with("x-amz-security-token", "T0"),
        by_header("").with("x-amz-security-token", "T0"),
    ] {
        assert_eq!(request.claimed().token(), Some("T0"));
        let text = request.string_to_sign();
        assert!(text.contains("\nx-amz-security-token:T0\n"), "{text}");
    }
}

#[test]
fn a_mismatch_says_what_should_have_been_signed_and_no_secret() {
    let error = presigned("").claimed().verify("the secret").unwrap_err();
    assert_eq!(error.code, ErrorCode::SignatureDoesNotMatch);
    assert_eq!(error.fields[0], ("AWSAccessKeyId", "KEY".to_owned()));
    assert_eq!(error.fields[1].1, "PUT\n\n\n1369353660\n/bucket/key");
    let shown = format!("{error:?}");
    let signature = sign("the secret", error.fields[1].1.as_bytes());
    assert!(
        !shown.contains("the secret") && !shown.contains(&signature),
        "{shown}"
    );
}

#[test]
fn what_is_too_long_is_refused() {
    let long = "a".repeat(32 * 1024);
    assert_eq!(
        presigned(&format!("&{long}")).refusal().code,
        ErrorCode::InvalidURI
    );
    let long = by_header("").with("authorization", &format!("AWS KEY:{}", "a".repeat(8 * 1024)));
    assert_eq!(long.refusal().code, ErrorCode::RequestHeaderSectionTooLarge);
}

#[test]
fn an_authorization_header_has_a_key_and_a_signature() {
    let error = by_header("").with("authorization", "AWS KEY").refusal();
    assert_eq!(error.code, ErrorCode::InvalidArgument);
    assert_eq!(error.fields[0].1, "Authorization");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_request_panics(
        query in "(AWSAccessKeyId|Signature|Expires|x-amz-a|acl|&|=|1|%4|é){0,12}",
        authorization in "AWS [a-zA-Z0-9:=]{0,20}",
        date in "\\PC{0,30}|[A-Z][a-z]{2}, [0-9]{1,2} May 20[0-9]{2} [0-9:]{8} [+-][0-9]{4}",
    ) {
        let in_query = Request { query, ..presigned("") };
        let _unproven = in_query.claim_by(NOW, SigV2::On);
        let mut in_header = by_header("").with("authorization", &authorization);
        if let Ok(date) = HeaderValue::from_str(&date) {
            in_header.headers.insert("date", date);
        }
        let _unproven = in_header.claim_by(NOW, SigV2::On);
    }
}
