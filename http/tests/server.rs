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

#[tokio::test]
async fn a_head_that_another_server_reads_otherwise_is_refused() {
    refuses_ambiguous_heads(&start(Options::default()).await).await;
    // There the first bytes of a connection are read before the others.
    let options = Options {
        h2c: true,
        ..Options::default()
    };
    refuses_ambiguous_heads(&start(options).await).await;
}

async fn refuses_ambiguous_heads(server: &Server) {
    for (sent, status) in [
        ("GET / HTTP/1.1\nhost: h\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: h\na: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: h\r\n\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET http://h/ HTTP/1.1\r\n\r\n", "400"),
        ("GET /a#b HTTP/1.1\r\nhost: h\r\n\r\n", "400"),
        ("GET /a?b#c HTTP/1.1\r\nhost: h\r\n\r\n", "400"),
        ("GET http://h/#c HTTP/1.1\r\nhost: h\r\n\r\n", "400"),
        (
            "PUT /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "501",
        ),
        (
            "PUT /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "501",
        ),
        (
            "PUT /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            "501",
        ),
        (
            "PUT /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "PUT /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "PUT /count HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\n12345",
            "400",
        ),
        (
            "PUT /count HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
            "400",
        ),
    ] {
        let answer = server.talk(sent.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{sent:?}: {answer}"
        );
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{sent:?}: {answer}");
    }
    // A client of HTTP/1.0 has no host to name.
    let answer = server.talk(b"GET /old HTTP/1.0\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.0 200") && answer.ends_with("/old -"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_looks_like_a_wrong_head_within_a_body_is_the_body() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    for (head, body) in [
        ("content-length: 12", "GET /# \n\n\n\n\n"),
        (
            "transfer-encoding: CHUNKED",
            "c;a=#\r\nGET /# \n\n\n\n\n\r\n0\r\n\r\n",
        ),
    ] {
        let request = format!("PUT /count HTTP/1.1\r\nhost: h\r\n{head}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        read_response(&mut stream, "12").await;
    }
    stream
        .write_all(b"GET /a#b HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_client_has_so_many_connections_and_no_more() {
    let options = Options {
        max_connections_per_client: Some(2),
        ..Options::default()
    };
    let server = start(options).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream
            .write_all(b"GET /first HTTP/1.1\r\nhost: h\r\n\r\n")
            .await
            .unwrap();
        read_response(&mut stream, "/first h").await;
        held.push(stream);
    }
    let answer = until_closed(&mut server.connect().await).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("connection: close"),
        "{answer}"
    );
    held.clear();
    timeout(PATIENCE, server.probe.alone.notified()).await.unwrap();
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /again HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    read_response(&mut stream, "/again h").await;
}

#[tokio::test]
async fn a_write_whose_body_is_whole_goes_on_without_its_client_and_keeps_its_place() {
    let options = Options {
        max_connections_per_client: Some(1),
        ..Options::default()
    };
    let server = start(options).await;
    for head in ["content-length: 4", "transfer-encoding: chunked"] {
        let body = if head.starts_with('c') {
            "1234"
        } else {
            "4\r\n1234\r\n0\r\n\r\n"
        };
        let mut stream = server.connect().await;
        let request = format!("PUT /finish HTTP/1.1\r\nhost: h\r\n{head}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        server.probe.entered.notified().await;
        drop(stream);
        timeout(PATIENCE, server.probe.alone.notified()).await.unwrap();
        let answer = until_closed(&mut server.connect().await).await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        server.probe.go_on.notify_one();
        timeout(PATIENCE, server.probe.finished.notified()).await.unwrap();
        timeout(PATIENCE, server.probe.ended.notified()).await.unwrap();
    }
}

#[tokio::test]
async fn a_write_whose_client_leaves_within_the_body_is_given_up() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"PUT /finish HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n4\r\n1234\r\n")
        .await
        .unwrap();
    drop(stream);
    timeout(PATIENCE, server.probe.ended.notified()).await.unwrap();
    assert!(
        timeout(Duration::ZERO, server.probe.finished.notified())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn stopping_waits_for_writes_whose_clients_have_left() {
    let server = start(Options::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"DELETE /finish HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    server.probe.entered.notified().await;
    drop(stream);
    timeout(PATIENCE, server.probe.alone.notified()).await.unwrap();
    server.stop.send(()).unwrap();
    tokio::task::yield_now().await;
    assert!(!server.ended.is_finished());
    server.probe.go_on.notify_one();
    assert_eq!(server.ended.await.unwrap(), 0);
    timeout(PATIENCE, server.probe.finished.notified()).await.unwrap();
}

#[tokio::test]
async fn a_request_says_who_sent_it() {
    let ask = |server: Server| async move {
        let request =
            b"GET /client HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 192.0.2.9\r\nconnection: close\r\n\r\n";
        let answer = server.talk(request).await;
        answer.rsplit_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert_eq!(ask(start(Options::default()).await).await, "127.0.0.1 -");
    let options = Options {
        trusted_proxies: "127.0.0.0/8".parse().unwrap(),
        ..Options::default()
    };
    assert_eq!(ask(start(options).await).await, "192.0.2.9 127.0.0.1");
}
