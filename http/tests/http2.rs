//! The server as a client of HTTP/2 without TLS meets it, with a stand-in for the core.
#![allow(clippy::unwrap_used, clippy::panic)]

mod probe;

use std::time::Duration;

use bleepstore_core::Body;
use bleepstore_http::Options;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use probe::{LARGE, Server, impatient, start};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

fn h2c() -> Options {
    Options {
        h2c: true,
        ..Options::default()
    }
}

/// A connection, and what it ends with.
struct Client {
    requests: SendRequest<Body>,
    ended: JoinHandle<hyper::Result<()>>,
}

async fn open(server: &Server) -> Client {
    let stream = TokioIo::new(server.connect().await);
    let (requests, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let ended = tokio::spawn(connection);
    Client { requests, ended }
}

impl Client {
    async fn send(&mut self, request: Request<Body>) -> Response<Incoming> {
        self.requests.ready().await.unwrap();
        self.requests.send_request(request).await.unwrap()
    }

    /// The status and the body of the answer to a request.
    async fn ask(&mut self, method: &str, target: &str, body: Body) -> (StatusCode, Bytes) {
        let uri = format!("http://bucket.host:9{target}");
        let request = Request::builder().method(method).uri(uri).body(body).unwrap();
        let response = self.send(request).await;
        (
            response.status(),
            response.into_body().collect().await.unwrap().to_bytes(),
        )
    }

    async fn get(&mut self, target: &str) -> (StatusCode, Bytes) {
        self.ask("GET", target, Body::empty()).await
    }
}

/// A body of unknown length.
fn streamed(length: usize) -> Body {
    let pieces = (0..length / 65_536).map(|_| Ok(Bytes::from_static(&[b'x'; 65_536])));
    Body::stream(stream::iter(pieces), None)
}

#[tokio::test]
async fn target_and_authority_reach_the_core_as_they_were_sent() {
    let server = start(h2c()).await;
    let mut client = open(&server).await;
    let target = "/a%2Fb//c/../d?x=%7e&&y";
    let (status, body) = client.get(target).await;
    assert_eq!(
        (status, body),
        (StatusCode::OK, format!("{target} bucket.host:9").into())
    );
    // Another Host beside the authority is not looked at: what was signed is the authority.
    let request = Request::get("http://bucket.host:9/k")
        .header("host", "other")
        .body(Body::empty());
    let response = client.send(request.unwrap()).await;
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "/k bucket.host:9"
    );
}

#[tokio::test]
async fn both_protocols_are_spoken_on_one_port() {
    let server = start(h2c()).await;
    // Its first letters are those of HTTP/2's preface.
    for head in ["PROPFIND /k", "GET /k"] {
        let mut stream = server.connect().await;
        let request = format!("{head} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        for byte in request.bytes() {
            stream.write_all(&[byte]).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("/k h"),
            "{answer}"
        );
    }
    assert_eq!(open(&server).await.get("/k").await.1, "/k bucket.host:9");
}

#[tokio::test]
async fn without_the_option_only_http1_is_spoken() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(&[PREFACE, &EMPTY_SETTINGS].concat())
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn health_is_answered_without_the_core() {
    let server = start(h2c()).await;
    let mut client = open(&server).await;
    let health = client.get("/_bleepstore/health").await;
    assert_eq!(health, (StatusCode::OK, "{\"status\":\"ok\"}".into()));
    let other = client.get("/_bleepstore/other").await;
    assert_eq!(other, (StatusCode::NOT_FOUND, Bytes::new()));
}

#[tokio::test]
async fn long_bodies_pass_in_both_directions() {
    let server = start(h2c()).await;
    let mut client = open(&server).await;
    let counted = client.ask("PUT", "/count", streamed(LARGE)).await;
    assert_eq!(counted, (StatusCode::OK, LARGE.to_string().into()));
    let (status, body) = client.get("/large").await;
    assert_eq!((status, body.len()), (StatusCode::OK, LARGE));
}

#[tokio::test]
async fn an_upload_that_expects_to_be_told_to_go_on_need_not_be() {
    let server = start(h2c()).await;
    let mut client = open(&server).await;
    let request = Request::put("http://h/count").header("expect", "100-continue");
    let response = client.send(request.body(streamed(65_536)).unwrap()).await;
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "65536");
}

#[tokio::test]
async fn a_refused_upload_leaves_the_connection_usable() {
    let server = start(h2c()).await;
    let mut client = open(&server).await;
    for _ in 0..3 {
        let refused = client.ask("PUT", "/refuse", streamed(LARGE)).await;
        assert_eq!(refused, (StatusCode::FORBIDDEN, "refused".into()));
    }
    // The windows of the connection are whole again.
    let counted = client.ask("PUT", "/count", streamed(LARGE)).await;
    assert_eq!(counted.1, LARGE.to_string());
}

#[tokio::test]
async fn too_many_and_too_long_headers_are_refused_alone() {
    let server = start(h2c()).await;
    let mut client = open(&server).await;
    let many = (0..201).map(|number| (format!("a{number}"), "b".to_owned()));
    let long = [("a".to_owned(), "b".repeat(65 * 1024))];
    for fields in [many.collect::<Vec<_>>(), long.to_vec()] {
        let mut request = Request::get("http://h/k").body(Body::empty()).unwrap();
        let fields = fields.iter().map(|(name, value)| {
            let name: http::HeaderName = name.parse().unwrap();
            (name, value.parse().unwrap())
        });
        *request.headers_mut() = fields.collect::<HeaderMap>();
        let status = client.send(request).await.status();
        assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    assert_eq!(client.get("/k").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_stops_within_a_body_fails_the_body_and_nothing_else() {
    let options = Options {
        header_read: PATIENCE,
        h2c: true,
        ..impatient()
    };
    let server = start(options).await;
    let mut client = open(&server).await;
    let stuck = client
        .ask("PUT", "/count", Body::stream(stream::pending(), None))
        .await;
    assert_eq!(
        stuck,
        (
            StatusCode::BAD_REQUEST,
            "the client sent nothing more of the body".into()
        )
    );
    assert_eq!(client.get("/k").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_response_that_its_client_does_not_take_is_given_up_and_nothing_else() {
    let options = Options {
        header_read: PATIENCE,
        h2c: true,
        ..impatient()
    };
    let server = start(options).await;
    let mut client = open(&server).await;
    let request = Request::get("http://h/large").body(Body::empty()).unwrap();
    let untaken = client.send(request).await;
    tokio::time::timeout(PATIENCE, server.probe.ended.notified())
        .await
        .unwrap();
    assert_eq!(client.get("/k").await.0, StatusCode::OK);
    assert!(untaken.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_request_that_takes_too_long_in_all_is_given_up() {
    let options = Options {
        life: Duration::from_millis(50),
        ..h2c()
    };
    let server = start(options).await;
    let mut client = open(&server).await;
    let request = Request::get("http://h/wait").body(Body::empty()).unwrap();
    client.requests.ready().await.unwrap();
    assert!(client.requests.send_request(request).await.is_err());
    server.probe.ended.notified().await;
    assert_eq!(client.get("/k").await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_idle_connection_is_told_goodbye() {
    let server = start(Options {
        h2c: true,
        ..impatient()
    })
    .await;
    let mut client = open(&server).await;
    assert_eq!(client.get("/k").await.0, StatusCode::OK);
    tokio::time::timeout(PATIENCE, client.ended)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_connection_that_does_not_begin_is_closed() {
    let server = start(Options {
        h2c: true,
        ..impatient()
    })
    .await;
    for beginning in [b"".as_slice(), b"PRI *", b"GET / HTTP/1.1\r\nhost"] {
        let mut stream = server.connect().await;
        stream.write_all(beginning).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"");
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error_of_one_request() {
    let server = start(h2c()).await;
    let mut client = open(&server).await;
    assert_eq!(client.get("/panic").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(client.get("/k").await.0, StatusCode::OK);
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let server = start(h2c()).await;
    let mut idle = open(&server).await;
    assert_eq!(idle.get("/k").await.0, StatusCode::OK);
    let silent = server.connect().await;
    let mut busy = open(&server).await;
    let mut requests = busy.requests.clone();
    let waiting = tokio::spawn(async move {
        let request = Request::get("http://h/wait").body(Body::empty()).unwrap();
        let response = requests.send_request(request).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    });
    server.probe.entered.notified().await;

    server.stop.send(()).unwrap();
    idle.ended.await.unwrap().unwrap();
    assert!(!server.ended.is_finished());
    server.probe.go_on.notify_one();
    assert_eq!(waiting.await.unwrap(), "waited");
    busy.ended.await.unwrap().unwrap();
    assert!(busy.requests.ready().await.is_err());
    assert_eq!(server.ended.await.unwrap(), 0);
    drop(silent);
}

#[tokio::test]
async fn stopping_cuts_off_what_does_not_finish_in_time() {
    let options = Options {
        shutdown: Duration::from_millis(50),
        ..h2c()
    };
    let server = start(options).await;
    let mut busy = open(&server).await;
    let waiting = tokio::spawn(async move { busy.get("/wait").await });
    server.probe.entered.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), 1);
    assert!(waiting.await.is_err());
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

#[tokio::test]
async fn the_limits_of_a_connection_are_announced() {
    let server = start(h2c()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(&[PREFACE, &EMPTY_SETTINGS].concat())
        .await
        .unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "the first frame is SETTINGS");
    let mut settings = vec![0; usize::from(head[2])];
    stream.read_exact(&mut settings).await.unwrap();
    let value = |id: u8| {
        let entry = settings.chunks_exact(6).find(|entry| entry[1] == id)?;
        Some(u32::from_be_bytes(entry[2..].try_into().unwrap()))
    };
    // Requests under way, bytes of a body that may wait, bytes of a head.
    assert_eq!(value(3), Some(128));
    assert_eq!(value(4), Some(512 * 1024));
    assert_eq!(value(6), Some(64 * 1024));
}

#[tokio::test]
async fn a_flood_of_requests_that_are_taken_back_ends_the_connection_and_no_other() {
    let server = start(h2c()).await;
    let mut calm = open(&server).await;
    // GET http / of the static table, then the authority `h`.
    let head = [0x82, 0x86, 0x84, 0x41, 1, b'h'];
    let mut flood = [PREFACE, &EMPTY_SETTINGS].concat();
    for number in 0..1_000 {
        flood.extend(frame(1, 0x5, number * 2 + 1, &head));
        flood.extend(frame(3, 0, number * 2 + 1, &8_u32.to_be_bytes()));
    }
    let mut stream = server.connect().await;
    stream.write_all(&flood).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    const GOAWAY: u8 = 7;
    const ENHANCE_YOUR_CALM: u32 = 11;
    let mut rest = answer.as_slice();
    let mut reason = None;
    while rest.len() >= 9 {
        let length = usize::from(rest[1]) * 256 + usize::from(rest[2]);
        if rest[3] == GOAWAY {
            reason = Some(u32::from_be_bytes(rest[13..17].try_into().unwrap()));
        }
        rest = &rest[9 + length..];
    }
    assert_eq!(reason, Some(ENHANCE_YOUR_CALM));
    assert_eq!(calm.get("/k").await.0, StatusCode::OK);
}
