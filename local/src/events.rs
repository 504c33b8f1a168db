//! Deliveries of events beside requests.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::Ports;
use bleepstore_core::model::{DestinationName, EventQueue};
use bleepstore_core::ops::{Deliveries, DeliveryReport, Destinations, EventBacklog, event_backlog};
use bleepstore_core::ports::{EventSink, StoreResult};
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long a destination of which nothing is heard is left alone: whoever puts events back may be another process.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The wait after a round that the store did not let finish.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The pause after a round that left something: it is read anew each time.
const BESIDE_WHAT_WAITS: Duration = Duration::from_millis(100);

/// Up to how many events of a queue are counted.
const COUNTED: u64 = 10_000;

/// How often they are counted at most.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// What is told of deliveries.
#[derive(Clone, Copy, Debug)]
pub enum Observed<'a> {
    /// How a round ended.
    Round(&'a StoreResult<DeliveryReport>),
    /// What waits, and what was given up.
    Backlog(EventBacklog, EventBacklog),
}

/// Delivers events to each of these destinations, in the background and as soon as they are written. Returns what the
/// service has to know of them, and the tasks.
pub fn deliver_in_background(
    sinks: BTreeMap<DestinationName, Arc<dyn EventSink>>,
    ports: &Ports,
    give_up: Duration,
    observe: impl Fn(&DestinationName, Observed<'_>) + Clone + Send + Sync + 'static,
) -> (Destinations, Vec<JoinHandle<()>>) {
    let woken: BTreeMap<DestinationName, Arc<Notify>> =
        sinks.keys().map(|name| (name.clone(), Arc::default())).collect();
    let tasks = sinks.iter().map(|(name, sink)| {
        let (sink, of) = (Arc::clone(sink), ports.clone());
        let begin = {
            let name = name.clone();
            move || Deliveries::new(name.clone(), Arc::clone(&sink), of.clone(), give_up)
        };
        let wake = woken.get(name).cloned().unwrap_or_default();
        tokio::spawn(deliver_for_ever(
            name.clone(),
            begin,
            ports.clone(),
            wake,
            observe.clone(),
        ))
    });
    let tasks = tasks.collect();
    let destinations = Destinations::new(sinks).waking(move |name| {
        if let Some(wake) = woken.get(name) {
            wake.notify_one();
        }
    });
    (destinations, tasks)
}

/// Delivers, and begins anew where a client of some destination panics.
async fn deliver_for_ever(
    name: DestinationName,
    begin: impl Fn() -> Deliveries,
    ports: Ports,
    wake: Arc<Notify>,
    observe: impl Fn(&DestinationName, Observed<'_>),
) {
    loop {
        let delivering = deliver(&name, begin(), &ports, &wake, &observe);
        if AssertUnwindSafe(delivering).catch_unwind().await.is_err() {
            tracing::error!(destination = %name, "deliveries panicked and begin anew");
        }
        ports.clock.sleep(AFTER_FAILURE).await;
    }
}

async fn deliver(
    name: &DestinationName,
    mut deliveries: Deliveries,
    ports: &Ports,
    wake: &Notify,
    observe: &impl Fn(&DestinationName, Observed<'_>),
) {
    let clock = &ports.clock;
    let mut counted: Option<Duration> = None;
    let mut failures = 0;
    loop {
        let ended = deliveries.round().await;
        observe(name, Observed::Round(&ended));
        if counted.is_none_or(|counted| clock.elapsed() >= counted + COUNT_EVERY) {
            counted = Some(clock.elapsed());
            count(name, ports, observe).await;
        }
        match ended {
            Ok(DeliveryReport {
                unavailable: true,
                next: Some(wait),
                ..
            }) => clock.sleep(wait).await,
            Ok(report) => {
                failures = 0;
                if report.left > 0 && !report.more {
                    // What was written meanwhile is met with it, however much waits.
                    clock.sleep(BESIDE_WHAT_WAITS).await;
                }
                let wait = report.next.unwrap_or(LOOK_EVERY).min(LOOK_EVERY);
                tokio::select! {
                    () = wake.notified() => {}
                    () = clock.sleep(wait) => {}
                }
            }
            Err(error) => {
                tracing::warn!(destination = %name, %error, "events cannot be read or removed");
                clock.sleep(AFTER_FAILURE * (1 << failures.min(6))).await;
                failures += 1;
            }
        }
    }
}

/// Tells what waits and what was given up.
async fn count(name: &DestinationName, ports: &Ports, observe: &impl Fn(&DestinationName, Observed<'_>)) {
    let queue = |dead| EventQueue {
        destination: name.clone(),
        dead,
    };
    let metadata = ports.metadata.as_ref();
    let waiting = event_backlog(metadata, &queue(false), COUNTED).await;
    let dead = event_backlog(metadata, &queue(true), COUNTED).await;
    if let (Ok(waiting), Ok(dead)) = (waiting, dead) {
        observe(name, Observed::Backlog(waiting, dead));
    }
}
