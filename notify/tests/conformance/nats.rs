//! NATS.

use std::process::Command;
use std::time::Instant;

use async_nats::jetstream::{self, stream};
use bleepstore_core::ports::SinkErrorKind;
use bleepstore_notify::Options;
use tempfile::TempDir;

use crate::servers::{CERTIFICATE, Server, fixture, free_port, tool};
use crate::suite::{self, Destination, PASSWORD, Received};

struct Nats {
    command: Command,
    server: Option<Server>,
    port: u16,
    folder: TempDir,
}

impl Nats {
    /// A server with these settings.
    fn with(settings: &str) -> Option<Self> {
        let mut command = Command::new(tool("nats-server")?);
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nats.conf");
        std::fs::write(&file, format!("listen: \"127.0.0.1:{port}\"\n{settings}")).unwrap();
        command.arg("-c").arg(file).current_dir(folder.path());
        let server = Some(Server::start(&mut command, port));
        Some(Self {
            command,
            server,
            port,
            folder,
        })
    }

    fn of_streams() -> Option<Self> {
        Self::with("jetstream { store_dir: \"store\" }\nmax_payload: 60000\n")
    }

    fn url(&self, subject: &str) -> String {
        format!("nats://127.0.0.1:{}/{subject}", self.port)
    }

    async fn jetstream(&self) -> jetstream::Context {
        let client = async_nats::connect(format!("127.0.0.1:{}", self.port))
            .await
            .unwrap();
        jetstream::new(client)
    }

    async fn stream(&self, name: &str, longest: i32) -> Stream<'_> {
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![format!("{name}.>")],
            max_message_size: longest,
            ..stream::Config::default()
        };
        self.jetstream().await.create_stream(config).await.unwrap();
        Stream {
            nats: self,
            name: name.to_owned(),
            next: 1,
        }
    }
}

struct Stream<'a> {
    nats: &'a Nats,
    name: String,
    next: u64,
}

impl Destination for Stream<'_> {
    async fn received(&mut self) -> Vec<Received> {
        let mut stream = self.nats.jetstream().await.get_stream(&self.name).await.unwrap();
        let last = stream.info().await.unwrap().state.last_sequence;
        let mut received = Vec::new();
        for number in self.next..=last {
            let message = stream.get_raw_message(number).await.unwrap();
            received.push(Received {
                id: message.headers.get("Nats-Msg-Id").map(ToString::to_string),
                document: String::from_utf8(message.payload.to_vec()).unwrap(),
            });
        }
        self.next = last + 1;
        received
    }
}

#[tokio::test]
async fn nats_conforms() {
    let Some(nats) = Nats::of_streams() else { return };
    let mut stream = nats.stream("events", -1).await;
    let url = |port: u16| format!("nats://127.0.0.1:{port}/events.s3");
    let sink = suite::sink(&url(nats.port));
    suite::conforms(&sink, &mut stream).await;
    // What was delivered already is acknowledged, and is there once.
    let event = suite::event("key", "");
    for _ in 0..3 {
        assert_eq!(suite::deliver(&*sink, &event).await, Ok(()));
    }
    assert_eq!(stream.received().await.len(), 1);
    // The client connects again by itself, once, before it is dropped.
    suite::replaces_idle_connections(nats.port, &mut stream, url, 2).await;
    suite::survives_bad_peers(url).await;
    suite::survives_bad_peers(|port| format!("tls://127.0.0.1:{port}/events.s3")).await;
}

#[tokio::test]
async fn nats_may_be_stopped_and_stall() {
    let Some(mut nats) = Nats::of_streams() else {
        return;
    };
    let mut next = nats.stream("events", -1).await.next;
    let (sink, hasty) = (
        suite::sink(&nats.url("events.a")),
        suite::hasty_sink(&nats.url("events.a")),
    );
    for stays_down in [true, false] {
        let mut stream = Stream {
            nats: &nats,
            name: "events".to_owned(),
            next,
        };
        suite::delivers(&*sink, &mut stream).await;
        next = stream.next;
        nats.server = None;
        if stays_down {
            suite::is_unavailable(&*sink, "").await;
        }
        nats.server = Some(Server::start(&mut nats.command, nats.port));
        let mut stream = Stream {
            nats: &nats,
            name: "events".to_owned(),
            next,
        };
        suite::delivers(&*sink, &mut stream).await;
        suite::delivers(&*hasty, &mut stream).await;
        next = stream.next;
    }
    nats.server.as_ref().unwrap().signal("STOP");
    let start = Instant::now();
    suite::is_unavailable(&*hasty, "no answer").await;
    assert!(start.elapsed() < suite::WAIT * 3);
    nats.server.as_ref().unwrap().signal("CONT");
    assert_eq!(suite::deliver(&*hasty, &suite::event("key", "")).await, Ok(()));
    assert!(nats.folder.path().join("store").is_dir());
}

#[tokio::test]
async fn nats_says_what_is_wrong() {
    let Some(nats) = Nats::of_streams() else { return };
    let mut stream = nats.stream("events", -1).await;
    suite::is_unavailable(&*suite::sink(&nats.url("other")), "no JetStream stream").await;
    let sink = suite::sink(&nats.url("events.s3"));
    let long = suite::event("key", &"x".repeat(70_000));
    let error = suite::deliver(&*sink, &long).await.unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Refused, "{error}");
    suite::delivers(&*sink, &mut stream).await;
    nats.stream("short", 100).await;
    let short = suite::sink(&nats.url("short.s3"));
    let error = suite::deliver(&*short, &suite::event("key", &"x".repeat(200)))
        .await
        .unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Refused, "{error}");

    let Some(bare) = Nats::with("") else { return };
    suite::is_unavailable(&*suite::sink(&bare.url("events.s3")), "JetStream is off").await;
}

#[tokio::test]
async fn nats_knows_its_users() {
    let users = "jetstream { store_dir: \"store\" }\nno_auth_user: reader\nauthorization { users: [\n\
        { user: reader, password: reader },\n\
        { user: writer, password: s3cret-w0rd, permissions: { publish: [\"events.mine\"] } }\n] }\n";
    let Some(nats) = Nats::with(users) else { return };
    let mut stream = nats.stream("events", -1).await;
    let host = format!("127.0.0.1:{}", nats.port);
    let named = |who: &str, subject: &str| suite::sink(&format!("nats://{who}@{host}/{subject}"));
    suite::delivers(&*named(&format!("writer:{PASSWORD}"), "events.mine"), &mut stream).await;
    let start = Instant::now();
    suite::is_unavailable(
        &*named(&format!("writer:{PASSWORD}"), "events.other"),
        "ermissions",
    )
    .await;
    assert!(start.elapsed() < suite::WAIT * 3);
    suite::is_unavailable(
        &*named(&format!("writer:x{PASSWORD}"), "events.mine"),
        "authorization",
    )
    .await;

    let Some(nats) = Nats::with("authorization { token: s3cret-w0rd }\n") else {
        return;
    };
    let host = format!("127.0.0.1:{}", nats.port);
    let by_token = suite::sink(&format!("nats://{PASSWORD}@{host}/events"));
    suite::is_unavailable(&*by_token, "JetStream is off").await;
    let apart = Options {
        password: Some(PASSWORD.to_owned()),
        ..suite::options()
    };
    let apart = suite::made(&format!("nats://{host}/events"), &apart).unwrap();
    suite::is_unavailable(&*apart, "JetStream is off").await;
    suite::is_unavailable(
        &*suite::sink(&format!("nats://x{PASSWORD}@{host}/events")),
        "authorization",
    )
    .await;
}

#[tokio::test]
async fn nats_speaks_tls() {
    let (certificate, key) = (fixture("host.pem"), fixture("host_key.pem"));
    let tls = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?} }}\n");
    let Some(nats) = Nats::with(&tls) else { return };
    let url = format!("tls://localhost:{}/events", nats.port);
    let trusting = Options {
        certificates: Some(CERTIFICATE.as_bytes().to_vec()),
        ..suite::options()
    };
    let sink = suite::made(&url, &trusting).unwrap();
    suite::is_unavailable(&*sink, "JetStream is off").await;
    suite::is_unavailable(&*suite::sink(&url), "certificate").await;
}
