//! Garbage collection among random requests. Every request and every collection is stopped before each of its calls
//! to a store, and a random one goes on; some crash there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::model::{
    BlobRef, Bucket, ETag, ErrorCode, Layout, Manifest, ObjectKind, SpilledLayout, Timestamp, Versioning,
};
use bleepstore_core::ops::{Collection, GcError, GcOptions, GcReport};
use bleepstore_core::ports::{BlobRead, Clock, KeyRange, UploadRange};
use bleepstore_tests::decorators::{Interceptor, Verdict};
use bleepstore_tests::deployment::Deployment;
use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::lock::Mutex;
use futures_util::{TryStreamExt, poll};
use proptest::prelude::*;
use proptest::sample::Index;

use super::check;
use super::requests::{Acknowledged, Aimed, BUCKETS, Clients, PLACES, Place, Request, names, versions};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// How long a retired manifest is kept.
const DAY: Duration = HOUR.saturating_mul(24);

/// What a request may take longer than planned, because it had to wait for its turn.
const SLACK: Duration = Duration::from_secs(60);

/// How many processes collect garbage.
const PROCESSES: usize = 2;

/// Stops before every call, so that others can go on.
struct Stepping;

#[async_trait]
impl Interceptor for Stepping {
    async fn before(&self, _method: &'static str) -> Verdict {
        tokio::task::yield_now().await;
        Verdict::Pass
    }
}

#[derive(Clone, Debug)]
enum Step {
    Start(Request),
    /// Starts a request and ends it, while all others stand still.
    Perform(Request),
    /// Starts to collect everything, once all that is there is old enough to go.
    Age,
    /// Starts a slice of a collection in one of the processes, which has the mark of an earlier one.
    Collect(usize),
    /// Time passes, in percent of the grace, and one of the processes collects a slice while all others stand still.
    Slice(usize, u32),
    /// One of the processes makes way for another.
    Restart(usize),
    /// Lets something go on through some calls.
    Run(Index, usize),
    /// Something never goes on.
    Crash(Index),
    /// Time passes, in percent of the grace.
    Wait(u32),
    /// All requests end.
    Settle,
}

fn step(versions: u32) -> impl Strategy<Value = Step> {
    // Some calls, or as good as all that are left.
    let calls = prop_oneof![3 => 1..5_usize, 1 => Just(50)];
    prop_oneof![
        6 => Request::any(versions).prop_map(Step::Start),
        6 => Request::any(versions).prop_map(Step::Perform),
        2 => Just(Step::Age),
        4 => (0..PROCESSES).prop_map(Step::Collect),
        4 => (0..PROCESSES, 1..120_u32).prop_map(|(process, percent)| Step::Slice(process, percent)),
        1 => (0..PROCESSES).prop_map(Step::Restart),
        12 => (any::<Index>(), calls).prop_map(|(index, calls)| Step::Run(index, calls)),
        1 => any::<Index>().prop_map(Step::Crash),
        3 => (1..120_u32).prop_map(Step::Wait),
        2 => Just(Step::Settle),
    ]
}

/// How a process collects.
fn options(grace: Duration) -> impl Strategy<Value = GcOptions> {
    let expiry = prop::sample::select(vec![None, Some(HOUR), Some(DAY)]);
    // With the least memory, what is not named is often taken for named.
    let memory = prop::sample::select(vec![128, 1 << 20]);
    (1..5_usize, prop::bool::weighted(0.8), expiry, memory).prop_map(
        move |(slice, force, upload_expiry, mark_memory)| GcOptions {
            grace,
            upload_expiry,
            force,
            slice,
            mark_memory,
            ..GcOptions::default()
        },
    )
}

/// Something that is under way.
struct Task<'a> {
    work: Work,
    started: Timestamp,
    future: LocalBoxFuture<'a, Ended>,
}

enum Work {
    Request {
        request: Aimed,
        /// Places where another request was under way too, so that the answer does not tell what is there now.
        shared: BTreeSet<Place>,
    },
    Collection {
        /// Whether another collection was under way too.
        alone: bool,
    },
}

enum Ended {
    Request(Acknowledged),
    Collection(Result<GcReport, GcError>),
}

struct World<'a> {
    store: &'a Deployment,
    clients: &'a Clients,
    grace: Duration,
    /// How each process collects, and what it keeps between slices.
    processes: Vec<(GcOptions, Arc<Mutex<Collection>>)>,
    tasks: Vec<Task<'a>>,
    /// What must be read at a place, where that is certain.
    known: BTreeMap<Place, Option<ETag>>,
}

impl<'a> World<'a> {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Start(request) => {
                self.start(request);
            }
            Step::Perform(request) => {
                if self.start(request) {
                    let last = self.tasks.len() - 1;
                    // Not further than to where it sleeps before it tries again.
                    let mut calls = 0;
                    while calls < 50 && !self.go_on(last).await {
                        calls += 1;
                    }
                }
            }
            Step::Age => {
                self.wait(self.grace).await;
                let options = GcOptions {
                    grace: self.grace,
                    force: true,
                    ..GcOptions::default()
                };
                self.collect(&Arc::new(Mutex::new(Collection::new(options))));
            }
            Step::Collect(process) => {
                let process = Arc::clone(&self.processes[process].1);
                self.collect(&process);
            }
            Step::Slice(process, percent) => {
                self.wait(self.grace * percent / 100).await;
                let process = Arc::clone(&self.processes[process].1);
                if self.collect(&process) {
                    let last = self.tasks.len() - 1;
                    while !self.go_on(last).await {}
                }
            }
            Step::Restart(process) => {
                let (options, kept) = &mut self.processes[process];
                *kept = Arc::new(Mutex::new(Collection::new(options.clone())));
            }
            Step::Run(index, calls) if !self.tasks.is_empty() => {
                let at = index.index(self.tasks.len());
                for _ in 0..calls {
                    if self.go_on(at).await {
                        break;
                    }
                }
            }
            Step::Crash(index) if !self.tasks.is_empty() => {
                let task = self.tasks.remove(index.index(self.tasks.len()));
                if let Work::Request { request, .. } = task.work {
                    self.clients.forget(&request);
                    for place in request.touches() {
                        self.known.remove(&place);
                    }
                }
            }
            Step::Run(..) | Step::Crash(_) => {}
            Step::Wait(percent) => self.wait(self.grace * percent / 100).await,
            Step::Settle => {
                self.finish(|task| matches!(task.work, Work::Request { .. }))
                    .await
            }
        }
    }

    /// Returns whether there is something that the request can be about.
    fn start(&mut self, request: Request) -> bool {
        let Some(request) = self.clients.aim(request) else {
            return false;
        };
        let touches = request.touches();
        let mut overlaps = BTreeSet::new();
        for task in &mut self.tasks {
            if let Work::Request { request, shared } = &mut task.work {
                let both = request
                    .touches()
                    .into_iter()
                    .filter(|place| touches.contains(place));
                for place in both {
                    shared.insert(place);
                    overlaps.insert(place);
                }
            }
        }
        let (store, clients, sent) = (self.store, self.clients, request.clone());
        self.tasks.push(Task {
            work: Work::Request {
                request,
                shared: overlaps,
            },
            started: store.clock.now(),
            future: async move { Ended::Request(clients.send(store, &sent).await) }.boxed_local(),
        });
        true
    }

    /// Starts a slice. Returns whether it did: a process is busy with one at a time.
    fn collect(&mut self, process: &Arc<Mutex<Collection>>) -> bool {
        let Some(mut collection) = process.try_lock_owned() else {
            return false;
        };
        let mut first = true;
        for task in &mut self.tasks {
            if let Work::Collection { alone } = &mut task.work {
                *alone = false;
                first = false;
            }
        }
        let ports = &self.store.context.ports;
        self.tasks.push(Task {
            work: Work::Collection { alone: first },
            started: ports.clock.now(),
            future: async move { Ended::Collection(collection.next_slice(ports).await) }.boxed_local(),
        });
        true
    }

    /// Lets a task go on to its next call, and looks at the stores. Returns whether the task has ended.
    async fn go_on(&mut self, at: usize) -> bool {
        // What runs several calls at a time goes on where it was woken, which the runtime does in between.
        tokio::task::yield_now().await;
        let polled = poll!(&mut self.tasks[at].future);
        self.assert_whole().await;
        let std::task::Poll::Ready(ended) = polled else {
            return false;
        };
        let task = self.tasks.remove(at);
        match (task.work, ended) {
            (Work::Request { request, shared }, Ended::Request(acknowledged)) => {
                // Which version is current after one is deleted is not known here.
                let doubtful =
                    self.clients.may_replay(&request) || matches!(request, Aimed::DeleteVersion(..));
                let unsure = |place: &Place| doubtful || shared.contains(place);
                for place in request.touches().iter().filter(|place| unsure(place)) {
                    self.known.remove(place);
                }
                for (place, etag) in acknowledged {
                    if !unsure(&place) {
                        self.known.insert(place, etag);
                    }
                }
            }
            (Work::Collection { alone }, Ended::Collection(Err(GcError::Store(error)))) => {
                // Another collection may sweep the layout of an object that is deleted meanwhile.
                assert!(!alone, "{error:?}");
            }
            (_, Ended::Collection(Err(GcError::NotOwned))) => panic!("the store is owned"),
            _ => {}
        }
        true
    }

    /// Ends the tasks that `which` picks.
    async fn finish(&mut self, which: impl Fn(&Task<'_>) -> bool) {
        let mut turns = 0;
        loop {
            let left: Vec<usize> = (0..self.tasks.len())
                .filter(|at| which(&self.tasks[*at]))
                .collect();
            if left.is_empty() {
                return;
            }
            // One may wait for another.
            self.go_on(left[turns / 100 % left.len()]).await;
            turns += 1;
            if turns % 200 == 0 {
                // What is left sleeps before it tries again.
                self.store.clock.advance(Duration::from_secs(1));
            }
        }
    }

    /// Moves the clock. Requests end before they are half as old as the grace.
    async fn wait(&mut self, duration: Duration) {
        let then = self.store.clock.now().plus(duration);
        let longest = self.grace / 2 - SLACK;
        self.finish(|task| matches!(task.work, Work::Request { .. }) && then.since(task.started) >= longest)
            .await;
        self.store.clock.advance(duration);
    }

    /// Every blob that a record names is there.
    async fn assert_whole(&self) {
        let stored: BTreeSet<BlobRef> = self.store.stored_blobs().await.into_iter().collect();
        let named = named_blobs(self.store).await;
        let missing: Vec<_> = named.difference(&stored).collect();
        assert!(missing.is_empty(), "{missing:?} are named and gone");
        for place in PLACES {
            self.clients
                .assert_versions(place, &versions(self.store, place).await);
        }
    }

    /// Every object reads back as what was acknowledged.
    async fn assert_readable(&self) {
        for place in PLACES {
            let (bucket, key) = names(place);
            let read = self.store.get(bucket, key).await;
            let object = self.store.object(bucket, key).await;
            let object = object.filter(|record| record.kind == ObjectKind::Object);
            let etag = object.map(|record| record.etag);
            match (&etag, read) {
                (Some(etag), Ok(bytes)) => {
                    let content = self.clients.contents.borrow().get(etag).cloned();
                    // The entity tag of a completion whose client crashed is known to nobody.
                    assert!(content.is_none_or(|content| content == bytes), "{place:?}");
                }
                (None, Err(error)) => {
                    assert!(matches!(
                        error.code,
                        ErrorCode::NoSuchKey | ErrorCode::NoSuchBucket
                    ));
                }
                (_, read) => panic!("{place:?}: {etag:?} {read:?}"),
            }
            if let Some(known) = self.known.get(&place) {
                assert_eq!(etag, *known, "{place:?}");
            }
        }
    }
}

/// The blobs that objects, their layouts and open uploads name. No call is intercepted.
async fn named_blobs(store: &Deployment) -> BTreeSet<BlobRef> {
    let mut named = BTreeSet::new();
    for name in BUCKETS {
        if let Some(bucket) = store.bucket_row(name).await {
            named.extend(blobs_of_objects(store, &bucket).await);
            named.extend(blobs_of_uploads(store, &bucket).await);
        }
    }
    named
}

async fn blobs_of_objects(store: &Deployment, bucket: &Bucket) -> Vec<BlobRef> {
    let page = store
        .metadata
        .scan_records(bucket, &KeyRange::default(), 100)
        .await
        .unwrap();
    assert_eq!(page.next, None);
    let others = store.metadata.scan_versions(bucket, None, 1_000).await.unwrap();
    assert_eq!(others.next, None);
    let mut named = Vec::new();
    for record in page.items.into_iter().chain(others.items) {
        named.extend(record.manifest.blobs());
        let Manifest::Spilled(SpilledLayout { extent, .. }) = record.manifest else {
            continue;
        };
        // A layout that is gone is among the blobs that its record names.
        if let BlobRead::Found(bytes) = store.blobs.read(&extent.blob, 0..extent.length).await.unwrap() {
            let bytes: Vec<_> = bytes.try_collect().await.unwrap();
            let layout: Layout = serde_json::from_slice(&bytes.concat()).unwrap();
            named.extend(layout.extents.iter().map(|extent| extent.blob));
        }
    }
    named
}

async fn blobs_of_uploads(store: &Deployment, bucket: &Bucket) -> Vec<BlobRef> {
    let all = UploadRange::default();
    let uploads = store.metadata.scan_uploads(bucket, &all, 100).await.unwrap();
    assert_eq!(uploads.next, None);
    let mut named = Vec::new();
    for upload in uploads.items {
        let parts = store.metadata.scan_parts(&upload, None, 100).await.unwrap();
        let extents = parts.items.iter().flat_map(|part| &part.extents);
        named.extend(extents.map(|extent| extent.blob));
    }
    named
}

/// Collects two whole rounds: the first may have begun in the middle.
async fn collect_all(store: &Deployment, grace: Duration) {
    let options = GcOptions {
        grace,
        upload_expiry: None,
        exclusive: true,
        force: true,
        slice: 3,
        ..GcOptions::default()
    };
    let mut collection = Collection::new(options);
    let mut rounds = 0;
    while rounds < 2 {
        let report = collection.next_slice(&store.context.ports).await.unwrap();
        rounds += usize::from(report.next.is_none());
    }
}

/// Raises the store's format to that of versions. Between the steps of that nothing is collected.
async fn raised(store: &Deployment) {
    store.create_bucket("raised").await.unwrap();
    let clients = Clients::default();
    clients.keep(store, "raised", Versioning::Enabled).await.unwrap();
}

#[test]
fn collections_among_requests_delete_no_blob_that_is_named_and_in_the_end_all_others() {
    collect_among_requests(0);
}

/// Nor do they lose a version that was acknowledged, or bring back one whose deletion was.
#[test]
fn collections_among_requests_for_versions_delete_no_blob_that_is_named_and_in_the_end_all_others() {
    collect_among_requests(3);
}

fn collect_among_requests(versions: u32) {
    let grace = prop::sample::select(vec![HOUR, DAY, DAY + 6 * HOUR]);
    // With the least limit, every completed upload's layout spills.
    let layout_limit = prop::sample::select(vec![1_usize, 100]);
    let steps = prop::collection::vec(step(versions), 20..120);
    let processes = grace.prop_flat_map(|grace| {
        let options = prop::collection::vec(options(grace), PROCESSES);
        (Just(grace), options)
    });
    check(
        (processes, layout_limit, steps),
        async |((grace, options), layout_limit, steps)| {
            let store = Deployment::in_memory(0, layout_limit, Arc::new(Stepping)).await;
            for bucket in BUCKETS {
                store.create_bucket(bucket).await.unwrap();
            }
            if versions > 0 {
                raised(&store).await;
            }
            let clients = Clients::default();
            let mut world = World {
                store: &store,
                clients: &clients,
                grace,
                processes: options
                    .into_iter()
                    .map(|options| (options.clone(), Arc::new(Mutex::new(Collection::new(options)))))
                    .collect(),
                tasks: Vec::new(),
                known: PLACES.map(|place| (place, None)).into(),
            };
            for step in steps {
                world.take(step).await;
            }
            world.finish(|_| true).await;
            world.assert_readable().await;

            store.clock.advance(DAY + grace + SLACK);
            collect_all(&store, grace).await;
            world.assert_readable().await;
            let stored: BTreeSet<BlobRef> = store.stored_blobs().await.into_iter().collect();
            assert_eq!(stored, named_blobs(&store).await);
        },
    );
}
