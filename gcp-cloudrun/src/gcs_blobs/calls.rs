//! Requests to the JSON API, and how they are tried again.

use std::time::Duration;

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use bleepstore_core::remote::{FailedCall, Retries};
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use reqwest::{Client, Response, Url};

use super::GcsSettings;
use super::error::{answered, unanswered};
use crate::tokens::AccessTokens;

/// All attempts together: shorter than what S3 clients wait for an answer.
const OPERATION: Duration = Duration::from_secs(50);

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
    retries: Retries,
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
            retries: Retries::new(settings.clock, settings.entropy),
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
    pub(super) async fn fetch(&self, request: &Request) -> Result<Response, FailedCall> {
        within_the_operation(self.retries.until_answered(|| self.send(request))).await
    }

    /// Sends a request until it is answered well, and reads the answer.
    pub(super) async fn answer(&self, request: &Request) -> Result<Answer, FailedCall> {
        within_the_operation(self.retries.until_answered(|| self.answer_once(request))).await
    }

    /// Sends a request and reads its answer. `308` is no failure: it says that an upload goes on.
    pub(super) async fn answer_once(&self, request: &Request) -> Result<Answer, FailedCall> {
        let mut response = self.send(request).await?;
        let body = whole(&mut response).await?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body,
        })
    }

    async fn send(&self, request: &Request) -> Result<Response, FailedCall> {
        let token = self.tokens.token().await.map_err(|error| FailedCall {
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
        let mut response = sent.await.map_err(unanswered)?;
        let status = response.status();
        if status.is_success() || status.as_u16() == 308 {
            return Ok(response);
        }
        // What the status says counts, also where its explanation is cut off.
        let body = whole(&mut response).await.unwrap_or_default();
        Err(answered(status.as_u16(), response.headers(), &body))
    }

    /// When requests that failed are sent again.
    pub(super) fn retries(&self) -> &Retries {
        &self.retries
    }
}

/// What `work` comes to, unless it takes too long.
pub(super) async fn within_the_operation<T>(
    work: impl Future<Output = Result<T, FailedCall>>,
) -> Result<T, FailedCall> {
    match tokio::time::timeout(OPERATION, work).await {
        Ok(result) => result,
        Err(late) => Err(FailedCall::for_good(StoreError::new(
            StoreErrorKind::Timeout,
            late,
        ))),
    }
}

/// All of an answer's body.
async fn whole(response: &mut Response) -> Result<Bytes, FailedCall> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(unanswered)? {
        if body.len() + piece.len() > ANSWER_LIMIT {
            return Err(FailedCall::for_good(StoreError::corrupt(
                "Cloud Storage answered too much",
            )));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}
