//! Requests to the JSON API, and how they are tried again.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::ports::{Clock, Entropy, StoreError, StoreErrorKind, StoreResult};
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use reqwest::{Client, Response, Url};

use super::GcsSettings;
use super::error::Failed;
use crate::tokens::AccessTokens;

/// How often in a row a request may fail.
const ATTEMPTS: u32 = 6;

/// All attempts together: shorter than what S3 clients wait for an answer.
const OPERATION: Duration = Duration::from_secs(50);

/// The ceiling of the wait before the second attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Where Cloud Storage asks for a longer wait than this, the client is told and waits itself.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The longest answer that is read whole, in bytes: a page of a listing is below a megabyte.
const ANSWER_LIMIT: usize = 4 << 20;

/// A request that can be sent more than once.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn new(method: Method, url: Url) -> Self {
        // Without this, an answer might come compressed.
        let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        if method != Method::GET {
            // Google refuses a request without a body that does not say so, and the HTTP client leaves it out.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Self {
            method,
            url,
            headers,
            body: Bytes::new(),
        }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> StoreResult<Self> {
        let value = HeaderValue::from_str(value).map_err(StoreError::internal)?;
        self.headers.insert(name, value);
        Ok(self)
    }

    pub(super) fn with_body(mut self, kind: &'static str, body: Bytes) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        self.body = body;
        self
    }
}

/// An answer that was read whole.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The JSON API of one bucket.
pub(super) struct Calls {
    http: Client,
    endpoint: Url,
    bucket: String,
    tokens: AccessTokens,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Calls {
    pub(super) fn new(settings: GcsSettings, tokens: AccessTokens) -> StoreResult<Self> {
        let endpoint = Url::parse(&settings.endpoint).map_err(StoreError::internal)?;
        let secure = endpoint.scheme() == "https";
        if !(secure || endpoint.scheme() == "http" && !tokens.are_secret()) {
            return Err(StoreError::internal("Google's tokens go to https endpoints only"));
        }
        Ok(Self {
            http: settings.http,
            endpoint,
            bucket: settings.bucket,
            tokens,
            clock: settings.clock,
            entropy: settings.entropy,
        })
    }

    pub(super) fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The address of the bucket's objects, or of one.
    pub(super) fn objects(&self, name: Option<&str>) -> StoreResult<Url> {
        self.url(["storage", "v1", "b", &self.bucket, "o"].into_iter().chain(name))
    }

    /// Where objects are uploaded to.
    pub(super) fn uploads(&self) -> StoreResult<Url> {
        self.url(["upload", "storage", "v1", "b", &self.bucket, "o"])
    }

    /// Each segment is encoded, slashes in it too.
    fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> StoreResult<Url> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| StoreError::internal("the endpoint has no path"))?
            .pop_if_empty()
            .extend(segments);
        Ok(url)
    }

    /// Sends a request until it is answered well. The answer's body has not been read.
    pub(super) async fn fetch(&self, request: &Request) -> Result<Response, Failed> {
        self.retried(|| self.send(request)).await
    }

    /// Sends a request until it is answered well, and reads the answer.
    pub(super) async fn answer(&self, request: &Request) -> Result<Answer, Failed> {
        self.retried(|| self.answer_once(request)).await
    }

    /// Sends a request and reads its answer. `308` is no failure: it says that an upload goes on.
    pub(super) async fn answer_once(&self, request: &Request) -> Result<Answer, Failed> {
        let mut response = self.send(request).await?;
        let body = whole(&mut response).await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body,
        })
    }

    async fn send(&self, request: &Request) -> Result<Response, Failed> {
        let token = self.tokens.token().await.map_err(|error| Failed {
            status: None,
            transient: error.kind == StoreErrorKind::Unavailable,
            error,
        })?;
        let sent = self
            .http
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .bearer_auth(token)
            .body(request.body.clone())
            .send();
        let mut response = sent.await.map_err(Failed::unanswered)?;
        let status = response.status();
        if status.is_success() || status.as_u16() == 308 {
            return Ok(response);
        }
        // What the status says counts, also where its explanation is cut off.
        let body = whole(&mut response).await.unwrap_or_default();
        Err(Failed::answered(status.as_u16(), response.headers(), &body))
    }

    async fn retried<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Failed>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        let attempts = async {
            let mut failures = 0;
            loop {
                match attempt().await {
                    Ok(answer) => return Ok(answer),
                    Err(failed) => {
                        failures += 1;
                        self.pause(failures, failed).await?;
                    }
                }
            }
        };
        within_the_operation(attempts).await
    }

    /// Waits before the next attempt, after so many failures in a row, of which `failed` was the last. Gives that
    /// one back where another attempt is pointless.
    pub(super) async fn pause(&self, failures: u32, failed: Failed) -> Result<(), Failed> {
        let asked = failed.error.retry_after.unwrap_or_default();
        if !failed.transient || failures >= ATTEMPTS || asked > LONGEST_WAIT {
            return Err(failed);
        }
        tracing::debug!(error = %failed.error, failures, "trying again");
        let mut jitter = [0; 1];
        self.entropy.fill(&mut jitter);
        let ceiling = FIRST_WAIT * 2_u32.pow(failures - 1);
        let wait = ceiling / 2 + ceiling.mul_f64(f64::from(jitter[0]) / 510.0);
        self.clock.sleep(wait.max(asked)).await;
        Ok(())
    }
}

/// What `work` comes to, unless it takes too long.
pub(super) async fn within_the_operation<T>(
    work: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    match tokio::time::timeout(OPERATION, work).await {
        Ok(result) => result,
        Err(late) => Err(Failed::for_good(StoreError::new(StoreErrorKind::Timeout, late))),
    }
}

/// All of an answer's body.
async fn whole(response: &mut Response) -> Result<Bytes, Failed> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(Failed::unanswered)? {
        if body.len() + piece.len() > ANSWER_LIMIT {
            return Err(Failed::for_good(StoreError::corrupt(
                "Cloud Storage answered too much",
            )));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}
