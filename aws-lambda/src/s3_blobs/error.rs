//! What S3's failures mean to the core, in one table.

use std::error::Error;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use bleepstore_core::ports::{StoreError, StoreErrorKind};
use bleepstore_core::remote::{causes, describe};

/// The code of an error answer, or without one its status, as a kind. Codes are those of
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
pub(super) fn answer_kind(code: Option<&str>, status: Option<u16>) -> StoreErrorKind {
    match (code, status) {
        (
            Some(
                "SlowDown"
                | "Throttling"
                | "ThrottlingException"
                | "RequestLimitExceeded"
                | "TooManyRequests",
            ),
            _,
        ) => StoreErrorKind::Throttled,
        // S3 gave up waiting for the request's body, or takes no requests for now.
        (Some("RequestTimeout" | "ServiceUnavailable" | "OperationAborted"), _) => {
            StoreErrorKind::Unavailable
        }
        // The blob is shorter than its record says.
        (Some("InvalidRange"), _) => StoreErrorKind::Corrupt,
        // What S3 did before it failed is not known.
        (Some("InternalError"), _) => StoreErrorKind::Timeout,
        (_, Some(429)) => StoreErrorKind::Throttled,
        (_, Some(503)) => StoreErrorKind::Unavailable,
        (_, Some(500..)) => StoreErrorKind::Timeout,
        _ => StoreErrorKind::Internal,
    }
}

/// An SDK error as the core's.
pub(super) fn store_error<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let kind = match &error {
        SdkError::TimeoutError(_) => StoreErrorKind::Timeout,
        SdkError::DispatchFailure(failure) => failure
            .as_connector_error()
            .map_or(StoreErrorKind::Internal, connection_kind),
        // An answer came that could not be read.
        SdkError::ResponseError(_) => StoreErrorKind::Timeout,
        SdkError::ServiceError(answer) => {
            answer_kind(answer.err().code(), Some(answer.raw().status().as_u16()))
        }
        _ => StoreErrorKind::Internal,
    };
    StoreError::new(kind, format!("S3: {}", describe(&error)))
}

/// A request that never left was not applied; of one that was cut off, in whatever way, nothing is known.
fn connection_kind(error: &ConnectorError) -> StoreErrorKind {
    let refused = causes(error).any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    });
    if refused {
        StoreErrorKind::Unavailable
    } else if error.is_user() {
        StoreErrorKind::Internal
    } else {
        StoreErrorKind::Timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_its_kind() {
        use StoreErrorKind::{Corrupt, Internal, Throttled, Timeout, Unavailable};
        let table = [
            (Some("SlowDown"), 503, Throttled),
            (Some("Throttling"), 400, Throttled),
            (Some("ThrottlingException"), 400, Throttled),
            (Some("RequestLimitExceeded"), 400, Throttled),
            (Some("TooManyRequests"), 429, Throttled),
            (None, 429, Throttled),
            (Some("RequestTimeout"), 400, Unavailable),
            (Some("ServiceUnavailable"), 503, Unavailable),
            (Some("OperationAborted"), 409, Unavailable),
            (None, 503, Unavailable),
            (Some("InvalidRange"), 416, Corrupt),
            (Some("InternalError"), 500, Timeout),
            (None, 500, Timeout),
            (None, 502, Timeout),
            (None, 504, Timeout),
            (Some("AccessDenied"), 403, Internal),
            (Some("NoSuchBucket"), 404, Internal),
            (Some("ExpiredToken"), 400, Internal),
            (Some("EntityTooLarge"), 400, Internal),
            (None, 301, Internal),
        ];
        for (code, status, kind) in table {
            assert_eq!(answer_kind(code, Some(status)), kind, "{code:?} {status}");
        }
    }

    #[test]
    fn only_a_refused_connection_proves_that_nothing_was_applied() {
        let io = |kind| ConnectorError::io(Box::new(io::Error::from(kind)));
        let kinds = [
            connection_kind(&io(io::ErrorKind::ConnectionRefused)),
            connection_kind(&io(io::ErrorKind::ConnectionReset)),
            connection_kind(&ConnectorError::timeout("slow".into())),
            // What the SDK makes of a connection that is closed in place of an answer.
            connection_kind(&ConnectorError::other("closed".into(), None)),
            connection_kind(&ConnectorError::user("bad".into())),
        ];
        use StoreErrorKind::{Internal, Timeout, Unavailable};
        assert_eq!(kinds, [Unavailable, Timeout, Timeout, Timeout, Internal]);
    }
}
