//! What is refused before any secret is looked up.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Claim, PayloadMode, RequestHead, claim, claim_of_sts};
use crate::model::{ErrorCode, S3Error, Timestamp};

const NOW: Timestamp = Timestamp::from_seconds(1_369_353_600);
const SIGNATURE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A well-formed request to change.
struct Request {
    query: String,
    headers: HeaderMap,
}

fn signed_by_header() -> Request {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=KEY/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={SIGNATURE}"
    );
    Request {
        query: String::new(),
        headers: HeaderMap::new(),
    }
    .with("host", "s3.test")
    .with("x-amz-date", "20130524T000000Z")
    .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    .with("authorization", &authorization)
}

fn presigned() -> Request {
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=KEY%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={SIGNATURE}"
    );
    Request {
        query,
        headers: HeaderMap::new(),
    }
    .with("host", "s3.test")
}

impl Request {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// With one text for another in the `Authorization` header or the query.
    fn replacing(mut self, from: &str, to: &str) -> Self {
        self.query = self.query.replace(from, to);
        match self.headers.get("authorization").cloned() {
            Some(value) => self.with("authorization", &value.to_str().unwrap().replace(from, to)),
            None => self,
        }
    }

    fn claim_at(&self, now: Timestamp) -> Result<Claim, S3Error> {
        let head = RequestHead {
            method: "GET",
            raw_path: "/bucket/key",
            raw_query: &self.query,
            headers: &self.headers,
        };
        claim(&head, now, "us-east-1")
    }

    fn refusal(&self) -> S3Error {
        self.claim_at(NOW).unwrap_err()
    }
}

fn field<'e>(error: &'e S3Error, name: &str) -> Option<&'e str> {
    let found = error.fields.iter().find(|(candidate, _)| *candidate == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn a_request_without_a_signature_is_anonymous() {
    let request = Request {
        query: "list-type=2".to_owned(),
        headers: HeaderMap::new(),
    };
    assert!(matches!(request.claim_at(NOW), Ok(Claim::Anonymous)));
}

#[test]
fn the_unchanged_requests_are_accepted() {
    assert!(signed_by_header().claim_at(NOW).is_ok());
    assert!(presigned().claim_at(NOW).is_ok());
}

#[test]
fn a_signature_in_header_and_query_is_refused() {
    for query in [
        presigned().query,
        "AWSAccessKeyId=KEY&Signature=x&Expires=1".to_owned(),
    ] {
        let request = Request {
            query,
            ..signed_by_header()
        };
        let error = request.refusal();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert_eq!(field(&error, "ArgumentName"), Some("Authorization"));
        assert!(error.message.starts_with("Only one auth mechanism allowed"));
    }
}

#[test]
fn signature_version_2_is_refused() {
    let in_header = signed_by_header().with("authorization", "AWS KEY:c2lnbmF0dXJl");
    let in_query = Request {
        query: "AWSAccessKeyId=KEY&Expires=1&Signature=x".to_owned(),
        headers: HeaderMap::new(),
    };
    for request in [in_header, in_query] {
        let error = request.refusal();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        assert_eq!(
            error.message,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        );
    }
}

#[test]
fn another_authorization_scheme_is_refused() {
    let error = signed_by_header().with("authorization", "Basic YTpi").refusal();
    assert_eq!(error.code, ErrorCode::InvalidArgument);
    assert_eq!(error.message, "Unsupported Authorization Type");
    assert_eq!(field(&error, "ArgumentValue"), Some("Basic"));
}

#[test]
fn an_authorization_header_has_its_three_components_once() {
    for (from, to) in [
        ("Credential=", "Credentials="),
        ("SignedHeaders=", ""),
        (", Signature=", ", Other="),
        (", Signature=", ", Signature=a, Signature="),
    ] {
        let error = signed_by_header().replacing(from, to).refusal();
        assert_eq!(error.code, ErrorCode::AuthorizationHeaderMalformed, "{to}");
        assert!(error.message.contains("requires three components"), "{to}");
    }
}

#[test]
fn an_authorization_header_of_more_than_8_kib_is_refused() {
    let request = signed_by_header().replacing("host;", &"a;".repeat(4096));
    assert_eq!(request.refusal().code, ErrorCode::RequestHeaderSectionTooLarge);
}

#[test]
fn more_than_128_signed_headers_are_refused() {
    let request = signed_by_header().replacing("host;", &format!("{}host;", "a;".repeat(126)));
    assert_eq!(request.refusal().code, ErrorCode::RequestHeaderSectionTooLarge);
}

#[test]
fn the_credential_scope_must_be_this_endpoints() {
    let cases = [
        (
            "us-east-1",
            "eu-west-1",
            "the region 'eu-west-1' is wrong; expecting 'us-east-1'",
        ),
        (
            "/s3/",
            "/ec2/",
            "incorrect service \"ec2\". This endpoint belongs to \"s3\".",
        ),
        (
            "aws4_request",
            "aws5",
            "incorrect terminal \"aws5\". This endpoint uses \"aws4_request\".",
        ),
        (
            "/20130524/",
            "/20130523/",
            "Invalid credential date \"20130523\". This date is not the same as X-Amz-Date: \"20130524\".",
        ),
        (
            "KEY/",
            "KEY/more/",
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
        ),
    ];
    for (from, to, message) in cases {
        let error = signed_by_header().replacing(from, to).refusal();
        assert_eq!(error.code, ErrorCode::AuthorizationHeaderMalformed);
        assert_eq!(
            error.message,
            format!("The authorization header is malformed; {message}")
        );
        let (from, to) = (from.replace('/', "%2F"), to.replace('/', "%2F"));
        let error = presigned().replacing(&from, &to).refusal();
        assert_eq!(error.code, ErrorCode::AuthorizationQueryParametersError);
        assert_eq!(
            error.message,
            format!("Error parsing the X-Amz-Credential parameter; {message}")
        );
    }
}

#[test]
fn a_wrong_region_is_answered_with_the_right_one() {
    for request in [signed_by_header(), presigned()] {
        let error = request.replacing("us-east-1", "eu-west-1").refusal();
        assert_eq!(field(&error, "Region"), Some("us-east-1"));
    }
}

#[test]
fn a_request_without_a_date_is_refused() {
    for request in [
        signed_by_header().without("x-amz-date"),
        signed_by_header().with("x-amz-date", "Fri, 24 May 2013 00:00:00 GMT"),
        signed_by_header().with("x-amz-date", "20130524T000060Z"),
        signed_by_header().with("x-amz-date", "+0130524T000000Z"),
    ] {
        let error = request.refusal();
        assert_eq!(error.code, ErrorCode::AccessDenied);
        assert_eq!(
            error.message,
            "AWS authentication requires a valid Date or x-amz-date header"
        );
    }
}

#[test]
fn the_date_header_stands_in_for_x_amz_date() {
    for date in ["Fri, 24 May 2013 00:00:00 GMT", "20130524T000000Z"] {
        let request = signed_by_header().without("x-amz-date").with("date", date);
        assert!(request.claim_at(NOW).is_ok(), "{date}");
    }
}

#[test]
fn the_clocks_may_differ_by_fifteen_minutes() {
    let request = signed_by_header();
    for seconds in [-900, 900] {
        assert!(
            request
                .claim_at(Timestamp::from_seconds(NOW.seconds() + seconds))
                .is_ok()
        );
    }
    for (seconds, server_time) in [(-901, "2013-05-23T23:44:59Z"), (901, "2013-05-24T00:15:01Z")] {
        let now = Timestamp::from_seconds(NOW.seconds() + seconds);
        let error = request.claim_at(now).unwrap_err();
        assert_eq!(error.code, ErrorCode::RequestTimeTooSkewed);
        assert_eq!(field(&error, "RequestTime"), Some("20130524T000000Z"));
        assert_eq!(field(&error, "ServerTime"), Some(server_time));
        assert_eq!(field(&error, "MaxAllowedSkewMilliseconds"), Some("900000"));
    }
}

#[test]
fn a_presigned_request_is_valid_until_it_expires() {
    let at = |seconds| presigned().claim_at(Timestamp::from_seconds(NOW.seconds() + seconds));
    assert!(at(-900).is_ok());
    assert!(at(60).is_ok());
    let error = at(61).unwrap_err();
    assert_eq!(error.code, ErrorCode::AccessDenied);
    assert_eq!(error.message, "Request has expired");
    assert_eq!(field(&error, "X-Amz-Expires"), Some("60"));
    assert_eq!(field(&error, "Expires"), Some("2013-05-24T00:01:00Z"));
    assert_eq!(field(&error, "ServerTime"), Some("2013-05-24T00:01:01Z"));
    let error = at(-901).unwrap_err();
    assert_eq!(error.code, ErrorCode::AccessDenied);
    assert_eq!(error.message, "Request is not yet valid");
}

#[test]
fn a_presigned_request_expires_within_1_second_to_a_week() {
    for seconds in ["1", "604800"] {
        let request = presigned().replacing("Expires=60", &format!("Expires={seconds}"));
        assert!(request.claim_at(NOW).is_ok(), "{seconds}");
    }
    for seconds in ["0", "-1", "604801", "x", "", "99999999999999999999"] {
        let request = presigned().replacing("Expires=60", &format!("Expires={seconds}"));
        assert_eq!(
            request.refusal().code,
            ErrorCode::AuthorizationQueryParametersError,
            "{seconds}"
        );
    }
}

#[test]
fn a_presigned_request_has_all_its_parameters() {
    for name in [
        "Algorithm",
        "Credential",
        "Date",
        "Expires",
        "SignedHeaders",
        "Signature",
    ] {
        let request = presigned().replacing(&format!("X-Amz-{name}="), "other=");
        let error = request.refusal();
        assert_eq!(error.code, ErrorCode::AuthorizationQueryParametersError, "{name}");
        assert!(error.message.contains("requires the X-Amz-Algorithm"), "{name}");
    }
}

#[test]
fn every_x_amz_header_must_be_signed() {
    for request in [signed_by_header(), presigned()] {
        let error = request
            .with("x-amz-copy-source", "/other/secret")
            .with("x-amz-acl", "public-read")
            .refusal();
        assert_eq!(error.code, ErrorCode::AccessDenied);
        assert_eq!(
            error.message,
            "There were headers present in the request which were not signed"
        );
        let mut missing: Vec<&str> = field(&error, "HeadersNotSigned").unwrap().split(", ").collect();
        missing.sort_unstable();
        assert_eq!(missing, ["x-amz-acl", "x-amz-copy-source"]);
    }
}

#[test]
fn host_must_be_signed() {
    let error = signed_by_header().replacing("host;", "").refusal();
    assert_eq!(error.code, ErrorCode::AccessDenied);
    assert_eq!(field(&error, "HeadersNotSigned"), Some("host"));
}

#[test]
fn header_authentication_needs_the_payload_hash() {
    let error = signed_by_header().without("x-amz-content-sha256").refusal();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    assert_eq!(
        error.message,
        "Missing required header for this request: x-amz-content-sha256"
    );
}

#[test]
fn payload_modes_are_told_apart() {
    let mode = |value: &str| match signed_by_header()
        .with("x-amz-content-sha256", value)
        .claim_at(NOW)
    {
        Ok(Claim::Signed(claim)) => Ok(claim.payload()),
        Ok(Claim::Anonymous) => panic!("the request is signed"),
        Err(error) => Err(error.code),
    };
    assert_eq!(mode(&"0a".repeat(32)), Ok(PayloadMode::Hash([10; 32])));
    assert_eq!(mode("UNSIGNED-PAYLOAD"), Ok(PayloadMode::Unsigned));
    assert_eq!(
        mode("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        Ok(PayloadMode::StreamingSigned)
    );
    assert_eq!(
        mode("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
        Ok(PayloadMode::StreamingSignedTrailer)
    );
    assert_eq!(
        mode("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        Ok(PayloadMode::StreamingUnsignedTrailer)
    );
    for value in [
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
    ] {
        assert_eq!(mode(value), Err(ErrorCode::NotImplemented));
    }
    for value in ["", "0a", "STREAMING-OTHER", &"0g".repeat(32), &"0a".repeat(33)] {
        assert_eq!(mode(value), Err(ErrorCode::InvalidArgument), "{value}");
    }
}

#[test]
fn a_presigned_query_may_name_the_payload_hash() {
    let mut request = presigned();
    request.query.push_str("&X-Amz-Content-Sha256=");
    request.query.push_str(&"0a".repeat(32));
    match request.claim_at(NOW) {
        Ok(Claim::Signed(claim)) => assert_eq!(claim.payload(), PayloadMode::Hash([10; 32])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_token_of_a_session_is_read_where_the_signature_covers_it() {
    let mut in_query = presigned();
    in_query.query.push_str("&X-Amz-Security-Token=T0");
    let in_header = signed_by_header().with("x-amz-security-token", "T0");
    assert_eq!(in_header.refusal().code, ErrorCode::AccessDenied);
    let signed = in_header.replacing("x-amz-date,", "x-amz-date;x-amz-security-token,");
    for request in [signed, in_query] {
        match request.claim_at(NOW) {
            Ok(Claim::Signed(claim)) => assert_eq!(claim.token(), Some("T0")),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_request_to_sts_is_signed_for_it_here_or_in_us_east_1_and_over_its_body() {
    let claim = |request: &Request, region: &str| {
        let head = RequestHead {
            method: "POST",
            raw_path: "/",
            raw_query: "",
            headers: &request.headers,
        };
        claim_of_sts(&head, "hash".to_owned(), NOW, region)
    };
    let to_s3 = signed_by_header().without("x-amz-content-sha256");
    let to_s3 = to_s3.replacing("host;x-amz-content-sha256;", "host;");
    let refused = claim(&to_s3, "us-east-1").unwrap_err();
    assert_eq!(refused.code, ErrorCode::AuthorizationHeaderMalformed);
    let request = to_s3.replacing("/s3/", "/sts/");
    for region in ["us-east-1", "eu-west-1"] {
        let signed = claim(&request, region).unwrap().unwrap();
        assert_eq!((signed.access_key(), signed.token()), ("KEY", None));
        assert_eq!(signed.into_payload_hash(), "hash");
    }
    let elsewhere = request.replacing("us-east-1", "eu-north-1");
    let refused = claim(&elsewhere, "us-east-1").unwrap_err();
    assert_eq!(field(&refused, "Region"), Some("us-east-1"));
    let unsigned = signed_by_header().without("authorization");
    assert!(claim(&unsigned, "us-east-1").unwrap().is_none());
}

#[test]
fn a_target_of_more_than_32_kib_is_refused() {
    let request = Request {
        query: "a".repeat(32 * 1024),
        headers: HeaderMap::new(),
    };
    assert_eq!(request.refusal().code, ErrorCode::InvalidURI);
}
