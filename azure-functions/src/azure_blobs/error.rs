//! What Blob Storage's and the SDK's failures mean to the core, in one table.

use std::time::Duration;

use azure_core::Error;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, Headers, RETRY_AFTER, RETRY_AFTER_MS, X_MS_RETRY_AFTER_MS};
use azure_core::http::{RawResponse, StatusCode};
use azure_storage_blob::StorageError;
use bleepstore_core::ports::{StoreError, StoreErrorKind};
use bleepstore_core::remote::{FailedCall, causes};

/// How much of an error's text is kept.
const TEXT_LIMIT: usize = 300;

/// What an error answer means, and whether the same call may succeed later. `waits` is whether it asks to be left alone
/// for a while. Statuses and codes are those of
/// <https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes> and
/// <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>.
fn meaning(status: u16, code: &str, waits: bool) -> (StoreErrorKind, bool) {
    match (status, code) {
        (429, _) => (StoreErrorKind::Throttled, true),
        // The account or the blob is above its rate.
        (503, "ServerBusy") => (StoreErrorKind::Throttled, true),
        (503, _) if waits => (StoreErrorKind::Throttled, true),
        (503, _) => (StoreErrorKind::Unavailable, true),
        // What was done before the request failed is not known.
        (408 | 500.., _) => (StoreErrorKind::Timeout, true),
        // The body was damaged on its way, and nothing of it was kept.
        (400, "Md5Mismatch") => (StoreErrorKind::Unavailable, true),
        // The blob is shorter than its record says.
        (416, _) => (StoreErrorKind::Corrupt, false),
        _ => (StoreErrorKind::Internal, false),
    }
}

/// What a failure without an answer means. A request that never left was not applied; of one that was cut off nothing is
/// known.
fn meaning_unanswered(kind: &ErrorKind) -> (StoreErrorKind, bool) {
    match kind {
        // No connection, or no token, was to be had.
        ErrorKind::Connection | ErrorKind::Credential => (StoreErrorKind::Unavailable, true),
        ErrorKind::Io => (StoreErrorKind::Timeout, true),
        // An answer came that is not understood.
        ErrorKind::DataConversion => (StoreErrorKind::Corrupt, false),
        _ => (StoreErrorKind::Internal, false),
    }
}

/// A call that failed.
pub(super) fn failed(error: Error) -> FailedCall {
    let ErrorKind::HttpResponse {
        status,
        error_code,
        raw_response,
    } = error.kind()
    else {
        let (kind, transient) = meaning_unanswered(error.kind());
        return FailedCall {
            status: None,
            transient,
            error: StoreError::new(kind, format!("Blob Storage: {}", told(&error))),
        };
    };
    let status = u16::from(*status);
    let code = error_code.clone().unwrap_or_default();
    let retry_after = raw_response
        .as_deref()
        .map(RawResponse::headers)
        .and_then(retry_after);
    let (kind, transient) = meaning(status, &code, retry_after.is_some());
    let text = explanation(error);
    let mut error = StoreError::new(kind, format!("Blob Storage: {status} {code}: {text}"));
    error.retry_after = retry_after;
    FailedCall {
        status: Some(status),
        transient,
        error,
    }
}

/// A download that broke off after its head.
pub(super) fn cut_off(error: &Error) -> FailedCall {
    FailedCall {
        status: None,
        transient: true,
        error: StoreError::new(
            StoreErrorKind::Unavailable,
            format!("Blob Storage: {}", told(error)),
        ),
    }
}

/// Whether the answer says that there is no such blob, as opposed to no such container.
pub(super) fn is_no_such_blob(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::HttpResponse { status: StatusCode::NotFound, error_code: Some(code), .. } if code == "BlobNotFound"
    )
}

/// How long an answer asks to wait. Azure sends no dates here.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let number = |name: HeaderName| headers.get_optional_str(&name)?.trim().parse().ok();
    number(X_MS_RETRY_AFTER_MS)
        .or_else(|| number(RETRY_AFTER_MS))
        .map(Duration::from_millis)
        .or_else(|| number(RETRY_AFTER).map(Duration::from_secs))
}

/// An error and its causes in one line, without the address of the request: a shared access signature is in it.
fn told(error: &Error) -> String {
    let texts: Vec<String> = causes(error)
        .filter(|cause| !cause.is::<reqwest::Error>())
        .map(ToString::to_string)
        .collect();
    shortened(&texts.join(": "))
}

/// The text of an error answer.
fn explanation(error: Error) -> String {
    let message = StorageError::try_from(error).ok().and_then(|error| error.message);
    shortened(message.unwrap_or_default().trim())
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str, header: Option<(HeaderName, &'static str)>, body: &str) -> Error {
        let status = StatusCode::from(status);
        let mut headers = Headers::new();
        if let Some((name, value)) = header {
            headers.insert(name, value);
        }
        let raw_response = RawResponse::from_bytes(status, headers, body.as_bytes().to_vec());
        let kind = ErrorKind::HttpResponse {
            status,
            error_code: (!code.is_empty()).then(|| code.to_owned()),
            raw_response: Some(Box::new(raw_response)),
        };
        Error::with_message(kind, body.to_owned())
    }

    #[test]
    fn every_answer_has_its_kind_and_only_passing_ones_are_tried_again() {
        use StoreErrorKind::{Corrupt, Internal, Throttled, Timeout, Unavailable};
        let waits = Some((RETRY_AFTER, "1"));
        let table = [
            (429, "TooManyRequests", None, Throttled, true),
            (429, "", None, Throttled, true),
            (503, "ServerBusy", None, Throttled, true),
            (503, "", waits, Throttled, true),
            (503, "", None, Unavailable, true),
            (408, "", None, Timeout, true),
            (500, "InternalError", None, Timeout, true),
            (500, "OperationTimedOut", None, Timeout, true),
            (502, "", None, Timeout, true),
            (504, "", None, Timeout, true),
            (400, "Md5Mismatch", None, Unavailable, true),
            (416, "InvalidRange", None, Corrupt, false),
            (400, "InvalidBlockList", None, Internal, false),
            (400, "InvalidQueryParameterValue", None, Internal, false),
            (401, "InvalidAuthenticationInfo", None, Internal, false),
            (403, "AuthenticationFailed", None, Internal, false),
            (403, "AuthorizationPermissionMismatch", None, Internal, false),
            (403, "AccountIsDisabled", None, Internal, false),
            (404, "BlobNotFound", None, Internal, false),
            (404, "ContainerNotFound", None, Internal, false),
            (409, "ContainerBeingDeleted", None, Internal, false),
            (409, "BlobArchived", None, Internal, false),
            (412, "ConditionNotMet", None, Internal, false),
            (413, "RequestBodyTooLarge", None, Internal, false),
            (301, "", None, Internal, false),
        ];
        for (status, code, header, kind, transient) in table {
            let failed = failed(answer(status, code, header, ""));
            assert_eq!(
                (failed.error.kind, failed.transient),
                (kind, transient),
                "{status} {code}"
            );
            assert_eq!(failed.status, Some(status));
        }
    }

    #[test]
    fn only_a_connection_that_was_not_made_proves_that_nothing_was_applied() {
        use StoreErrorKind::{Corrupt, Internal, Timeout, Unavailable};
        for (kind, expected, transient) in [
            (ErrorKind::Connection, Unavailable, true),
            (ErrorKind::Credential, Unavailable, true),
            (ErrorKind::Io, Timeout, true),
            (ErrorKind::DataConversion, Corrupt, false),
            (ErrorKind::Other, Internal, false),
        ] {
            let failed = failed(Error::with_message(kind.clone(), "no"));
            assert_eq!(
                (failed.error.kind, failed.transient),
                (expected, transient),
                "{kind:?}"
            );
            assert_eq!(failed.status, None);
        }
    }

    #[test]
    fn the_wait_that_an_answer_asks_for_is_passed_on() {
        for (name, value, wait) in [
            (RETRY_AFTER, "7", Some(7_000)),
            (RETRY_AFTER, "0", Some(0)),
            (RETRY_AFTER, "soon", None),
            (RETRY_AFTER, "-1", None),
            (RETRY_AFTER_MS, "250", Some(250)),
            (X_MS_RETRY_AFTER_MS, "30", Some(30)),
        ] {
            let text = format!("{name:?}: {value}");
            let failed = failed(answer(503, "ServerBusy", Some((name, value)), ""));
            assert_eq!(
                failed.error.retry_after,
                wait.map(Duration::from_millis),
                "{text}"
            );
        }
    }

    #[test]
    fn the_text_of_an_answer_is_kept_in_bounds_whatever_it_is() {
        let of = |body: &str| {
            failed(answer(404, "ContainerNotFound", None, body))
                .error
                .to_string()
        };
        let xml = "<?xml version=\"1.0\"?><Error><Code>ContainerNotFound</Code>\
            <Message>The specified container does not exist.\nRequestId:1</Message></Error>";
        assert_eq!(
            of(xml),
            "Internal: Blob Storage: 404 ContainerNotFound: The specified container does not exist.\nRequestId:1"
        );
        assert_eq!(of("<html>no"), "Internal: Blob Storage: 404 ContainerNotFound: ");
        let long = format!("<Error><Message>{}</Message></Error>", "é".repeat(10_000));
        assert!(of(&long).chars().count() < 400);
    }

    #[test]
    fn only_a_missing_blob_is_missing() {
        assert!(is_no_such_blob(&answer(404, "BlobNotFound", None, "")));
        assert!(!is_no_such_blob(&answer(404, "ContainerNotFound", None, "")));
        assert!(!is_no_such_blob(&answer(404, "", None, "")));
        assert!(!is_no_such_blob(&Error::with_message(ErrorKind::Io, "no")));
    }

    #[tokio::test]
    async fn no_error_shows_the_address_with_its_signature() {
        crate::tls::use_ring();
        let client = reqwest::Client::new();
        let refused = client
            .get("http://127.0.0.1:1/?sig=secret")
            .send()
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("secret"));
        let error = Error::with_error(
            ErrorKind::Connection,
            refused,
            "failed to execute `reqwest` request",
        );
        let text = failed(error).error.to_string();
        assert!(
            !text.contains("secret") && text.contains("Connection refused"),
            "{text}"
        );
    }
}
