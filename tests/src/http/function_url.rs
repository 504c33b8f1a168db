//! What a client meets behind a Function URL of AWS Lambda, and how the rules of the suite read it nevertheless.
//!
//! In streaming mode the length that a function sets arrives under another name. That is asserted once, in
//! `tests/s3/function_url.rs`, which reads responses as they are; every other rule reads the length where S3 has it.

use super::deployment::end_refused_rule;
use super::{ErrorDocument, Request, Response, S3};

/// The largest request body that the deployment takes, in bytes.
pub const BODY_LIMIT: u64 = 4_500_000;

/// The longest event of Lambda; base64 makes a body a third longer.
const EVENT_LIMIT: u64 = 6 * 1024 * 1024;

/// Where the length of a streamed response stands.
pub const REMAPPED_LENGTH: &str = "x-amzn-remapped-content-length";

/// The response as S3 would have sent it.
pub(super) fn translated(mut response: Response) -> Response {
    if let Some(at) = response
        .headers
        .iter()
        .position(|(name, _)| name == REMAPPED_LENGTH)
    {
        "content-length".clone_into(&mut response.headers[at].0);
        response.headers.retain(|(name, _)| name != "transfer-encoding");
    }
    response
}

/// Checks how a body that is larger than [`BODY_LIMIT`] is refused: by BleepStore with an S3 error while it fits into an
/// event, and by Lambda itself beyond that.
pub(super) fn assert_body_refused(s3: &S3, size: u64) {
    let bucket = s3.bucket();
    let put = |size: u64| bucket.put("too-large", vec![0; usize::try_from(size).unwrap()]);
    let error = put(BODY_LIMIT + 1).expect_error(400, "EntityTooLarge");
    assert_names_the_limit_and_the_ways_out(&error);
    assert_eq!(error.field("MaxSizeAllowed"), BODY_LIMIT.to_string());
    assert_eq!(error.field("ProposedSize"), (BODY_LIMIT + 1).to_string());
    if size / 3 * 4 > EVENT_LIMIT {
        let refused = s3.connect().send(&put(size).sign()).assert_status(413);
        assert_eq!(refused.text(), r#"{"Message":"Request Entity Too Large"}"#);
    }
    assert_eq!(bucket.list().expect(200).value("ListBucketResult/KeyCount"), "0");
}

/// Checks that a multipart upload is refused where it would begin, and ends the rule, which cannot go on.
pub(super) fn assert_multipart_refused(create: Request) -> ! {
    let error = create.expect_error(501, "NotImplemented");
    assert_names_the_limit_and_the_ways_out(&error);
    assert!(
        error
            .message
            .starts_with("Multipart uploads do not work on BleepStore on AWS Lambda"),
        "{}",
        error.message
    );
    end_refused_rule()
}

fn assert_names_the_limit_and_the_ways_out(error: &ErrorDocument) {
    for part in [
        "BleepStore on AWS Lambda",
        "request bodies of at most 4500000 bytes",
        "Use smaller objects, or run the same program as an HTTP server",
    ] {
        assert!(error.message.contains(part), "no {part:?} in {:?}", error.message);
    }
}
