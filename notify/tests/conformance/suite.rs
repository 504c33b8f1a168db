//! What is asked of every kind of destination.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bleepstore_core::model::DestinationName;
use bleepstore_core::ports::{Delivery, EventSink, SinkError, SinkErrorKind};
use bleepstore_notify::{InvalidDestination, Options};
use serde_json::{Value, json};

use crate::peers::Peer;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The password in the tests' URLs: it may be in no text.
pub(crate) const PASSWORD: &str = "s3cret-w0rd";

/// How long a call may take in the tests of peers that do not answer.
pub(crate) const WAIT: Duration = Duration::from_millis(700);

/// What a destination has received.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Received {
    /// `None` where it receives the document alone.
    pub(crate) id: Option<String>,
    pub(crate) document: String,
}

/// A destination as those see it who receive from it.
pub(crate) trait Destination {
    /// What it has received since it was asked last, in its order.
    async fn received(&mut self) -> Vec<Received>;

    /// Whether the id is beside the document.
    fn has_ids(&self) -> bool {
        true
    }
}

pub(crate) fn options() -> Options {
    Options {
        private_addresses: true,
        webhook_secret: Some(SECRET.to_owned()),
        ..Options::default()
    }
}

pub(crate) fn made(url: &str, options: &Options) -> Result<Arc<dyn EventSink>, InvalidDestination> {
    let name: DestinationName = "a-name".parse().unwrap();
    bleepstore_notify::sink(&name, url, options)
}

pub(crate) fn sink(url: &str) -> Arc<dyn EventSink> {
    made(url, &options()).unwrap_or_else(|error| panic!("{error}"))
}

/// A sink whose calls end soon.
pub(crate) fn hasty_sink(url: &str) -> Arc<dyn EventSink> {
    let options = Options {
        timeout: WAIT,
        ..options()
    };
    made(url, &options).unwrap()
}

/// An event of a key, with an id of its own.
pub(crate) fn event(key: &str, text: &str) -> Delivery {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Delivery {
        id: format!("{number:032x}"),
        bucket: "bucket".to_owned(),
        key: key.to_owned(),
        at: 1_700_000_000 + number,
        name: "ObjectCreated:Put".to_owned(),
        document: json!({"key": key, "number": number, "text": text}).to_string(),
    }
}

/// The one outcome of one event.
pub(crate) async fn deliver(sink: &dyn EventSink, event: &Delivery) -> Result<(), SinkError> {
    let outcomes = sink.deliver(std::slice::from_ref(event)).await;
    assert_eq!(outcomes.len(), 1);
    let outcome = outcomes.into_iter().next().unwrap();
    if let Err(error) = &outcome {
        assert!(!error.what.contains(PASSWORD), "{error}");
        assert!(!error.what.contains('\n') && !error.what.is_empty(), "{error}");
    }
    outcome
}

pub(crate) async fn fails(sink: &dyn EventSink, kind: SinkErrorKind, part: &str) {
    let error = deliver(sink, &event("key", "")).await.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.what.contains(part), "{error}");
}

pub(crate) async fn is_unavailable(sink: &dyn EventSink, part: &str) {
    fails(sink, SinkErrorKind::Unavailable, part).await;
}

fn as_received(events: &[Delivery], destination: &impl Destination) -> Vec<Received> {
    let received = events.iter().map(|event| Received {
        id: destination.has_ids().then(|| event.id.clone()),
        document: event.document.clone(),
    });
    received.collect()
}

fn sorted(mut received: Vec<Received>) -> Vec<Received> {
    received.sort();
    received
}

/// Events arrive as they are; those of a key in their order; calls may be at once.
pub(crate) async fn conforms(sink: &Arc<dyn EventSink>, destination: &mut impl Destination) {
    assert_eq!(sink.deliver(&[]).await, []);
    assert!(
        !sink.place().contains(PASSWORD) && !sink.place().contains('@'),
        "{}",
        sink.place()
    );

    let mut events: Vec<Delivery> = (0..sink.at_once().min(25))
        .map(|number| event(&format!("many/{number}"), ""))
        .collect();
    events[1] = event("odd \u{e9}\u{1f600}\n\"'\\?=&#%41", "\u{2028} \r\n \u{0} $1 {}");
    events[2] = event("long", &"x".repeat(40_000));
    assert_eq!(sink.deliver(&events).await, vec![Ok(()); events.len()]);
    let received = destination.received().await;
    assert_eq!(sorted(received), sorted(as_received(&events, destination)));

    let mut sent = Vec::new();
    for number in 0..10 {
        let events = ["one", "two", "three"].map(|key| event(key, &number.to_string()));
        assert_eq!(sink.deliver(&events).await, vec![Ok(()); 3]);
        sent.extend(events);
    }
    let received = destination.received().await;
    assert_eq!(by_key(&received), by_key(&as_received(&sent, destination)));

    let calls = (0..8).map(|number| {
        let sink = sink.clone();
        let events: Vec<Delivery> = (0..5)
            .map(|other| event(&format!("{number}/{other}"), ""))
            .collect();
        let call = tokio::spawn({
            let events = events.clone();
            async move { sink.deliver(&events).await }
        });
        (call, events)
    });
    let mut sent = Vec::new();
    for (call, events) in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), vec![Ok(()); 5]);
        sent.extend(events);
    }
    let received = destination.received().await;
    assert_eq!(sorted(received), sorted(as_received(&sent, destination)));
}

/// What was received of each key, in its order.
fn by_key(received: &[Received]) -> BTreeMap<String, Vec<&Received>> {
    let mut keys: BTreeMap<String, Vec<&Received>> = BTreeMap::new();
    for received in received {
        let document: Value = serde_json::from_str(&received.document).unwrap();
        keys.entry(document["key"].to_string())
            .or_default()
            .push(received);
    }
    keys
}

/// One event arrives.
pub(crate) async fn delivers(sink: &dyn EventSink, destination: &mut impl Destination) {
    let event = event("key", "");
    assert_eq!(deliver(sink, &event).await, Ok(()));
    let received = destination.received().await;
    assert_eq!(received, as_received(&[event], destination));
}

/// A connection that ended while nobody used it is replaced, by at most so many.
pub(crate) async fn replaces_idle_connections(
    port: u16,
    destination: &mut impl Destination,
    url: impl Fn(u16) -> String,
    most: usize,
) {
    let proxy = Peer::proxy(port).await;
    let sink = sink(&url(proxy.port));
    delivers(&*sink, destination).await;
    let before = proxy.accepted();
    delivers(&*sink, destination).await;
    assert_eq!(proxy.accepted(), before, "the connection is kept");
    for _ in 0..3 {
        let before = proxy.accepted();
        proxy.cut().await;
        delivers(&*sink, destination).await;
        assert!((1..=most).contains(&(proxy.accepted() - before)));
    }
}

/// Peers that do not answer, or leave, are unavailable, in time and without a second attempt.
pub(crate) async fn survives_bad_peers(url: impl Fn(u16) -> String) {
    let silent = Peer::silent().await;
    let sink = hasty_sink(&url(silent.port));
    for _ in 0..2 {
        let start = Instant::now();
        is_unavailable(&*sink, "no answer in 700ms").await;
        let took = start.elapsed();
        assert!(
            took >= WAIT - Duration::from_millis(10) && took < WAIT * 3,
            "{took:?}"
        );
    }
    // Each attempt is a connection of its own.
    assert_eq!(silent.accepted(), 2);

    let closing = Peer::closing().await;
    let sink = hasty_sink(&url(closing.port));
    is_unavailable(&*sink, "").await;
    assert_eq!(closing.accepted(), 1);

    let nobody = crate::servers::free_port();
    is_unavailable(&*hasty_sink(&url(nobody)), "refused").await;
}
