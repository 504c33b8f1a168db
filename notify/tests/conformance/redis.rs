//! Redis.

use std::process::Command;

use bleepstore_core::ports::{Delivery, SinkErrorKind};
use bleepstore_notify::Options;
use redis::Value;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

use crate::servers::{CERTIFICATE, OTHER_CERTIFICATE, Server, fixture, free_port, tool};
use crate::suite::{self, Destination, PASSWORD, Received, WAIT};

struct Redis {
    command: Command,
    server: Option<Server>,
    port: u16,
    tls_port: u16,
    folder: TempDir,
}

impl Redis {
    fn new() -> Option<Self> {
        let mut command = Command::new(tool("redis-server")?);
        let (port, tls_port) = (free_port(), free_port());
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (fixture("host.pem"), fixture("host_key.pem"));
        command
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ])
            .args([
                "--tls-auth-clients",
                "no",
                "--port",
                &port.to_string(),
                "--tls-port",
                &tls_port.to_string(),
            ])
            .arg("--tls-cert-file")
            .arg(certificate)
            .arg("--tls-key-file")
            .arg(key)
            .arg("--dir")
            .arg(folder.path());
        let mut redis = Self {
            command,
            server: None,
            port,
            tls_port,
            folder,
        };
        redis.start();
        Some(redis)
    }

    fn start(&mut self) {
        self.server = Some(Server::start(&mut self.command, self.port));
    }

    fn stop(&mut self) {
        self.server = None;
    }

    async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/", self.port)).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    async fn command<T: redis::FromRedisValue>(&self, words: &str) -> T {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        command.query_async(&mut self.connection().await).await.unwrap()
    }
}

struct Stream<'a>(&'a Redis, &'static str);

impl Destination for Stream<'_> {
    async fn received(&mut self) -> Vec<Received> {
        let entries: Vec<(String, Vec<String>)> = self.0.command(&format!("XRANGE {} - +", self.1)).await;
        let _: Value = self.0.command(&format!("DEL {}", self.1)).await;
        let received = entries.into_iter().map(|(_, fields)| match fields.as_slice() {
            [id, number, event, document] if id == "id" && event == "event" => Received {
                id: Some(number.clone()),
                document: document.clone(),
            },
            _ => panic!("{fields:?}"),
        });
        received.collect()
    }
}

struct List<'a>(&'a Redis);

impl Destination for List<'_> {
    async fn received(&mut self) -> Vec<Received> {
        let documents: Vec<String> = self.0.command("LRANGE list 0 -1").await;
        let _: Value = self.0.command("DEL list").await;
        let received = documents
            .into_iter()
            .map(|document| Received { id: None, document });
        received.collect()
    }

    fn has_ids(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn redis_conforms() {
    let Some(redis) = Redis::new() else { return };
    let port = redis.port;
    let url = |port: u16| format!("redis://127.0.0.1:{port}/?stream=stream");
    suite::conforms(&suite::sink(&url(port)), &mut Stream(&redis, "stream")).await;
    let list = format!("redis://127.0.0.1:{port}?list=list");
    suite::conforms(&suite::sink(&list), &mut List(&redis)).await;
    suite::replaces_idle_connections(port, &mut Stream(&redis, "stream"), url, 1).await;
    suite::survives_bad_peers(url).await;
    suite::survives_bad_peers(|port| format!("rediss://127.0.0.1:{port}/?stream=stream")).await;
}

#[tokio::test]
async fn redis_may_be_stopped_and_stall() {
    let Some(mut redis) = Redis::new() else { return };
    let url = format!("redis://127.0.0.1:{}/?stream=stream", redis.port);
    let (sink, hasty) = (suite::sink(&url), suite::hasty_sink(&url));
    suite::delivers(&*sink, &mut Stream(&redis, "stream")).await;
    redis.stop();
    suite::is_unavailable(&*sink, "refused").await;
    redis.start();
    suite::delivers(&*sink, &mut Stream(&redis, "stream")).await;
    // Idle on both sides of a restart.
    redis.stop();
    redis.start();
    suite::delivers(&*sink, &mut Stream(&redis, "stream")).await;

    suite::delivers(&*hasty, &mut Stream(&redis, "stream")).await;
    redis.server.as_ref().unwrap().signal("STOP");
    let start = std::time::Instant::now();
    suite::is_unavailable(&*hasty, "no answer").await;
    assert!(start.elapsed() < WAIT * 3);
    redis.server.as_ref().unwrap().signal("CONT");
    assert_eq!(suite::deliver(&*hasty, &suite::event("key", "")).await, Ok(()));
    // What it was sent while it stood still may have arrived, and once.
    let received = Stream(&redis, "stream").received().await;
    assert!((1..=2).contains(&received.len()), "{received:?}");
    assert!(redis.folder.path().join("appendonlydir").is_dir());
}

#[tokio::test]
async fn redis_says_what_is_wrong() {
    let Some(redis) = Redis::new() else { return };
    let host = format!("127.0.0.1:{}", redis.port);
    let sink = suite::sink(&format!("redis://{host}/3?stream=stream&maxlen=5"));
    assert_eq!(sink.place(), format!("redis://{host}/3?stream=stream"));

    // A stream that is cut, in the database that is named.
    let events: Vec<Delivery> = (0..sink.at_once())
        .map(|number| suite::event(&number.to_string(), ""))
        .collect();
    for _ in 0..5 {
        assert_eq!(sink.deliver(&events).await, vec![Ok(()); events.len()]);
    }
    let info: String = redis.command("INFO keyspace").await;
    assert!(info.contains("db3:keys=1"), "{info}");
    let client = redis::Client::open(format!("redis://{host}/3")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let length: usize = redis::cmd("XLEN")
        .arg("stream")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!((5..=200).contains(&length), "{length}");

    let _: Value = redis.command("SET text x").await;
    suite::is_unavailable(
        &*suite::sink(&format!("redis://{host}/?stream=text")),
        "WRONGTYPE",
    )
    .await;
    suite::is_unavailable(&*suite::sink(&format!("redis://{host}/?list=text")), "WRONGTYPE").await;
    suite::is_unavailable(&*suite::sink(&format!("redis://{host}/9999?list=list")), "").await;

    // A replica, and a full memory, and their end: the same sink goes on.
    let sink = suite::sink(&format!("redis://{host}/?stream=stream"));
    let _: Value = redis.command("REPLICAOF 127.0.0.1 1").await;
    suite::is_unavailable(&*sink, "READONLY").await;
    let _: Value = redis.command("REPLICAOF NO ONE").await;
    suite::delivers(&*sink, &mut Stream(&redis, "stream")).await;
    let _: Value = redis.command("CONFIG SET maxmemory 1").await;
    suite::is_unavailable(&*sink, "OOM").await;
    let _: Value = redis.command("CONFIG SET maxmemory 0").await;
    suite::delivers(&*sink, &mut Stream(&redis, "stream")).await;

    // Who may, and who may not.
    let _: Value = redis
        .command("ACL SETUSER writer on >s3cret-w0rd ~mine +xadd")
        .await;
    let named = |who: &str, name: &str| suite::sink(&format!("redis://{who}@{host}/?stream={name}"));
    suite::delivers(
        &*named(&format!("writer:{PASSWORD}"), "mine"),
        &mut Stream(&redis, "mine"),
    )
    .await;
    suite::is_unavailable(&*named(&format!("writer:{PASSWORD}"), "other"), "NOPERM").await;
    suite::is_unavailable(&*named(&format!("writer:x{PASSWORD}"), "mine"), "").await;
    let apart = Options {
        password: Some(PASSWORD.to_owned()),
        ..suite::options()
    };
    let apart = suite::made(&format!("redis://writer:wrong@{host}/?stream=mine"), &apart).unwrap();
    suite::delivers(&*apart, &mut Stream(&redis, "mine")).await;

    let _: Value = redis.command("CONFIG SET requirepass s3cret-w0rd").await;
    suite::is_unavailable(&*suite::sink(&format!("redis://{host}/?list=list")), "").await;
    let with_password = suite::sink(&format!("redis://:{PASSWORD}@{host}/?list=list"));
    assert_eq!(
        suite::deliver(&*with_password, &suite::event("key", "")).await,
        Ok(())
    );
}

#[tokio::test]
async fn redis_speaks_tls() {
    let Some(redis) = Redis::new() else { return };
    let url = format!("rediss://localhost:{}/?stream=stream", redis.tls_port);
    let trusting = |certificate: &str| Options {
        certificates: Some(certificate.as_bytes().to_vec()),
        ..suite::options()
    };
    let sink = suite::made(&url, &trusting(CERTIFICATE)).unwrap();
    suite::conforms(&sink, &mut Stream(&redis, "stream")).await;
    for stranger in [trusting(OTHER_CERTIFICATE), suite::options()] {
        let sink = suite::made(&url, &stranger).unwrap();
        suite::fails(&*sink, SinkErrorKind::Unavailable, "certificate").await;
    }
}
