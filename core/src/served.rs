//! What became of each request: its line in the access log, and the same facts for whoever observes the service.

use std::borrow::Cow;
use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body::Body as _;
use tracing::{Span, field};

use crate::body::{Body, BodyError};
use crate::model::{BucketName, ErrorCode, ObjectKey, Owner, S3Error};
use crate::ports::{Clock, Ports, RoundTripCounter, RoundTrips, StoreError, StoreErrorKind};
use crate::protocol::route::Route;
use crate::protocol::sts::{StsAction, StsError};

/// The target of the access log's events: one for each request, of level `info`, when the response's body has ended.
pub const ACCESS_LOG: &str = "bleepstore::access";

/// The status in the access log of a request whose client left before it was answered, as web servers write it. Nobody
/// is sent it.
pub const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Who sent a request, as its carrier tells it in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// That of the proxy which the request came from, where the client's is what a trusted proxy said.
    pub proxy: Option<IpAddr>,
    /// Whether the address is sure to be the client's: not that of a platform's front end. Policies see no other.
    pub certain: bool,
    /// Whether it sent the request over TLS, where the carrier knows that.
    pub encrypted: Option<bool>,
}

/// How long a request may still take, where its carrier knows that of each one: it is in the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLeft(pub Duration);

/// How much of an access key or another name is noted: more than any that is given out, and little of what somebody
/// made up.
const NOTED_OF_A_KEY: usize = 128;

/// A request that was answered to its end, or was given up. Nothing in it is secret, and nothing of it comes from the
/// query or from headers but what names bucket, key, client and access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedRequest {
    /// What the response carries in `x-amz-request-id`.
    pub request_id: String,
    /// What was asked for, as AWS names it; `None` where the request was refused before that was known.
    pub operation: Option<&'static str>,
    /// Who sent it, where the carrier tells.
    pub client: Option<Client>,
    /// The access key that its signature names, whether or not the signature is that key's.
    pub access_key: Option<String>,
    /// Whom a session acts for that signs it: the access key that began it, or `oidc/` and the role.
    pub session_of: Option<String>,
    /// The access key of a session that began with it.
    pub session_begun: Option<String>,
    /// Whom the token of an issuer is about that a session began with.
    pub subject: Option<String>,
    /// Whether it is signed with the root's secret key before the present one.
    pub previous_secret: bool,
    /// The account that it acts for; `None` where it was refused before that was proven.
    pub account: Option<String>,
    /// The bucket that it names.
    pub bucket: Option<BucketName>,
    /// The key that it names.
    pub key: Option<ObjectKey>,
    /// The response's status, or [`CLIENT_CLOSED_REQUEST`].
    pub status: u16,
    /// The code of an error that the response is.
    pub error: Option<&'static str>,
    /// Why, as the client is told.
    pub reason: Option<Cow<'static, str>>,
    /// Bytes of the request's body that were read, as they were sent: with the framing of `aws-chunked`.
    pub bytes_in: u64,
    /// Bytes of the response's body that the carrier took.
    pub bytes_out: u64,
    /// From the request's head to the end of the response's body.
    pub duration: Duration,
    /// Calls to the stores.
    pub round_trips: RoundTrips,
    /// Whether it met something that is not what was stored, or cannot be read where it lies.
    pub damaged: bool,
    /// Whether the carrier took the whole response. It did not where the client left, or where a blob failed midway.
    pub complete: bool,
}

/// Told of every request that has been served.
pub trait RequestObserver: Send + Sync {
    /// Called once for each request, right before the response ends: it must not block.
    fn served(&self, request: &ServedRequest);
}

/// The account of one request, which is closed when this is dropped.
pub(crate) struct Account {
    request: ServedRequest,
    answered: bool,
    begun: Duration,
    bytes_in: Arc<AtomicU64>,
    round_trips: Arc<RoundTripCounter>,
    clock: Arc<dyn Clock>,
    /// What the carrier knows of the request belongs to its line.
    span: Span,
    observer: Option<Arc<dyn RequestObserver>>,
}

impl Account {
    pub(crate) fn open(
        request_id: &str,
        client: Option<Client>,
        ports: &Ports,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Self {
        Self {
            request: ServedRequest {
                request_id: request_id.to_owned(),
                operation: None,
                client,
                access_key: None,
                session_of: None,
                session_begun: None,
                subject: None,
                previous_secret: false,
                account: None,
                bucket: None,
                key: None,
                status: CLIENT_CLOSED_REQUEST,
                error: None,
                reason: None,
                bytes_in: 0,
                bytes_out: 0,
                duration: Duration::ZERO,
                round_trips: RoundTrips::default(),
                damaged: false,
                complete: false,
            },
            answered: false,
            begun: ports.clock.elapsed(),
            bytes_in: Arc::default(),
            round_trips: Arc::default(),
            clock: Arc::clone(&ports.clock),
            span: Span::current(),
            observer,
        }
    }

    /// The ports, whose calls are the request's from now on.
    pub(crate) fn counted(&self, ports: &Ports) -> Ports {
        ports.counted_by(&self.round_trips)
    }

    /// The request's body, counted as it is read.
    pub(crate) fn incoming(&self, body: Body) -> Body {
        if body.is_empty() {
            return body;
        }
        let length = body.size_hint().exact();
        let counter = Arc::clone(&self.bytes_in);
        let counted = body.into_stream().inspect(move |piece| {
            counter.fetch_add(bytes_of(piece), Ordering::Relaxed);
        });
        Body::stream(counted, length)
    }

    /// Notes whose key the request claims to be signed with.
    pub(crate) fn claimed(&mut self, access_key: &str) {
        self.request.access_key = Some(noted(access_key));
    }

    /// Notes whom the session acts for that signed the request.
    pub(crate) fn signed_in_a_session_of(&mut self, parent: &str) {
        self.request.session_of = Some(noted(parent));
    }

    /// Notes the access key of the session that begins.
    pub(crate) fn begins_session(&mut self, access_key: &str) {
        self.request.session_begun = Some(noted(access_key));
    }

    /// Notes whom the token of an issuer is about.
    pub(crate) fn told_of(&mut self, subject: &str) {
        self.request.subject = Some(noted(subject));
    }

    /// Notes that the root's secret key before the present one signed it.
    pub(crate) fn signed_with_the_previous_secret(&mut self) {
        self.request.previous_secret = true;
    }

    /// Notes the account that the request acts for.
    pub(crate) fn authenticated(&mut self, owner: &Owner) {
        self.request.account = Some(owner.id.clone());
    }

    /// Notes what the request turned out to ask for.
    pub(crate) fn routed(&mut self, route: &Route) {
        self.request.operation = Some(route.operation.name());
        self.request.bucket.clone_from(&route.bucket);
        self.request.key.clone_from(&route.key);
    }

    /// Notes what the request turned out to ask STS for.
    pub(crate) fn asked_sts(&mut self, action: StsAction) {
        self.request.operation = Some(action.name());
    }

    /// The id that the response will have.
    pub(crate) fn request_id(&self) -> &str {
        &self.request.request_id
    }

    /// The bucket that the request names, if that is known by now.
    pub(crate) fn bucket(&self) -> Option<&BucketName> {
        self.request.bucket.as_ref()
    }

    /// Notes the error that is the answer. A condition that spares the client a body is none.
    pub(crate) fn refused(&mut self, error: &S3Error) {
        self.request.damaged |= error.source().is_some_and(is_damage);
        if error.code.status() >= 400 {
            self.request.error = Some(error.code.as_str());
            self.request.reason = Some(error.message.clone());
        }
    }

    /// Notes the error of STS that is the answer.
    pub(crate) fn refused_by_sts(&mut self, error: &StsError) {
        if let Some(cause) = &error.cause {
            self.refused(cause);
        }
        self.request.error = Some(error.code.as_str());
        self.request.reason = Some(error.message.clone());
    }

    /// The response's body, with whose end, or with whose carrier's loss of interest, the account is closed.
    pub(crate) fn until_the_end_of(mut self, status: u16, body: Body) -> Body {
        self.answered = true;
        self.request.status = status;
        if body.is_empty() {
            self.request.complete = true;
            return body;
        }
        let length = body.size_hint().exact();
        Body::stream(self.outgoing(body.into_stream(), length), length)
    }

    fn outgoing(
        mut self,
        mut pieces: impl Stream<Item = Result<Bytes, BodyError>> + Unpin,
        length: Option<u64>,
    ) -> impl Stream<Item = Result<Bytes, BodyError>> {
        stream::poll_fn(move |cx| {
            let next = std::task::ready!(pieces.poll_next_unpin(cx));
            let request = &mut self.request;
            request.bytes_out += next.as_ref().map_or(0, bytes_of);
            if let Some(Err(error)) = &next {
                broke_off(request, error.as_ref(), &self.span);
            }
            // Whoever knows the length does not ask for the end.
            request.complete |= next.is_none() || length == Some(request.bytes_out);
            next.into()
        })
    }
}

/// As much of a name as is noted.
fn noted(name: &str) -> String {
    name.chars().take(NOTED_OF_A_KEY).collect()
}

/// Notes why a response ends before its end.
fn broke_off(request: &mut ServedRequest, error: &(dyn Error + 'static), span: &Span) {
    request.damaged |= is_damage(error);
    tracing::error!(parent: span, request_id = request.request_id, source = %error, "a response broke off");
}

/// Whether a store's error is damage.
fn is_damage(error: &(dyn Error + 'static)) -> bool {
    let error: Option<&StoreError> = error.downcast_ref();
    error.is_some_and(|error| error.kind == StoreErrorKind::Corrupt)
}

fn bytes_of(piece: &Result<Bytes, BodyError>) -> u64 {
    piece.as_ref().map_or(0, |bytes| bytes.len() as u64)
}

impl Drop for Account {
    fn drop(&mut self) {
        let request = &mut self.request;
        if !self.answered && thread::panicking() {
            request.status = 500;
            request.error = Some(ErrorCode::InternalError.as_str());
        }
        request.bytes_in = self.bytes_in.load(Ordering::Relaxed);
        request.duration = self.clock.elapsed().saturating_sub(self.begun);
        request.round_trips = self.round_trips.so_far();
        write_line(request, &self.span);
        if let Some(observer) = &self.observer {
            observer.served(request);
        }
    }
}

fn write_line(request: &ServedRequest, span: &Span) {
    tracing::info!(
        target: ACCESS_LOG,
        parent: span,
        request_id = request.request_id,
        client = request.client.map(|client| field::display(client.address)),
        proxy = request.client.and_then(|client| client.proxy).map(field::display),
        access_key = request.access_key,
        session_of = request.session_of,
        session_begun = request.session_begun,
        subject = request.subject,
        previous_secret = request.previous_secret.then_some(true),
        account = request.account,
        operation = request.operation,
        bucket = request.bucket.as_ref().map(BucketName::as_str),
        key = request.key.as_ref().map(ObjectKey::as_str),
        status = request.status,
        error = request.error,
        reason = request.reason.as_deref(),
        bytes_in = request.bytes_in,
        bytes_out = request.bytes_out,
        ms = request.duration.as_micros() as f64 / 1_000.0,
        database_round_trips = request.round_trips.database,
        blob_round_trips = request.round_trips.blobs,
        complete = request.complete,
        "request"
    );
}
