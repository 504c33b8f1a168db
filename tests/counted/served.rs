//! What a service notes of each request that it serves.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{ErrorCode, Operation, Owner};
use bleepstore_core::ports::{Ports, RoundTrips, StoreErrorKind};
use bleepstore_core::served::{CLIENT_CLOSED_REQUEST, Client, RequestObserver, ServedRequest};
use bleepstore_core::{Body, Service};
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tests::decorators::{
    CallCounter, Faults, Gate, Interceptor, Verdict, intercepted_blobs, intercepted_metadata,
};
use bleepstore_tests::deployment::name;
use bleepstore_tests::http::{Bucket, Front, PREVIOUS_SECRET_KEY, Request, S3, endpoint, settings};
use bleepstore_tests::samples::key;
use futures_util::{FutureExt, StreamExt};
use http::Response;

/// More than the service stores inside a record.
const LARGE: usize = 100_000;

/// The requests that have been served.
#[derive(Default)]
struct Journal(Mutex<Vec<ServedRequest>>);

impl RequestObserver for Journal {
    fn served(&self, request: &ServedRequest) {
        self.0.lock().unwrap().push(request.clone());
    }
}

/// A service whose requests are noted, over stores whose calls are intercepted. Nothing listens.
struct Observed {
    service: Service,
    journal: Arc<Journal>,
    bucket: Bucket,
}

impl Observed {
    async fn with(interceptor: Arc<dyn Interceptor>) -> Self {
        let endpoint = endpoint(address(), Front::Nothing);
        let clock = Arc::new(SystemClock);
        let metadata = Arc::new(MemoryMetadata::new(0, 4));
        let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
        let ports = Ports {
            metadata: Arc::new(intercepted_metadata(metadata, interceptor.clone())),
            blobs: Arc::new(intercepted_blobs(blobs, interceptor)),
            clock,
            entropy: Arc::new(OsEntropy),
        };
        let journal = Arc::new(Journal::default());
        let service = Service::start(settings(), ports).await.unwrap();
        let observed = Self {
            service: service.observed_by(journal.clone()),
            journal,
            bucket: S3 { endpoint }.bucket_named("bucket".to_owned()),
        };
        observed.serve(observed.bucket.request("PUT")).await;
        observed
    }

    async fn call(&self, request: Request) -> Response<Body> {
        self.service.call(request.sign().translated(address())).await
    }

    /// Serves a request to the end of its response. What was noted of it, but for the time that it took and its id, which
    /// is that of the response.
    async fn serve(&self, request: Request) -> ServedRequest {
        let response = self.call(request).await;
        let id = response.headers()["x-amz-request-id"].clone();
        let pieces: Vec<_> = response.into_body().into_stream().collect().await;
        assert!(pieces.iter().all(Result::is_ok));
        let noted = self.noted();
        assert_eq!(noted.request_id, id);
        noted
    }

    /// The one request that was served since the last look.
    fn noted(&self) -> ServedRequest {
        let served = std::mem::take(&mut *self.journal.0.lock().unwrap());
        let [noted] = served.try_into().expect("one request");
        ServedRequest {
            duration: Duration::ZERO,
            ..noted
        }
    }

    fn is_noted(&self) -> bool {
        !self.journal.0.lock().unwrap().is_empty()
    }

    /// What is noted of a successful request for `key`.
    fn expected(&self, operation: Operation, request_id: &str) -> ServedRequest {
        ServedRequest {
            request_id: request_id.to_owned(),
            operation: Some(operation.name()),
            client: None,
            access_key: Some("AKIATESTROOT".to_owned()),
            session_of: None,
            session_begun: None,
            subject: None,
            previous_secret: false,
            account: Some(Owner::root().id),
            bucket: Some(name("bucket")),
            key: Some(key("key")),
            status: 200,
            error: None,
            reason: None,
            bytes_in: 0,
            bytes_out: 0,
            duration: Duration::ZERO,
            round_trips: RoundTrips::default(),
            damaged: false,
            complete: true,
        }
    }
}

fn address() -> SocketAddr {
    ([127, 0, 0, 1], 9000).into()
}

fn round_trips(database: u64, blobs: u64) -> RoundTrips {
    RoundTrips { database, blobs }
}

#[tokio::test]
async fn each_request_is_noted_with_its_bytes_and_the_calls_that_it_made() {
    let calls = Arc::new(CallCounter::default());
    let f = Observed::with(calls.clone()).await;
    let sent = f.bucket.put("key", vec![b'b'; LARGE]);
    let length = LARGE as u64;
    let range = f.bucket.get("key").header("range", "bytes=0-9");
    let steps = [
        (sent, Operation::PutObject, 200, (length, 0), round_trips(2, 1)),
        (
            f.bucket.get("key"),
            Operation::GetObject,
            200,
            (0, length),
            round_trips(1, 1),
        ),
        (range, Operation::GetObject, 206, (0, 10), round_trips(1, 1)),
        (
            f.bucket.head("key"),
            Operation::HeadObject,
            200,
            (0, 0),
            round_trips(1, 0),
        ),
        (
            f.bucket.delete("key"),
            Operation::DeleteObject,
            204,
            (0, 0),
            round_trips(2, 1),
        ),
    ];
    for (request, operation, status, (bytes_in, bytes_out), round_trips) in steps {
        calls.take();
        let noted = f.serve(request).await;
        let made = calls.take().into_values().sum::<usize>() as u64;
        assert_eq!(made, round_trips.database + round_trips.blobs);
        let expected = ServedRequest {
            status,
            bytes_in,
            bytes_out,
            round_trips,
            ..f.expected(operation, &noted.request_id)
        };
        assert_eq!(noted, expected);
    }
}

#[tokio::test]
async fn a_request_signed_with_the_secret_before_a_rotation_is_noted_as_that() {
    let f = Observed::with(Arc::new(CallCounter::default())).await;
    let list = || f.bucket.request("GET");
    let served = f.serve(list().keys("AKIATESTROOT", PREVIOUS_SECRET_KEY)).await;
    assert_eq!((served.status, served.previous_secret), (200, true));
    let served = f.serve(list()).await;
    assert_eq!((served.status, served.previous_secret), (200, false));
    let served = f.serve(list().keys("AKIATESTROOT", "neither")).await;
    assert_eq!((served.status, served.previous_secret), (403, false));
}

#[tokio::test]
async fn a_refused_request_is_noted_with_its_error_and_what_it_asked_for() {
    let f = Observed::with(Arc::new(CallCounter::default())).await;
    let missing = f.serve(f.bucket.get("key")).await;
    let expected = ServedRequest {
        status: 404,
        error: Some(ErrorCode::NoSuchKey.as_str()),
        reason: Some("The specified key does not exist.".into()),
        bytes_out: missing.bytes_out,
        round_trips: round_trips(1, 0),
        ..f.expected(Operation::GetObject, &missing.request_id)
    };
    assert_eq!(missing, expected);
    assert!(missing.bytes_out > 100, "the error's document is the body");
    let unsigned = f.serve(f.bucket.put("key", vec![0; LARGE]).anonymous()).await;
    let expected = ServedRequest {
        status: 403,
        error: Some(ErrorCode::AccessDenied.as_str()),
        reason: Some("Access Denied".into()),
        access_key: None,
        account: Some(Owner::anonymous().id),
        bytes_out: unsigned.bytes_out,
        round_trips: round_trips(1, 0),
        ..f.expected(Operation::PutObject, &unsigned.request_id)
    };
    assert_eq!(unsigned, expected);
    let unknown = f.serve(f.bucket.get("key").keys("AKIAUNKNOWN", "secret")).await;
    assert_eq!(unknown.access_key.as_deref(), Some("AKIAUNKNOWN"));
    assert_eq!(
        (unknown.account, unknown.error),
        (None, Some(ErrorCode::InvalidAccessKeyId.as_str()))
    );
    let made_up = f
        .serve(f.bucket.get("key").keys(&"k".repeat(1_000), "secret"))
        .await;
    assert_eq!(made_up.access_key.unwrap().len(), 128);
}

#[tokio::test]
async fn a_request_is_noted_with_the_client_that_its_carrier_names() {
    let f = Observed::with(Arc::new(CallCounter::default())).await;
    let client = Client {
        address: [192, 0, 2, 9].into(),
        proxy: Some([127, 0, 0, 1].into()),
        certain: true,
        encrypted: Some(false),
    };
    let mut request = f.bucket.head("key").sign().translated(address());
    request.extensions_mut().insert(client);
    drop(f.service.call(request).await);
    assert_eq!(f.noted().client, Some(client));
}

#[tokio::test]
async fn a_condition_that_spares_the_client_the_body_is_no_error() {
    let f = Observed::with(Arc::new(CallCounter::default())).await;
    f.serve(f.bucket.put("key", "body")).await;
    let etag = bleepstore_tests::http::encoding::etag(b"body");
    let noted = f.serve(f.bucket.get("key").header("if-none-match", etag)).await;
    assert_eq!((noted.status, noted.error, noted.complete), (304, None, true));
}

#[tokio::test]
async fn a_request_is_noted_when_its_response_has_ended_or_is_given_up() {
    let f = Observed::with(Arc::new(CallCounter::default())).await;
    f.serve(f.bucket.put("key", vec![b'b'; LARGE])).await;
    let response = f.call(f.bucket.get("key")).await;
    assert!(!f.is_noted());
    drop(response);
    let noted = f.noted();
    assert_eq!((noted.status, noted.bytes_out, noted.complete), (200, 0, false));
    assert_eq!(noted.error, None);

    let mut body = f.call(f.bucket.get("key")).await.into_body().into_stream();
    let first = body.next().await.unwrap().unwrap().len() as u64;
    assert!(!f.is_noted() || first == LARGE as u64);
    drop(body);
    let noted = f.noted();
    assert_eq!((noted.bytes_out, noted.complete), (first, first == LARGE as u64));
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_is_noted_with_a_status_of_its_own() {
    let gate = Gate::new();
    let f = Observed::with(gate.clone()).await;
    let held = gate.hold("lookup");
    {
        let mut call = pin!(f.call(f.bucket.get("key")));
        let unanswered = futures_util::poll!(call.as_mut());
        assert!(matches!(unanswered, Poll::Pending));
    }
    drop(held);
    let noted = f.noted();
    let expected = ServedRequest {
        status: CLIENT_CLOSED_REQUEST,
        round_trips: round_trips(1, 0),
        complete: false,
        ..f.expected(Operation::GetObject, &noted.request_id)
    };
    assert_eq!(noted, expected);
}

/// The same request, as a page of another origin makes it.
fn of_a_page(request: Request) -> Request {
    request.header("origin", "https://app.example")
}

/// Rules that let every page read, and `more` of them.
fn rules(bucket: &Bucket, more: &str) -> Request {
    let rule = format!("<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>{more}");
    let document = format!("<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>");
    bucket.request("PUT").flag("cors").body(document)
}

#[tokio::test]
async fn a_request_of_another_origin_reads_the_row_of_its_bucket_once_more() {
    let f = Observed::with(Arc::new(CallCounter::default())).await;
    f.serve(f.bucket.put("key", "body")).await;
    let get = || f.bucket.get("key");
    let wrong = || get().keys("AKIATESTROOT", "wrong");
    let asked = || f.bucket.object("OPTIONS", "key").anonymous();
    for (request, status, reads) in [
        (get(), 200, round_trips(1, 1)),
        (of_a_page(get()), 200, round_trips(2, 1)),
        (wrong(), 403, round_trips(0, 0)),
        (of_a_page(wrong()), 403, round_trips(1, 0)),
        (asked(), 400, round_trips(0, 0)),
        (of_a_page(asked()), 403, round_trips(1, 0)),
    ] {
        let noted = f.serve(request).await;
        assert_eq!((noted.status, noted.round_trips), (status, reads));
    }
    // More than the row takes.
    let more = format!("<ExposeHeader>{}</ExposeHeader>", "x".repeat(4_000));
    f.serve(rules(&f.bucket, &more)).await;
    for reads in [round_trips(2, 2), round_trips(2, 1)] {
        assert_eq!(f.serve(of_a_page(get())).await.round_trips, reads);
    }
}

#[tokio::test]
async fn an_answer_stays_as_it_is_where_the_rules_for_other_origins_cannot_be_read() {
    let fails = Arc::new(AtomicBool::new(false));
    let decides = fails.clone();
    let faults = Faults::decided_by(move |method| match method {
        "bucket" if decides.load(Ordering::Relaxed) => Verdict::Fail(StoreErrorKind::Unavailable),
        _ => Verdict::Pass,
    });
    let f = Observed::with(Arc::new(faults)).await;
    f.serve(f.bucket.put("key", "body")).await;
    f.serve(rules(&f.bucket, "")).await;
    for (failing, allowed) in [(false, true), (true, false)] {
        fails.store(failing, Ordering::Relaxed);
        let answer = f.call(of_a_page(f.bucket.get("key"))).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(
            answer.headers().contains_key("access-control-allow-origin"),
            allowed
        );
        drop(answer);
        f.noted();
    }
    let asked = of_a_page(f.bucket.request("OPTIONS")).anonymous();
    let noted = f.serve(asked).await;
    assert_eq!(
        (noted.status, noted.error),
        (503, Some(ErrorCode::ServiceUnavailable.as_str()))
    );
}

/// A store that is broken in a way that nobody foresaw.
struct Panics;

#[async_trait]
impl Interceptor for Panics {
    async fn before(&self, method: &'static str) -> Verdict {
        assert_ne!(method, "lookup", "a panic on purpose");
        Verdict::Pass
    }
}

#[tokio::test]
async fn a_panic_is_noted_as_an_internal_error() {
    let f = Observed::with(Arc::new(Panics)).await;
    let ended = AssertUnwindSafe(f.call(f.bucket.get("key"))).catch_unwind().await;
    assert!(ended.is_err());
    let noted = f.noted();
    assert_eq!(
        (noted.status, noted.error),
        (500, Some(ErrorCode::InternalError.as_str()))
    );
    assert!(!noted.complete);
}
