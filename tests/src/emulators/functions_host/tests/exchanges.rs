//! Bodies, waiting, limits, and handlers that fail.

use std::io::Read;
use std::sync::mpsc;

use super::{Started, Visit, handler};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn unused_address() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_body_reaches_the_handler_before_the_client_has_sent_it_all() {
    let (seen, first_half) = mpsc::channel();
    let handler = handler(move |_, mut visit: Visit| {
        assert!(visit.head().contains("content-length: 8\r\n"));
        seen.send(visit.read(4)).unwrap();
        assert_eq!(visit.read(4), b"half");
        visit.write(OK);
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    client.write(b"PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 8\r\n\r\nhalf");
    assert_eq!(first_half.recv().unwrap(), b"half");
    client.write(b"half");
    assert_eq!(client.read_response("PUT").assert_status(200).body, b"ok");
}

#[test]
fn a_body_in_chunks_stays_in_chunks() {
    let handler = handler(|_, mut visit: Visit| {
        let head = visit.head();
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
        assert_eq!(visit.read(14), b"4\r\nbody\r\n0\r\n\r\n");
        visit.write(OK);
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    client.write(b"PUT /b/k HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
    client.read_response("PUT").assert_status(200);
}

#[test]
fn an_answer_reaches_the_client_before_the_handler_has_sent_it_all() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let handler = handler(move |_, mut visit: Visit| {
        visit.head();
        visit.write("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf");
        wait.lock().unwrap().recv().unwrap();
        visit.write("half");
    });
    let host = Started::before(handler);
    let mut client = std::net::TcpStream::connect(host.address).unwrap();
    std::io::Write::write_all(&mut client, b"GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    let mut visit = Visit(std::io::BufReader::new(client));
    assert!(visit.head().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(visit.read(4), b"half");
    go.send(()).unwrap();
    assert_eq!(visit.read(4), b"half");
}

#[test]
fn a_head_keeps_its_length_and_the_connection_is_used_again() {
    let handler = handler(|_, mut visit: Visit| {
        assert!(visit.head().starts_with("HEAD "));
        visit.write(
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\nkeep-alive: timeout=5\r\n\r\n",
        );
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    for _ in 0..2 {
        client.write(b"HEAD /b/k HTTP/1.1\r\nhost: h\r\n\r\n");
        let head = client.read_response("HEAD").assert_status(200);
        assert_eq!(head.header("content-length"), Some("5"));
        assert_eq!(
            (head.header("connection"), head.header("keep-alive")),
            (None, None)
        );
    }
}

#[test]
fn a_client_that_waits_is_refused_without_being_asked() {
    let handler = handler(|_, mut visit: Visit| {
        assert!(visit.head().contains("expect: 100-continue\r\n"));
        visit.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
        assert!(visit.is_closed());
    });
    let host = Started::with_limit(handler, 4);
    let mut client = host.connect();
    client.write(b"PUT /b/k HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
    let refused = client.read_response("PUT").assert_status(403);
    assert_eq!(refused.body, b"no");
    assert!(client.is_closed());
}

#[test]
fn a_client_that_waits_is_asked_when_the_handler_asks() {
    let handler = handler(|_, mut visit: Visit| {
        visit.head();
        visit.write("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(visit.read(4), b"body");
        visit.write(OK);
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    client.write(b"PUT /b/k HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
    client.read_response("PUT").assert_status(100);
    client.write(b"body");
    client.read_response("PUT").assert_status(200);
}

#[test]
fn a_client_that_waits_is_asked_after_a_second_if_the_handler_never_asks() {
    let handler = handler(|_, mut visit: Visit| {
        visit.head();
        assert_eq!(visit.read(4), b"body");
        visit.write(OK);
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    client.write(b"PUT /b/k HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
    client.read_response("PUT").assert_status(100);
    client.write(b"body");
    client.read_response("PUT").assert_status(200);
}

#[test]
fn an_answer_that_comes_too_early_waits_until_the_body_is_sent() {
    let (seen, answered) = mpsc::channel();
    let handler = handler(move |_, mut visit: Visit| {
        visit.head();
        visit.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        seen.send(()).unwrap();
        assert_eq!(visit.read(4), b"body");
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    client.write(b"PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\n");
    answered.recv().unwrap();
    client.write(b"body");
    client.read_response("PUT").assert_status(403);
}

#[test]
fn a_body_of_the_limit_passes_and_a_larger_one_fails_the_invocation() {
    // Whatever arrives whole is answered.
    let handler = handler(|_, mut visit: Visit| {
        let length = match visit.head() {
            head if head.contains("content-length: 4\r\n") => 4,
            head if head.contains("content-length: 5\r\n") => 5,
            _ => "5\r\nlarge\r\n0\r\n\r\n".len(),
        };
        if visit.0.read_exact(&mut vec![0; length]).is_ok() {
            visit.write(OK);
        }
    });
    let host = Started::with_limit(handler, 4);
    let mut client = host.connect();
    client.write(b"PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
    client.read_response("PUT").assert_status(200);
    for body in [
        "content-length: 5\r\n\r\nlarge",
        "transfer-encoding: chunked\r\n\r\n5\r\nlarge\r\n0\r\n\r\n",
    ] {
        let mut client = host.connect();
        client.write(format!("PUT /b/k HTTP/1.1\r\nhost: h\r\n{body}").as_bytes());
        let failed = client.read_response("PUT").assert_status(500);
        assert_eq!(failed.body, b"");
        assert!(client.is_closed());
    }
}

#[test]
fn a_request_without_a_body_reaches_the_handler_again_after_a_hang_up() {
    let handler = handler(|number, mut visit: Visit| {
        assert!(visit.head().starts_with("DELETE /b/k "));
        if number == 2 {
            visit.write(OK);
        }
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    client.write(b"DELETE /b/k HTTP/1.1\r\nhost: h\r\n\r\n");
    client.read_response("DELETE").assert_status(200);
}

#[test]
fn a_request_with_a_body_reaches_the_handler_once() {
    let (seen, requests) = mpsc::channel();
    let handler = handler(move |_, mut visit: Visit| {
        seen.send(visit.head()).unwrap();
        visit.read(4);
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    client.write(b"PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
    let failed = client.read_response("PUT").assert_status(500);
    assert_eq!(failed.body, b"");
    assert!(client.is_closed());
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn a_handler_that_is_gone_is_a_bare_500() {
    let host = Started::before(unused_address());
    let mut client = host.connect();
    client.write(b"GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n");
    let failed = client.read_response("GET").assert_status(500);
    assert_eq!(failed.body, b"");
}

#[test]
fn an_answer_that_breaks_off_breaks_off_for_the_client() {
    let handler = handler(|_, mut visit: Visit| {
        visit.head();
        visit.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab");
    });
    let host = Started::before(handler);
    let mut client = std::net::TcpStream::connect(host.address).unwrap();
    std::io::Write::write_all(&mut client, b"GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    let mut visit = Visit(std::io::BufReader::new(client));
    assert!(visit.head().contains("content-length: 5\r\n"));
    assert_eq!(visit.read(2), b"ab");
    assert!(visit.is_closed());
}

#[test]
fn an_answer_with_a_header_that_is_not_ascii_is_a_bare_500() {
    let handler = handler(|_, mut visit: Visit| {
        visit.head();
        visit.write("HTTP/1.1 200 OK\r\nx-amz-meta-a: é\r\ncontent-length: 2\r\n\r\nok");
    });
    let host = Started::before(handler);
    let mut client = host.connect();
    client.write(b"GET /b/k HTTP/1.1\r\nhost: h\r\n\r\n");
    assert_eq!(client.read_response("GET").assert_status(500).body, b"");
}

#[test]
fn what_is_the_hosts_never_reaches_the_handler() {
    let handler = handler(|_, _| panic!("a request reached the handler"));
    let host = Started::before(handler);
    for (target, status) in [
        ("/admin", 404),
        ("/Admin/k", 404),
        ("/admin/host/status", 401),
        ("/admin/functions/bleepstore_gc", 401),
        ("/runtime/k", 404),
        ("/%61dmin", 404),
        ("//admin/k", 404),
        ("/b/../admin", 404),
        ("/b/%00", 400),
    ] {
        let mut client = host.connect();
        client.write(format!("GET {target} HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes());
        let answer = client.read_response("GET").assert_status(status);
        assert_eq!(answer.body, b"", "{target}");
    }
}
