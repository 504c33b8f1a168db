//! RabbitMQ.

use std::process::Command;
use std::time::{Duration, Instant};

use bleepstore_core::ports::{Delivery, SinkErrorKind};
use bleepstore_notify::Options;
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use tempfile::TempDir;

use crate::peers::Peer;
use crate::servers::{CERTIFICATE, Server, fixture, free_port, tool};
use crate::suite::{self, Destination, PASSWORD, Received};

/// Messages may not be longer there.
const LONGEST: usize = 64 * 1024;

struct Rabbit {
    command: Command,
    server: Option<Server>,
    port: u16,
    tls_port: u16,
    _names: Server,
    _folder: TempDir,
}

impl Rabbit {
    fn new() -> Option<Self> {
        let (mut command, mut names) = (
            Command::new(tool("rabbitmq-server")?),
            Command::new(tool("epmd")?),
        );
        let (port, tls_port, names_port, nodes_port) = (free_port(), free_port(), free_port(), free_port());
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("plugins"), "[].").unwrap();
        let settings = [
            format!("listeners.tcp.1 = 127.0.0.1:{port}"),
            format!("listeners.ssl.1 = 127.0.0.1:{tls_port}"),
            format!("ssl_options.certfile = {}", fixture("host.pem").display()),
            format!("ssl_options.keyfile = {}", fixture("host_key.pem").display()),
            format!("max_message_size = {LONGEST}"),
            format!("default_user = user\ndefault_pass = {PASSWORD}\n"),
        ];
        std::fs::write(file("rabbit.conf"), settings.join("\n")).unwrap();
        for command in [&mut command, &mut names] {
            command
                .env("HOME", folder.path())
                .env("ERL_EPMD_PORT", names_port.to_string())
                .env("ERL_EPMD_ADDRESS", "127.0.0.1");
        }
        command
            .env("RABBITMQ_NODENAME", format!("test{port}@localhost"))
            .env("RABBITMQ_DIST_PORT", nodes_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", file("mnesia"))
            .env("RABBITMQ_LOG_BASE", file("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", file("plugins"))
            .env("RABBITMQ_CONFIG_FILE", file("rabbit.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", file("none"))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            );
        let names = Server::start(&mut names, names_port);
        let server = Some(Server::start(&mut command, port));
        Some(Self {
            command,
            server,
            port,
            tls_port,
            _names: names,
            _folder: folder,
        })
    }

    fn url(&self, place: &str) -> String {
        url(self.port, place)
    }

    async fn channel(&self) -> (Connection, Channel) {
        let url = format!("amqp://user:{PASSWORD}@127.0.0.1:{}/%2f", self.port);
        let connection = Connection::connect(&url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    async fn declare(&self, queue: &str, arguments: &[(&str, AMQPValue)]) {
        let (_connection, channel) = self.channel().await;
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert((*name).into(), value.clone());
        }
        channel.queue_declare(queue.into(), options, table).await.unwrap();
    }
}

fn url(port: u16, place: &str) -> String {
    format!("amqp://user:{PASSWORD}@127.0.0.1:{port}/{place}")
}

struct Queue<'a>(&'a Rabbit, &'static str);

impl Destination for Queue<'_> {
    async fn received(&mut self) -> Vec<Received> {
        let (_connection, channel) = self.0.channel().await;
        let mut received = Vec::new();
        let options = BasicGetOptions { no_ack: true };
        while let Some(message) = channel.basic_get(self.1.into(), options).await.unwrap() {
            let properties = &message.delivery.properties;
            assert_eq!(*properties.delivery_mode(), Some(2));
            assert_eq!(
                properties.content_type().as_ref().unwrap().as_str(),
                "application/json"
            );
            received.push(Received {
                id: properties.message_id().as_ref().map(ToString::to_string),
                document: String::from_utf8(message.delivery.data.clone()).unwrap(),
            });
        }
        received
    }
}

#[tokio::test]
async fn rabbitmq_conforms() {
    leaves_no_threads().await;
    suite::survives_bad_peers(|port| url(port, "?routing_key=queue")).await;
    let Some(mut rabbit) = Rabbit::new() else { return };
    rabbit.declare("queue", &[]).await;
    let to_queue = rabbit.url("?routing_key=queue");
    let sink = suite::sink(&to_queue);
    suite::conforms(&sink, &mut Queue(&rabbit, "queue")).await;
    let place = |port: u16| url(port, "%2F?exchange=&routing_key=queue");
    suite::replaces_idle_connections(rabbit.port, &mut Queue(&rabbit, "queue"), place, 1).await;

    through_an_exchange(&rabbit).await;
    says_what_is_wrong(&rabbit).await;
    over_tls(&rabbit).await;

    // The same sink goes on after a restart, and what was confirmed outlives it.
    let before = suite::event("key", "");
    assert_eq!(suite::deliver(&*sink, &before).await, Ok(()));
    rabbit.server = None;
    suite::is_unavailable(&*sink, "refused").await;
    rabbit.server = Some(Server::start(&mut rabbit.command, rabbit.port));
    let after = suite::event("key", "");
    assert_eq!(suite::deliver(&*sink, &after).await, Ok(()));
    let received = Queue(&rabbit, "queue").received().await;
    let ids: Vec<_> = received.into_iter().filter_map(|received| received.id).collect();
    assert_eq!(ids, [before.id, after.id]);

    rabbit.server.as_ref().unwrap().signal("STOP");
    let hasty = suite::hasty_sink(&to_queue);
    let start = Instant::now();
    suite::is_unavailable(&*hasty, "no answer").await;
    suite::is_unavailable(&*hasty, "no answer").await;
    assert!(start.elapsed() < suite::WAIT * 4);
}

/// lapin has a thread for each connection. It ends with the connection, also while the peer says nothing.
async fn leaves_no_threads() {
    let silent = Peer::silent().await;
    suite::is_unavailable(
        &*suite::hasty_sink(&url(silent.port, "?routing_key=queue")),
        "no answer",
    )
    .await;
    assert_eq!(silent.accepted(), 1);
    let deadline = Instant::now() + Duration::from_secs(5);
    while threads_of_lapin() > 0 {
        assert!(
            Instant::now() < deadline,
            "{} threads of lapin are left",
            threads_of_lapin()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn threads_of_lapin() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("lapin-io-loop")).count()
}

async fn through_an_exchange(rabbit: &Rabbit) {
    let (_connection, channel) = rabbit.channel().await;
    let options = ExchangeDeclareOptions::default();
    let table = FieldTable::default();
    channel
        .exchange_declare("events".into(), ExchangeKind::Topic, options, table.clone())
        .await
        .unwrap();
    let bind = QueueBindOptions::default();
    channel
        .queue_bind("queue".into(), "events".into(), "a.#".into(), bind, table)
        .await
        .unwrap();
    let bound = suite::sink(&rabbit.url("?exchange=events&routing_key=a.b"));
    suite::delivers(&*bound, &mut Queue(rabbit, "queue")).await;
    // It reaches no queue: the broker returns it, and acknowledges it all the same.
    let unbound = suite::sink(&rabbit.url("?exchange=events&routing_key=b"));
    suite::fails(&*unbound, SinkErrorKind::Unavailable, "NO_ROUTE").await;
    let events: Vec<Delivery> = (0..50)
        .map(|number| suite::event(&number.to_string(), ""))
        .collect();
    for outcome in unbound.deliver(&events).await {
        assert_eq!(outcome.unwrap_err().kind, SinkErrorKind::Unavailable);
    }
    assert_eq!(Queue(rabbit, "queue").received().await, []);
}

async fn says_what_is_wrong(rabbit: &Rabbit) {
    let sink = |place: &str| suite::sink(&rabbit.url(place));
    suite::fails(
        &*sink("?routing_key=none"),
        SinkErrorKind::Unavailable,
        "NO_ROUTE",
    )
    .await;
    suite::is_unavailable(&*sink("?exchange=none&routing_key=x"), "NOT_FOUND").await;
    suite::is_unavailable(&*sink("none?routing_key=queue"), "").await;
    let wrong = format!(
        "amqp://user:x{PASSWORD}@127.0.0.1:{}/?routing_key=queue",
        rabbit.port
    );
    suite::is_unavailable(&*suite::sink(&wrong), "ACCESS_REFUSED").await;
    let apart = Options {
        password: Some(PASSWORD.to_owned()),
        ..suite::options()
    };
    let apart = suite::made(&wrong, &apart).unwrap();
    suite::delivers(&*apart, &mut Queue(rabbit, "queue")).await;

    // A full queue says so of each message, and the connection is as good as before.
    let full = [
        ("x-max-length", AMQPValue::LongInt(1)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ];
    rabbit.declare("full", &full).await;
    let full = sink("?routing_key=full");
    suite::delivers(&*full, &mut Queue(rabbit, "full")).await;
    assert_eq!(suite::deliver(&*full, &suite::event("key", "")).await, Ok(()));
    suite::is_unavailable(&*full, "nack").await;
    Queue(rabbit, "full").received().await;
    suite::delivers(&*full, &mut Queue(rabbit, "full")).await;

    // Of several messages the broker does not say which is too long; it is the longest.
    let sink = sink("?routing_key=queue");
    let mut events = ["one", "two", "three"].map(|key| suite::event(key, ""));
    events[1] = suite::event("two", &"x".repeat(LONGEST));
    let outcomes = sink.deliver(&events).await;
    assert_eq!(outcomes[1].as_ref().unwrap_err().kind, SinkErrorKind::Refused);
    for outcome in [&outcomes[0], &outcomes[2]] {
        assert!(
            !outcome
                .as_ref()
                .is_err_and(|error| error.kind == SinkErrorKind::Refused),
            "{outcomes:?}"
        );
    }
    Queue(rabbit, "queue").received().await;
    suite::delivers(&*sink, &mut Queue(rabbit, "queue")).await;
}

async fn over_tls(rabbit: &Rabbit) {
    let url = format!(
        "amqps://user:{PASSWORD}@localhost:{}/?routing_key=queue",
        rabbit.tls_port
    );
    let trusting = Options {
        certificates: Some(CERTIFICATE.as_bytes().to_vec()),
        ..suite::options()
    };
    let sink = suite::made(&url, &trusting).unwrap();
    suite::delivers(&*sink, &mut Queue(rabbit, "queue")).await;
    suite::is_unavailable(&*suite::sink(&url), "certificate").await;
}
