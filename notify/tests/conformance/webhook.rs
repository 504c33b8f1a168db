//! Webhooks, with a receiver over sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bleepstore_core::ports::SinkErrorKind;
use bleepstore_notify::Options;
use ring::hmac;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::servers::{CERTIFICATE, OTHER_CERTIFICATE};
use crate::suite::{self, Destination, Received, SECRET};

#[derive(Clone, Debug)]
struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Takes requests, and answers as their path says.
struct Receiver {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<usize>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn new() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), None).await
    }

    async fn at(address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (kept, counted) = (requests.clone(), connections.clone());
        let accepting = tokio::spawn(async move {
            // With these its connections end too.
            let mut serving = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                let (kept, tls) = (kept.clone(), tls.clone());
                serving.spawn(async move {
                    match tls {
                        None => serve(stream, &kept).await,
                        Some(tls) => serve(tls.accept(stream).await.ok()?, &kept).await,
                    }
                });
            }
        });
        Self {
            port,
            requests,
            connections,
            accepting,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn taken(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    async fn stop(self) {
        self.accepting.abort();
        assert!(self.accepting.await.is_err());
    }
}

async fn serve(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    kept: &Mutex<Vec<Request>>,
) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers: BTreeMap<String, String> = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        stream.read_exact(&mut body).await.ok()?;
        let path = line.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
        kept.lock().unwrap().push(Request {
            line,
            headers,
            body: String::from_utf8(body).unwrap(),
        });
        let short = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
        let answer = match path.as_str() {
            "redirect" => "HTTP/1.1 307 Moved\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "last" => format!(
                "{}{}",
                "HTTP/1.1 200 OK\r\nconnection: close\r\n", "content-length: 0\r\n\r\n"
            ),
            "drop" => return None,
            // It ends without a word after the answer.
            "leave" => {
                stream.write_all(short("200 OK").as_bytes()).await.ok()?;
                return None;
            }
            "endless" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
                while stream.write_all(&[b'x'; 1024]).await.is_ok() {}
                return None;
            }
            "slow" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").await.ok()?;
                std::future::pending().await
            }
            status if status.starts_with(['1', '2', '3', '4', '5']) => short(status),
            _ => short("200 OK"),
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

struct Inbox<'a>(&'a Receiver);

impl Destination for Inbox<'_> {
    async fn received(&mut self) -> Vec<Received> {
        let requests = self.0.taken().into_iter();
        requests
            .map(|request| Received {
                id: Some(request.headers["webhook-id"].clone()),
                document: request.body,
            })
            .collect()
    }
}

/// The signature as a receiver checks it.
fn is_signed(request: &Request) -> bool {
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let (id, at) = (
        &request.headers["webhook-id"],
        &request.headers["webhook-timestamp"],
    );
    let signature = request.headers["webhook-signature"].strip_prefix("v1,").unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    hmac::verify(&key, format!("{id}.{at}.{}", request.body).as_bytes(), &signature).is_ok()
}

#[tokio::test]
async fn webhooks_conform() {
    let receiver = Receiver::new().await;
    let sink = suite::sink(&receiver.url("hook"));
    suite::conforms(&sink, &mut Inbox(&receiver)).await;
    // They were few enough to be used again.
    assert!(receiver.connections() <= 40, "{}", receiver.connections());
    let url = |port: u16| format!("http://127.0.0.1:{port}/hook");
    suite::replaces_idle_connections(receiver.port, &mut Inbox(&receiver), url, 1).await;
    suite::survives_bad_peers(url).await;
    suite::survives_bad_peers(|port| format!("https://127.0.0.1:{port}/hook")).await;
}

#[tokio::test]
async fn a_request_is_as_the_standard_has_it() {
    let receiver = Receiver::new().await;
    let event = suite::event("key", "");
    let sink = suite::sink(&receiver.url("a/b?c=d%20"));
    assert_eq!(suite::deliver(&*sink, &event).await, Ok(()));
    let [request] = <[Request; 1]>::try_from(receiver.taken()).unwrap();
    assert_eq!(request.line, "POST /a/b?c=d%20 HTTP/1.1");
    assert_eq!(request.headers["host"], format!("127.0.0.1:{}", receiver.port));
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["webhook-id"], event.id);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let at: u64 = request.headers["webhook-timestamp"].parse().unwrap();
    assert!(now.abs_diff(at) < 30, "{at}");
    assert!(is_signed(&request));
    let altered = Request {
        body: format!("{} ", request.body),
        ..request
    };
    assert!(!is_signed(&altered));
}

#[tokio::test]
async fn an_answer_says_what_became_of_an_event() {
    let receiver = Receiver::new().await;
    for (path, kind) in [
        ("200", None),
        ("204", None),
        ("last", None),
        ("leave", None),
        ("endless", None),
        ("redirect", Some(SinkErrorKind::Refused)),
        ("400", Some(SinkErrorKind::Refused)),
        ("410", Some(SinkErrorKind::Refused)),
        ("408", Some(SinkErrorKind::Unavailable)),
        ("429", Some(SinkErrorKind::Unavailable)),
        ("503", Some(SinkErrorKind::Unavailable)),
        ("drop", Some(SinkErrorKind::Unavailable)),
    ] {
        let sink = suite::sink(&receiver.url(path));
        for attempt in 1..=2 {
            let outcome = suite::deliver(&*sink, &suite::event("key", "")).await;
            assert_eq!(outcome.err().map(|error| error.kind), kind, "{path}, {attempt}");
            // A redirect, above all, leads to no other request.
            assert_eq!(receiver.taken().len(), 1, "{path}, {attempt}");
        }
    }
    let slow = suite::hasty_sink(&receiver.url("slow"));
    let start = Instant::now();
    suite::is_unavailable(&*slow, "no answer").await;
    assert!(start.elapsed() < suite::WAIT * 3);
}

#[tokio::test]
async fn a_receiver_may_be_stopped() {
    let receiver = Receiver::new().await;
    let sink = suite::sink(&receiver.url("hook"));
    suite::delivers(&*sink, &mut Inbox(&receiver)).await;
    let address = SocketAddr::from(([127, 0, 0, 1], receiver.port));
    receiver.stop().await;
    suite::is_unavailable(&*sink, "refused").await;
    let receiver = Receiver::at(address, None).await;
    suite::delivers(&*sink, &mut Inbox(&receiver)).await;
}

#[tokio::test]
async fn a_name_with_a_private_address_is_not_connected_to() {
    let receiver = Receiver::new().await;
    let of_the_internet = Options {
        private_addresses: false,
        ..suite::options()
    };
    for name in ["localhost", "127.1", "2130706433", "0x7f000001"] {
        let url = format!("https://{name}:{}/", receiver.port);
        let sink = suite::made(&url, &of_the_internet).unwrap();
        suite::fails(&*sink, SinkErrorKind::Unavailable, "").await;
    }
    assert_eq!(receiver.connections(), 0);
    let sink = suite::sink(&format!("http://localhost:{}/", receiver.port));
    suite::delivers(&*sink, &mut Inbox(&receiver)).await;
}

#[tokio::test]
async fn ten_requests_are_on_their_way_at_once() {
    // None is answered until all are there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut streams: Vec<TcpStream> = Vec::new();
        while streams.len() < 10 {
            streams.push(listener.accept().await.unwrap().0);
        }
        for stream in &mut streams {
            stream
                .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
        }
        std::future::pending::<()>().await;
    });
    let sink = suite::sink(&url);
    assert_eq!(sink.at_once(), 10);
    let events: Vec<_> = (0..10)
        .map(|number| suite::event(&number.to_string(), ""))
        .collect();
    let outcomes = tokio::time::timeout(Duration::from_secs(5), sink.deliver(&events)).await;
    assert_eq!(outcomes.unwrap(), vec![Ok(()); 10]);
}

#[tokio::test]
async fn webhooks_speak_tls() {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/host_key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let receiver = Receiver::at(address, Some(TlsAcceptor::from(Arc::new(config)))).await;
    let trusting = |certificate: &str| Options {
        certificates: Some(certificate.as_bytes().to_vec()),
        ..suite::options()
    };
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/hook", receiver.port);
        let sink = suite::made(&url, &trusting(CERTIFICATE)).unwrap();
        suite::delivers(&*sink, &mut Inbox(&receiver)).await;
        for stranger in [trusting(OTHER_CERTIFICATE), suite::options()] {
            let sink = suite::made(&url, &stranger).unwrap();
            suite::is_unavailable(&*sink, "certificate").await;
        }
    }
    assert_eq!(receiver.taken().len(), 0);
}
