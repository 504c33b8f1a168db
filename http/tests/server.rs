//! The server as a client meets it: raw bytes over a socket, with a stand-in for the core.
#![allow(clippy::unwrap_used, clippy::panic)]

mod probe;

use std::time::Duration;

use bleepstore_http::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

use probe::{LARGE, Server, impatient, start};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the tests here say to a server.
trait Talk {
    async fn talk(&self, bytes: &[u8]) -> String;
}

impl Talk for Server {
    /// Sends `bytes` on a connection of their own; what the server sends until it closes.
    async fn talk(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        until_closed(&mut stream).await
    }
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// Reads one response whose body is `body`.
async fn read_response(stream: &mut TcpStream, body: &str) -> String {
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(&format!("\r\n\r\n{body}")) {
        let length = stream.read(&mut buffer).await.unwrap();
        assert!(length > 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    answer
}

#[tokio::test]
async fn path_and_query_reach_the_core_as_they_were_sent() {
    let server = start(Options::default()).await;
    for target in [
        "/a%2Fb//c/../d/./e?x=%7e&&y&z==",
        "//double",
        "/b/{k}|^~\\\"[]",
        "/b/raw-\u{e9}?\u{1f600}",
        "/b/%ZZ%?%",
        "/?list-type=2&prefix={}",
    ] {
        let answer = server
            .talk(format!("GET {target} HTTP/1.1\r\nhost: h:1\r\nconnection: close\r\n\r\n").as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{target}: {answer}");
        assert!(
            answer.ends_with(&format!("\r\n\r\n{target} h:1")),
            "{target}: {answer}"
        );
    }
}

#[tokio::test]
async fn bytes_that_no_uri_may_have_are_a_bad_request() {
    let server = start(Options::default()).await;
    for target in ["/b/<k>", "/b/`", "/b/\u{7f}"] {
        let answer = server
            .talk(format!("GET {target} HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{target}: {answer}");
    }
}

#[tokio::test]
async fn the_authority_of_an_absolute_uri_replaces_the_host() {
    let server = start(Options::default()).await;
    let answer = server
        .talk(b"GET http://u:p@real.host:9/b/k?q HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.ends_with("\r\n\r\n/b/k?q real.host:9"), "{answer}");
}

#[tokio::test]
async fn health_is_answered_without_the_core() {
    let server = start(Options::default()).await;
    let get = server
        .talk(b"GET /_bleepstore/health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        .await;
    assert!(
        get.starts_with("HTTP/1.1 200") && get.ends_with("\r\n\r\n{\"status\":\"ok\"}"),
        "{get}"
    );
    assert!(get.contains("content-type: application/json\r\n"), "{get}");
    let head = server
        .talk(b"HEAD /_bleepstore/health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        .await;
    assert!(
        head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    assert!(head.contains("content-length: 15\r\n"), "{head}");
}

#[tokio::test]
async fn a_refused_upload_that_waits_is_never_told_to_go_on() {
    let server = start(Options::default()).await;
    let head = "POST /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    let answer = server.talk(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(
        answer.contains("connection: close\r\n") && answer.ends_with("\r\n\r\nrefused"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_empty_upload_that_waits_is_answered_and_its_connection_closed() {
    let server = start(Options::default()).await;
    let answer = server
        .talk(b"PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\nexpect: 100-continue\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("connection: close\r\n") && answer.ends_with("\r\n\r\n0"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_upload_that_waits_goes_on_once_the_core_reads() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n")
        .await
        .unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"123456789").await.unwrap();
    read_response(&mut stream, "9").await;
}

#[tokio::test]
async fn a_small_unread_body_leaves_the_connection_usable() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"PUT /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 300000\r\n\r\n")
        .await
        .unwrap();
    let refused = read_response(&mut stream, "refused").await;
    assert!(!refused.contains("connection: close"), "{refused}");
    stream.write_all(&vec![b'x'; 300_000]).await.unwrap();
    stream
        .write_all(b"GET /next HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    read_response(&mut stream, "/next h").await;
}

#[tokio::test]
async fn a_client_that_sends_a_long_refused_body_still_reads_the_answer() {
    let server = start(Options::default()).await;
    const LENGTH: usize = 24 * 1024 * 1024;
    let mut stream = server.connect().await;
    stream
        .write_all(format!("PUT /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: {LENGTH}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stream.write_all(&vec![b'x'; LENGTH]).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(
        answer.contains("connection: close\r\n") && answer.ends_with("\r\n\r\nrefused"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_chunked_body_over_the_drain_limit_is_cut_off_and_the_answer_arrives() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"PUT /refuse HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    for _ in 0..100 {
        stream.write_all(&chunk).await.unwrap();
    }
    let answer = until_closed(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 403") && answer.ends_with("\r\n\r\nrefused"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_stops_within_a_body_fails_the_body() {
    let server = start(impatient()).await;
    let answer = server
        .talk(b"PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n1234")
        .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\nthe client sent nothing more of the body"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_connection_without_a_whole_head_is_closed() {
    let server = start(impatient()).await;
    assert_eq!(server.talk(b"").await, "");
    assert_eq!(server.talk(b"GET / HTTP/1.1\r\nhost").await, "");
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off_though_something_always_moves() {
    let options = Options {
        header_read: Duration::from_millis(300),
        ..impatient()
    };
    let server = start(options).await;
    let (mut read, mut write) = server.connect().await.into_split();
    write.write_all(b"GET / HTTP/1.1\r\na: ").await.unwrap();
    let trickle = async {
        let mut ticks = interval(Duration::from_millis(5));
        loop {
            ticks.tick().await;
            if write.write_all(b"a").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = trickle => unreachable!("it never ends by itself"),
        end = timeout(PATIENCE, read.read_to_end(&mut answer)) => drop(end.expect("the connection is closed")),
    }
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn a_body_without_end_is_given_up_once_the_request_took_too_long() {
    let options = Options {
        life: Duration::from_millis(100),
        ..Options::default()
    };
    let server = start(options).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let head = b"PUT /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    write.write_all(head).await.unwrap();
    let endless = async {
        while write.write_all(b"5\r\nbytes\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = endless => unreachable!("it never ends by itself"),
        // What was sent and not read resets the connection, so that an end is an error here.
        end = timeout(PATIENCE, read.read_to_end(&mut answer)) => drop(end.expect("the connection is closed")),
    }
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_response_that_its_client_does_not_take_is_given_up() {
    let server = start(impatient()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    timeout(PATIENCE, server.probe.ended.notified()).await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    assert!(answer.len() < LARGE, "all of it arrived");
}

#[tokio::test]
async fn a_client_that_closes_its_half_while_it_waits_is_gone() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    server.probe.entered.notified().await;
    stream.shutdown().await.unwrap();
    timeout(PATIENCE, server.probe.ended.notified()).await.unwrap();
    assert_eq!(until_closed(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_closes_its_half_within_a_body_fails_the_body_and_the_connection_ends() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n1234")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let answer = timeout(PATIENCE, until_closed(&mut stream)).await.unwrap();
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn too_many_and_too_long_headers_are_refused_readably() {
    let server = start(Options::default()).await;
    let many = "a: b\r\n".repeat(201);
    let long = format!("a: {}\r\n", "b".repeat(2 * 1024 * 1024));
    for fields in [many, long] {
        let answer = server
            .talk(format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_request_and_a_close() {
    let server = start(Options::default()).await;
    let answer = server.talk(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_of_one_request() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /panic HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    let answer = read_response(&mut stream, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>").await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    stream
        .write_all(b"GET /next HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    read_response(&mut stream, "/next h").await;
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let server = start(Options::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /first HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    read_response(&mut idle, "/first h").await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    server.probe.entered.notified().await;

    server.stop.send(()).unwrap();
    assert_eq!(until_closed(&mut idle).await, "");
    assert!(TcpStream::connect(server.address).await.is_err());
    assert!(!server.ended.is_finished());
    server.probe.go_on.notify_one();
    let answer = until_closed(&mut busy).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nwaited"),
        "{answer}"
    );
    assert_eq!(server.ended.await.unwrap(), 0);
}

#[tokio::test]
async fn stopping_cuts_off_what_does_not_finish_in_time() {
    let options = Options {
        shutdown: Duration::from_millis(50),
        ..Options::default()
    };
    let server = start(options).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    server.probe.entered.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(server.ended.await.unwrap(), 1);
}
