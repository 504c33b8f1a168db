//! The pipeline: request in, response out.

mod authentic;
mod facts;
mod form;
mod session;
#[cfg(test)]
mod stand_ins;
mod sts;
mod website;

use std::error::Error as _;
use std::sync::{Arc, OnceLock};

use http::header::{CONTENT_TYPE, DATE, HOST, RETRY_AFTER, SERVER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use tracing::Level;

use self::authentic::{Authentic, SPACE, with_plus};
use crate::api::{self, Call};
use crate::body::{Body, HeldBodies, UNCOUNTED};
use crate::config::{Limits, Settings};
use crate::model::{ErrorCode, Need, Operation, S3Error, Timestamp};
use crate::ops::{
    Accounts, Caller, Context, CredentialCache, Destinations, Pairing, SessionCache, WebRoles, pair_stores,
};
use crate::ports::{IdentityTokens, Ports, StoreResult};
use crate::protocol::cors::cross_origin;
use crate::protocol::error::{self, error_document};
use crate::protocol::headers::expected_bucket_owner;
use crate::protocol::hoisted::hoisted;
use crate::protocol::host::Addressing;
use crate::protocol::payload::DeclaredBody;
use crate::protocol::query::Query;
use crate::protocol::route::route;
use crate::protocol::sigv2::SigV2Request;
use crate::protocol::sigv4::RequestHead;
use crate::protocol::sts::is_request as is_sts;
use crate::served::{Account, Client, RequestObserver, TimeLeft};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
const BUCKET_REGION: &str = "x-amz-bucket-region";
const SERVER_NAME: HeaderValue = HeaderValue::from_static("BleepStore");

/// An S3 endpoint over two stores.
pub struct Service {
    settings: Settings,
    context: Context,
    credentials: CredentialCache,
    sessions: Arc<SessionCache>,
    /// Roles for those who bring a token of somebody whom the operator trusts, and what checks such tokens.
    web_roles: Option<(WebRoles, Arc<dyn IdentityTokens>)>,
    held_bodies: Arc<HeldBodies>,
    observer: Option<Arc<dyn RequestObserver>>,
}

impl Service {
    /// A service over these ports. Finds out first whether the two stores belong together, and marks a new pair of
    /// stores as doing so.
    pub async fn start(settings: Settings, ports: Ports) -> StoreResult<Self> {
        let pairing = pair_stores(&ports).await?;
        if pairing == Pairing::Foreign {
            tracing::warn!("the blob store belongs to another metadata store: no bytes will be freed");
        }
        Ok(Self {
            context: Context {
                accounts: Accounts::new(settings.account.clone()),
                limits: settings.limits,
                ..Context::new(ports, pairing)
            },
            settings,
            credentials: CredentialCache::default(),
            sessions: Arc::default(),
            web_roles: None,
            held_bodies: Arc::new(HeldBodies::at_most(HeldBodies::DEFAULT)),
            observer: None,
        })
    }

    /// The same service, where these roles can be assumed by whoever has a token that they trust. `tokens` checks
    /// these.
    pub fn with_web_roles(self, roles: WebRoles, tokens: Arc<dyn IdentityTokens>) -> Self {
        Self {
            web_roles: (!roles.is_empty()).then_some((roles, tokens)),
            ..self
        }
    }

    /// The same service, whose buckets may notify these destinations.
    pub fn with_destinations(self, destinations: Destinations) -> Self {
        let context = Context {
            destinations: Arc::new(destinations),
            ..self.context
        };
        Self { context, ..self }
    }

    /// The same service, which tells `observer` of every request.
    pub fn observed_by(self, observer: Arc<dyn RequestObserver>) -> Self {
        Self {
            observer: Some(observer),
            ..self
        }
    }

    /// The same service, which takes at most `bytes` of memory for all documents together that requests send and that
    /// responses wait with. A document takes no more than half of what others leave, so that the largest, of 8 MiB,
    /// needs 32 MiB.
    pub fn holding_at_most(self, bytes: usize) -> Self {
        Self {
            held_bodies: Arc::new(HeldBodies::at_most(bytes)),
            ..self
        }
    }

    /// The documents that requests and responses hold.
    pub fn held_bodies(&self) -> &HeldBodies {
        &self.held_bodies
    }

    /// The same service where the platform lets other amounts through.
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self {
            settings: Settings {
                limits,
                ..self.settings.clone()
            },
            context: Context {
                limits,
                ..self.context.clone()
            },
            credentials: CredentialCache::default(),
            sessions: Arc::clone(&self.sessions),
            web_roles: self.web_roles.clone(),
            held_bodies: Arc::clone(&self.held_bodies),
            observer: self.observer.clone(),
        }
    }

    /// What the operations of this service work with.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Answers one request: to S3, to STS, or of a visitor of a website. The URI's path and query must be the bytes that
    /// the client sent; the `Host` header must be the one that it signed. A carrier that knows who sent it says so by a
    /// [`Client`] in the request's extensions. Never fails: errors are S3's XML, STS's, or the website's HTML.
    ///
    /// The body is not touched before the request is known to be allowed, so a client that sent
    /// `Expect: 100-continue` is refused without sending it. Only a form says in its body who sent it: its fields, and
    /// all of one to STS, are read before that is known.
    ///
    /// When the response's body ends or is dropped, the request's line is written to the access log
    /// ([`ACCESS_LOG`](crate::served::ACCESS_LOG)), and the observer is told.
    pub async fn call(&self, request: Request<Body>) -> Response<Body> {
        let now = self.context.ports.clock.now();
        let trace = Trace::new(&self.context.ports);
        let (mut head, body) = request.into_parts();
        name_host(&mut head);
        head.extensions
            .insert(facts::RequestId(trace.request_id().into()));
        let head = Arc::new(head);
        let client = head.extensions.get::<Client>().copied();
        let observer = self.observer.clone();
        let mut account = Account::open(trace.request_id(), client, &self.context.ports, observer);
        let body = account.incoming(body);
        let answer = match self.website(&head) {
            Some(bucket) => Ok(Box::pin(self.answer_visit((&head, now), bucket, &mut account, &trace)).await),
            None => {
                let arrived = Arrived {
                    head: &head,
                    body,
                    now,
                };
                self.answer(arrived, &mut account).await
            }
        };
        let mut response = match answer {
            Ok(response) => response,
            Err(error) => {
                account.refused(&error);
                error_response(&error, &trace)
            }
        };
        self.let_origin_read(&head, &account, response.headers_mut())
            .await;
        if head.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, trace.request_id.clone());
        headers.insert(HOST_ID, trace.host_id.clone());
        headers.insert(SERVER, SERVER_NAME);
        if let Ok(date) = HeaderValue::from_str(&now.http_date()) {
            headers.insert(DATE, date);
        }
        let status = response.status().as_u16();
        response.map(|body| account.until_the_end_of(status, body))
    }

    /// Lets a page of another origin read the answer, where its bucket says so. What comes from no page asks no store.
    async fn let_origin_read(&self, head: &Parts, account: &Account, headers: &mut HeaderMap) {
        let Some((request, bucket)) = cross_origin(&head.method, &head.headers).zip(account.bucket()) else {
            return;
        };
        let context = Context {
            ports: account.counted(&self.context.ports),
            ..self.context.clone()
        };
        Box::pin(api::let_origin_read(&context, bucket, &request, headers)).await;
    }

    /// What the platform lets through of this request: a carrier may know that it has less time than others.
    fn limits_of(&self, head: &Parts) -> Limits {
        let limits = self.context.limits;
        let left = head.extensions.get::<TimeLeft>().map(|TimeLeft(left)| *left);
        Limits {
            request_time: left.into_iter().chain(limits.request_time).min(),
            ..limits
        }
    }

    /// What the operation of this request works with.
    fn context_of(&self, head: &Parts, account: &Account) -> Context {
        Context {
            ports: account.counted(&self.context.ports),
            limits: self.limits_of(head),
            began: self.context.ports.clock.elapsed(),
            ..self.context.clone()
        }
    }

    async fn answer(&self, arrived: Arrived<'_>, account: &mut Account) -> Result<Response<Body>, S3Error> {
        let Arrived {
            head: sent,
            body,
            now,
        } = arrived;
        let query = Arc::new(Query::parse(sent.uri.query().unwrap_or_default())?);
        // The signature is verified over the head as it was sent; all else reads it with what its query carries.
        let head = &with_hoisted(sent, &query)?;
        let addressing = Addressing::of(host(head)?, &self.settings.base_domains);
        if is_sts(&head.method, sent.uri.path(), &head.headers, &addressing) {
            let arrived = Arrived {
                head: sent,
                body,
                now,
            };
            return Ok(Box::pin(self.answer_sts(arrived, query, account)).await);
        }
        let is_copy = head.headers.contains_key("x-amz-copy-source");
        let route_of = |path: &str| route(&head.method, path, &query, is_copy, &addressing);
        let route = route_of(&with_plus(sent.uri.path(), SPACE))?;
        account.routed(&route);
        let context = &self.context_of(sent, account);
        if route.operation == Operation::PostObject {
            let arrived = Arrived {
                head: sent,
                body,
                now,
            };
            return Box::pin(self.answer_form(arrived, (route, query), context, account)).await;
        }
        let operation = route.operation;
        if operation.need() == Need::Nothing {
            return api::answer_anyone(context, &route, &head.headers).await;
        }
        let to_verify = SigV2Request {
            head: RequestHead {
                method: sent.method.as_str(),
                raw_path: sent.uri.path(),
                raw_query: sent.uri.query().unwrap_or_default(),
                headers: &sent.headers,
            },
            headers: &head.headers,
            addressing: &addressing,
        };
        let authentic = self.authenticate(&to_verify, now, &context.ports, account).await;
        let Authentic {
            owner,
            identity,
            signed,
            mode,
            signer,
            plus,
        } = authentic.map_err(|error| self.naming_region(error, operation))?;
        let route = match plus {
            SPACE => route,
            plus => route_of(&with_plus(sent.uri.path(), plus))?,
        };
        account.routed(&route);
        account.authenticated(&owner);
        let holder = owner.id.clone();
        let caller = Caller {
            owner,
            expected_bucket_owner: expected_bucket_owner(&head.headers),
            identity,
            facts: Arc::new(facts::Request {
                head: Arc::clone(head),
                query: Arc::clone(&query),
                operation: Some(operation),
                now,
                signed,
                tags: OnceLock::new(),
            }),
        };
        let declared = DeclaredBody::from_headers(route.operation.body(), &head.headers, mode, signer)?;
        let call = Call {
            context,
            settings: &self.settings,
            held_bodies: &self.held_bodies,
            caller,
            route,
            query,
            head,
            declared,
            body,
        };
        let answer = api::answer(call).await;
        let mut response = answer.map_err(|error| self.naming_region(error, operation))?;
        if operation.names_region()
            && let Ok(region) = HeaderValue::from_str(&self.settings.region)
        {
            let header = response.headers_mut().entry(BUCKET_REGION);
            header.or_insert(region);
        }
        self.held(&sent.method, &holder, response)
    }

    /// The response, whose document counts as held until it was sent: a client may take its time. `SlowDown` where
    /// there is no room for it and nothing was changed.
    fn held(
        &self,
        method: &Method,
        holder: &str,
        response: Response<Body>,
    ) -> Result<Response<Body>, S3Error> {
        let length = response.body().held_length();
        if length <= UNCOUNTED {
            return Ok(response);
        }
        let mut held = self.held_bodies.hold(holder);
        if !method.is_safe() {
            held.grow_anyway(length);
        } else if held.grow_to(length).is_err() {
            return Err(ErrorCode::SlowDown.into());
        }
        Ok(response.map(|body| body.holding(held)))
    }

    /// The error with the region that clients shall sign for, where S3 names it: they send their request again.
    fn naming_region(&self, error: S3Error, operation: Operation) -> S3Error {
        let is_wrong_region = error.fields.iter().any(|(name, _)| *name == "Region");
        match operation.names_region() && (is_wrong_region || error.code.status() == 403) {
            true => error.with_header(BUCKET_REGION, &self.settings.region),
            false => error,
        }
    }
}

/// A request at the moment it came.
struct Arrived<'a> {
    head: &'a Arc<Parts>,
    body: Body,
    now: Timestamp,
}

/// What ties a response to its request in logs and in a bug report.
struct Trace {
    request_id: HeaderValue,
    host_id: HeaderValue,
}

impl Trace {
    fn new(ports: &Ports) -> Self {
        let mut bytes = [0; 8];
        ports.entropy.fill(&mut bytes);
        let id = u64::from_be_bytes(bytes);
        let text = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("0"));
        Self {
            request_id: text(format!("{id:016X}")),
            host_id: text(format!("bleepstore-{id:016x}")),
        }
    }

    fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }
}

/// The head with the headers that a presigned URL carries in its query.
fn with_hoisted(head: &Arc<Parts>, query: &Query) -> Result<Arc<Parts>, S3Error> {
    let hoisted = hoisted(query, &head.headers)?;
    if hoisted.is_empty() {
        return Ok(Arc::clone(head));
    }
    let mut head = Parts::clone(head);
    head.headers.extend(hoisted);
    Ok(Arc::new(head))
}

/// The host that the request is for. More than one is refused (RFC 9112 section 3.2).
fn host(head: &Parts) -> Result<&str, S3Error> {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(S3Error::message(
            ErrorCode::InvalidRequest,
            "More than one Host header was sent.",
        )),
        (host, None) => Ok(host.and_then(|host| host.to_str().ok()).unwrap_or_default()),
    }
}

/// An HTTP/2 request, and one in absolute form, names its host in the URI.
fn name_host(head: &mut Parts) {
    if head.headers.contains_key(HOST) {
        return;
    }
    if let Some(Ok(host)) = head
        .uri
        .authority()
        .map(|authority| HeaderValue::from_str(authority.as_str()))
    {
        head.headers.insert(HOST, host);
    }
}

/// An error as S3's XML.
fn error_response(error: &S3Error, trace: &Trace) -> Response<Body> {
    log_error(error, trace);
    let host_id = trace.host_id.to_str().unwrap_or_default();
    let document = error_document(error, trace.request_id(), host_id);
    let content_type = HeaderValue::from_static(error::CONTENT_TYPE);
    error_with((error.code.status(), Some(error)), content_type, document)
}

/// The one place where an error becomes a response: a document tells of it, and the headers are those of its cause.
fn error_with(
    (status, cause): (u16, Option<&S3Error>),
    content_type: HeaderValue,
    document: Vec<u8>,
) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    for (name, value) in cause.iter().flat_map(|error| &error.headers) {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    if let Some(after) = cause.and_then(|error| error.retry_after) {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    if status != StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        *response.body_mut() = Body::full(document);
    }
    response
}

fn log_error(error: &S3Error, trace: &Trace) {
    let told = (error.code.as_str(), error.message.as_ref());
    log(Some(error), error.code.status(), told, trace.request_id());
}

/// Logs the error that is the answer: what the client is told, and what it came of.
fn log(cause: Option<&S3Error>, status: u16, (code, reason): (&'static str, &str), request_id: &str) {
    let source = cause.and_then(S3Error::source).map(ToString::to_string);
    match level(status, source.is_some()) {
        Level::ERROR => tracing::error!(request_id, code, reason, source, "request failed"),
        Level::INFO => tracing::info!(request_id, code, reason, "request denied"),
        _ => tracing::debug!(request_id, code, reason, "request refused"),
    }
}

/// How much an error matters to who runs the server. What is not implemented is the client's affair, unless something
/// caused it: then it is a row that a later program stored.
fn level(status: u16, is_caused: bool) -> Level {
    let is_unsupported = status == 501 && !is_caused;
    match status {
        500.. if !is_unsupported => Level::ERROR,
        403 => Level::INFO,
        _ => Level::DEBUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{StoreError, StoreErrorKind};

    #[test]
    fn an_error_of_a_store_is_logged_as_one_and_an_unsupported_feature_is_not() {
        let of_store = |kind| S3Error::from(StoreError::new(kind, "format 3"));
        let too_new = of_store(StoreErrorKind::TooNew);
        assert_eq!(too_new.code, ErrorCode::NotImplemented);
        let level = |error: &S3Error| level(error.code.status(), error.source().is_some());
        assert_eq!(level(&too_new), Level::ERROR);
        assert_eq!(too_new.source().unwrap().to_string(), "format 3");
        assert_eq!(level(&of_store(StoreErrorKind::Internal)), Level::ERROR);
        assert_eq!(level(&ErrorCode::NotImplemented.into()), Level::DEBUG);
        assert_eq!(level(&ErrorCode::AccessDenied.into()), Level::INFO);
        assert_eq!(level(&ErrorCode::NoSuchKey.into()), Level::DEBUG);
    }

    #[test]
    fn more_than_one_host_is_refused() {
        let head = |hosts: &[&str]| {
            let request = hosts
                .iter()
                .fold(Request::builder(), |request, name| request.header(HOST, *name));
            request.body(()).unwrap().into_parts().0
        };
        assert_eq!(host(&head(&["a"])).unwrap(), "a");
        assert_eq!(host(&head(&[])).unwrap(), "");
        assert_eq!(
            host(&head(&["a", "b"])).unwrap_err().code,
            ErrorCode::InvalidRequest
        );
    }
}
