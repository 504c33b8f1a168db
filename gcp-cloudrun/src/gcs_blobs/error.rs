//! What Cloud Storage's failures mean to the core, in one table.

use std::time::Duration;

use bleepstore_core::ports::{StoreError, StoreErrorKind};
use bleepstore_core::remote::{FailedCall, describe};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde::Deserialize;

/// How much of an error's text is kept.
const TEXT_LIMIT: usize = 300;

/// An answer that says that the request failed.
pub(super) fn answered(status: u16, headers: &HeaderMap, body: &[u8]) -> FailedCall {
    let (reason, text) = explanation(body);
    let (kind, transient) = meaning(status, reason.as_deref());
    let reason = reason.unwrap_or_default();
    let mut error = StoreError::new(kind, format!("Cloud Storage: {status} {reason}: {text}"));
    error.retry_after = retry_after(headers);
    FailedCall {
        status: Some(status),
        transient,
        error,
    }
}

/// A request without an answer, or with one that broke off.
pub(super) fn unanswered(error: reqwest::Error) -> FailedCall {
    // A request that never left was not applied; of one that was cut off nothing is known.
    let (kind, transient) = if error.is_builder() {
        (StoreErrorKind::Internal, false)
    } else if error.is_connect() {
        (StoreErrorKind::Unavailable, true)
    } else {
        (StoreErrorKind::Timeout, true)
    };
    // The address of an upload's session is as good as a credential.
    let text = format!("Cloud Storage: {}", describe(&error.without_url()));
    FailedCall {
        status: None,
        transient,
        error: StoreError::new(kind, text),
    }
}

/// What an error answer means, and whether the request may succeed later. Statuses and reasons are those of
/// <https://cloud.google.com/storage/docs/json_api/v1/status-codes>; which of them to try again is said in
/// <https://cloud.google.com/storage/docs/retry-strategy>.
fn meaning(status: u16, reason: Option<&str>) -> (StoreErrorKind, bool) {
    match (status, reason) {
        (429, _) | (403, Some("rateLimitExceeded" | "userRateLimitExceeded")) => {
            (StoreErrorKind::Throttled, true)
        }
        // A quota of the day or the project: another second does not help.
        (403, Some("quotaExceeded")) => (StoreErrorKind::Throttled, false),
        // What was done before the request failed is not known.
        (408, _) => (StoreErrorKind::Timeout, true),
        (503, _) => (StoreErrorKind::Unavailable, true),
        (500.., _) => (StoreErrorKind::Timeout, true),
        // The blob is shorter than its record says.
        (416, _) => (StoreErrorKind::Corrupt, false),
        _ => (StoreErrorKind::Internal, false),
    }
}

/// The seconds that an answer asks to wait. Google sends no dates here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The reason and the text of an error answer. Downloads fail with plain text.
fn explanation(body: &[u8]) -> (Option<String>, String) {
    match serde_json::from_slice::<Document>(body) {
        Ok(Document { error }) => {
            let reason = error.errors.into_iter().next().map(|first| first.reason);
            (reason, shortened(&error.message))
        }
        Err(_) => (None, shortened(&String::from_utf8_lossy(body))),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}

#[derive(Deserialize)]
struct Document {
    error: Explained,
}

#[derive(Deserialize)]
struct Explained {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Reasoned>,
}

#[derive(Deserialize)]
struct Reasoned {
    #[serde(default)]
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_its_kind_and_only_passing_ones_are_tried_again() {
        use StoreErrorKind::{Corrupt, Internal, Throttled, Timeout, Unavailable};
        let table = [
            (429, "rateLimitExceeded", Throttled, true),
            (429, "userRateLimitExceeded", Throttled, true),
            (429, "", Throttled, true),
            (403, "rateLimitExceeded", Throttled, true),
            (403, "userRateLimitExceeded", Throttled, true),
            (403, "quotaExceeded", Throttled, false),
            (403, "forbidden", Internal, false),
            (403, "accountDisabled", Internal, false),
            (408, "uploadBrokenConnection", Timeout, true),
            (500, "backendError", Timeout, true),
            (500, "internalError", Timeout, true),
            (502, "", Timeout, true),
            (503, "backendError", Unavailable, true),
            (504, "gatewayTimeout", Timeout, true),
            (416, "requestedRangeNotSatisfiable", Corrupt, false),
            (400, "invalid", Internal, false),
            (401, "authError", Internal, false),
            (404, "notFound", Internal, false),
            (409, "conflict", Internal, false),
            (410, "gone", Internal, false),
            (411, "required", Internal, false),
            (412, "conditionNotMet", Internal, false),
            (413, "uploadTooLarge", Internal, false),
            (302, "", Internal, false),
        ];
        for (status, reason, kind, transient) in table {
            let body = format!(r#"{{"error":{{"code":{status},"errors":[{{"reason":"{reason}"}}]}}}}"#);
            let failed = answered(status, &HeaderMap::new(), body.as_bytes());
            assert_eq!(
                (failed.error.kind, failed.transient),
                (kind, transient),
                "{status} {reason}"
            );
            assert_eq!(failed.status, Some(status));
        }
    }

    #[test]
    fn the_wait_that_an_answer_asks_for_is_passed_on() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap| answered(503, headers, b"").error.retry_after;
        assert_eq!(of(&headers), None);
        for (text, wait) in [("7", Some(7)), ("0", Some(0)), ("soon", None), ("-1", None)] {
            headers.insert(RETRY_AFTER, http::HeaderValue::from_static(text));
            assert_eq!(of(&headers), wait.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn the_text_of_an_answer_is_kept_in_bounds_whatever_it_is() {
        let json = br#"{"error":{"message":"No such object: b/o","errors":[{"reason":"notFound"}]}}"#;
        let of = |body: &[u8]| answered(404, &HeaderMap::new(), body).error.to_string();
        assert_eq!(
            of(json),
            "Internal: Cloud Storage: 404 notFound: No such object: b/o"
        );
        assert_eq!(of(b"Not Found"), "Internal: Cloud Storage: 404 : Not Found");
        assert!(of(&[255; 10_000]).chars().count() < 400);
        assert!(of(br#"{"error":"invalid_grant"}"#).contains("invalid_grant"));
    }

    #[tokio::test]
    async fn only_a_connection_that_was_not_made_proves_that_nothing_was_applied() {
        use std::net::TcpListener;
        let client = crate::gcs_blobs::client().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let closing = std::thread::spawn(move || drop(listener.accept()));
        let cut = client.get(&url).send().await.unwrap_err();
        closing.join().unwrap();
        let refused = client.get(&url).send().await.unwrap_err();
        let invalid = client.get("nowhere").send().await.unwrap_err();
        use StoreErrorKind::{Internal, Timeout, Unavailable};
        let expected = [
            (cut, Timeout, true),
            (refused, Unavailable, true),
            (invalid, Internal, false),
        ];
        for (error, kind, transient) in expected {
            let failed = unanswered(error);
            assert_eq!(
                (failed.error.kind, failed.transient),
                (kind, transient),
                "{failed:?}"
            );
        }
    }
}
