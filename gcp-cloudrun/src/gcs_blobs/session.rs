//! The session of a resumable upload: bytes that no reader sees until the last of them has arrived.
//! <https://cloud.google.com/storage/docs/performing-resumable-uploads>

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use bleepstore_core::remote::FailedCall;
use bytes::Bytes;
use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http::{HeaderMap, Method};
use reqwest::Url;

use super::calls::{Answer, Calls, Request, within_the_operation};

/// What says that the upload goes on, instead of a permanent redirect.
const GOES_ON: u16 = 308;

/// What Cloud Storage answers where a session was cancelled, or is gone for another reason.
const GONE: [u16; 3] = [404, 410, 499];

/// An upload under way.
pub(super) struct Session<'a> {
    calls: &'a Calls,
    url: Url,
}

/// Bytes of the body that are to be stored next.
struct Piece {
    start: u64,
    bytes: Bytes,
    /// Whether the body ends with them.
    last: bool,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The length of the body, where it is known yet.
    fn total(&self) -> String {
        if self.last {
            self.end().to_string()
        } else {
            "*".to_owned()
        }
    }

    /// What is left of it where everything before `stored` is stored.
    fn from(&self, stored: u64) -> Bytes {
        let done = usize::try_from(stored.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.bytes.slice(done.min(self.bytes.len())..)
    }
}

impl<'a> Session<'a> {
    /// Begins an upload. One that is begun twice, because an answer was lost, is one that nobody completes.
    pub(super) async fn start(calls: &'a Calls, name: &str) -> StoreResult<Self> {
        let mut url = calls.uploads()?;
        url.query_pairs_mut()
            .append_pair("uploadType", "resumable")
            .append_pair("name", name);
        let metadata = Bytes::from_static(br#"{"contentType":"application/octet-stream"}"#);
        let request = Request::new(Method::POST, url).with_body("application/json", metadata);
        let answer = calls.answer(&request).await?;
        let url = session_url(calls.endpoint(), &answer.headers)?;
        Ok(Self { calls, url })
    }

    /// Stores bytes of the body that are not its last.
    pub(super) async fn send(&self, start: u64, bytes: Bytes) -> StoreResult<()> {
        let last = false;
        let sent = self.store(Piece { start, bytes, last }).await?;
        match sent {
            None => Ok(()),
            Some(_) => Err(StoreError::internal("an upload was complete before its end")),
        }
    }

    /// Stores the last bytes of the body, with which the object is there. The answer describes it.
    pub(super) async fn send_last(&self, start: u64, bytes: Bytes) -> StoreResult<Answer> {
        let last = true;
        let sent = self.store(Piece { start, bytes, last }).await?;
        sent.ok_or_else(|| StoreError::internal("an upload was not complete at its end"))
    }

    async fn store(&self, piece: Piece) -> StoreResult<Option<Answer>> {
        Ok(within_the_operation(self.store_resuming(piece)).await?)
    }

    /// Sends a piece until all of it is stored. After each failure it asks how much arrived, and goes on from there,
    /// so that no byte that was stored is sent again. Failures are counted while nothing more is stored.
    async fn store_resuming(&self, piece: Piece) -> Result<Option<Answer>, FailedCall> {
        let mut stored = piece.start;
        let mut failures = 0;
        let mut ask = false;
        loop {
            let request = if ask {
                self.request(Bytes::new(), &format!("bytes */{}", piece.total()))
            } else {
                let rest = piece.from(stored);
                let range = content_range(stored, rest.len() as u64, &piece.total());
                self.request(rest, &range)
            };
            let request = request.map_err(FailedCall::for_good)?;
            let failed = match self.calls.answer_once(&request).await {
                Ok(answer) if answer.status != GOES_ON => return Ok(Some(answer)),
                Ok(answer) => {
                    let now = stored_bytes(&answer.headers, stored..=piece.end())?;
                    if now == piece.end() && !piece.last {
                        return Ok(None);
                    }
                    let asked = std::mem::replace(&mut ask, false);
                    if asked || now > stored {
                        failures = if now > stored { 0 } else { failures };
                        stored = now;
                        continue;
                    }
                    nothing_stored()
                }
                Err(failed) if failed.status.is_some_and(|status| GONE.contains(&status)) => {
                    return Err(gone(&failed));
                }
                Err(failed) => {
                    ask = true;
                    failed
                }
            };
            failures += 1;
            self.calls.retries().pause(failures, failed).await?;
        }
    }

    fn request(&self, body: Bytes, range: &str) -> StoreResult<Request> {
        let request = Request::new(Method::PUT, self.url.clone());
        let request = request.with_body("application/octet-stream", body);
        request.with_header(CONTENT_RANGE, range)
    }

    /// Frees what was stored. Where that fails, it stays invisible until Cloud Storage drops it, after a week.
    pub(super) async fn cancel(&self) {
        let request = Request::new(Method::DELETE, self.url.clone());
        match self.calls.answer_once(&request).await {
            Ok(_) => {}
            Err(failed) if failed.status.is_some_and(|status| GONE.contains(&status)) => {}
            Err(failed) => tracing::warn!(error = %failed.error, "an upload could not be cancelled"),
        }
    }
}

/// The session's address, which must be at the endpoint: whoever is sent there gets the bytes and a token.
fn session_url(endpoint: &Url, headers: &HeaderMap) -> StoreResult<Url> {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let url = location.and_then(|location| Url::parse(location).ok());
    let url = url.filter(|url| url.origin() == endpoint.origin() && url.username().is_empty());
    url.ok_or_else(|| StoreError::internal("Cloud Storage began an upload somewhere else"))
}

/// `bytes 0-9/*`; with nothing left to send, which asks the session to complete, `bytes */10`.
fn content_range(start: u64, length: u64, total: &str) -> String {
    match length {
        0 => format!("bytes */{total}"),
        _ => format!("bytes {start}-{}/{total}", start + length - 1),
    }
}

/// How many bytes of the body are stored, which must be `possible`: bytes that were stored cannot be taken back, as
/// they are no longer here.
fn stored_bytes(headers: &HeaderMap, possible: std::ops::RangeInclusive<u64>) -> Result<u64, FailedCall> {
    let stored = match headers.get(RANGE) {
        None => Some(0),
        Some(range) => last_stored(range.to_str().unwrap_or_default()).and_then(|last| last.checked_add(1)),
    };
    stored.filter(|stored| possible.contains(stored)).ok_or_else(|| {
        FailedCall::for_good(StoreError::new(
            StoreErrorKind::Unavailable,
            format!("an upload has {stored:?} bytes and not {possible:?}"),
        ))
    })
}

/// The last byte of `bytes=0-9`.
fn last_stored(range: &str) -> Option<u64> {
    range.trim().strip_prefix("bytes=0-")?.parse().ok()
}

fn nothing_stored() -> FailedCall {
    FailedCall {
        status: None,
        transient: true,
        error: StoreError::new(
            StoreErrorKind::Unavailable,
            "Cloud Storage took none of the bytes that were sent",
        ),
    }
}

/// The bytes that were stored are lost, and they are no longer here to begin anew.
fn gone(failed: &FailedCall) -> FailedCall {
    FailedCall::for_good(StoreError::new(
        StoreErrorKind::Unavailable,
        format!("the session of an upload is gone: {}", failed.error),
    ))
}
