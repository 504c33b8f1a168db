//! The binary of a cloud deployment under concurrent load, on an emulated cloud whose requests fail.
//!
//! Every test: what clients saw can be explained by a store that loses, doubles and mixes nothing; a write whose
//! outcome was not told may have happened, or happen late, or not. Every answer is S3's. Garbage collection, beside
//! the load and after it, takes what no record names, and nothing else. `BLEEPSTORE_TEST_SEED` chooses the faults.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use bleepstore_aws::dynamo::DynamoMetadata;
use bleepstore_aws::s3_blobs::S3Blobs;
use bleepstore_core::ports::{BlobStore, Ports};
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tests::emulators::fault_proxy::{Fault, Plan};
use bleepstore_tests::emulators::{
    FaultProxy, MiniStack, ServerProgram, binary, create_table, dynamodb_client, s3_client,
};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::history::{Client, World};
use bleepstore_tests::http::{Endpoint, Front, S3};
use bleepstore_tests::samples::Samples;
use bleepstore_tests::variables::{number, rounds};
use bytes::Bytes;
use tokio::runtime::Runtime;

use self::aws::Aws;
use self::collect::{Aged, collect_among_requests, collect_the_rest, stored};

mod aws;
mod collect;

const ACCESS_KEY: &str = "AKIATESTROOT";
const SECRET_KEY: &str = "a/secret+for/tests/only";

/// Clients at once.
const CLIENTS: u64 = 6;

/// What each of them does.
const STEPS: u64 = 32;

/// Blobs that no record names, before the load.
const ORPHANS: usize = 3;

/// The faults of the tests, unless the environment names another seed.
const SEED: u64 = 20_261_123;

/// A deployment whose way to its cloud is a proxy.
struct Disturbed {
    server: ServerProgram,
    proxy: FaultProxy,
    table: String,
    blob_bucket: String,
}

impl Disturbed {
    /// Starts it with a table and a bucket of its own.
    fn start(runtime: &Runtime) -> Self {
        let cloud = ministack();
        let name = format!("t{:016x}", SeededEntropy::unpredictable().next_u64());
        runtime.block_on(async {
            create_table(&cloud.dynamodb(), &name).await.unwrap();
            cloud.s3().create_bucket().bucket(&name).send().await.unwrap();
        });
        let proxy = FaultProxy::start(cloud.address(), Aws::default()).unwrap();
        let mut variables = cloud.variables();
        variables.extend([
            ("AWS_ENDPOINT_URL", proxy.endpoint()),
            ("BLEEPSTORE_TABLE", name.clone()),
            ("BLEEPSTORE_BLOB_BUCKET", name.clone()),
            ("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY.to_owned()),
            ("BLEEPSTORE_SECRET_KEY", SECRET_KEY.to_owned()),
            ("BLEEPSTORE_LOG", "off".to_owned()),
        ]);
        Self {
            server: ServerProgram::start(&binary("bootstrap").unwrap(), variables).unwrap(),
            proxy,
            table: name.clone(),
            blob_bucket: name,
        }
    }

    fn s3(&self) -> S3 {
        S3 {
            endpoint: Endpoint {
                address: self.server.address(),
                region: "us-east-1".to_owned(),
                access_key: ACCESS_KEY.to_owned(),
                secret_key: SECRET_KEY.to_owned(),
                session_token: None,
                front: Front::Nothing,
            },
        }
    }

    fn blobs(&self, endpoint: &str) -> S3Blobs {
        S3Blobs::new(s3_client(endpoint), &self.blob_bucket)
    }

    /// The deployment's stores, as this process reaches them through `endpoint`.
    fn ports(&self, endpoint: &str, blobs: Arc<dyn BlobStore>) -> Ports {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
        let client = dynamodb_client(endpoint);
        let metadata = DynamoMetadata::new(client, self.table.clone(), clock.clone(), entropy.clone());
        Ports {
            metadata: Arc::new(metadata),
            blobs,
            clock,
            entropy,
        }
    }
}

/// The cloud that all tests of this process share.
fn ministack() -> &'static MiniStack {
    static MINISTACK: OnceLock<MiniStack> = OnceLock::new();
    MINISTACK.get_or_init(|| MiniStack::start().expect("MiniStack starts"))
}

fn seed() -> u64 {
    number("BLEEPSTORE_TEST_SEED", || SEED)
}

/// Says which faults there were, if the test fails.
struct OnFailure(u64);

impl Drop for OnFailure {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the faults were those of BLEEPSTORE_TEST_SEED={}", self.0);
        }
    }
}

/// Runs the load while so many of a hundred requests to the cloud meet one of these faults, and checks everything.
fn survives(faults: &[Fault], percent: usize, at_most: usize) {
    for round in 0..rounds() {
        survives_round(seed() + round * (CLIENTS + 1), faults, (percent, at_most));
    }
}

fn survives_round(seed: u64, faults: &[Fault], (percent, at_most): (usize, usize)) {
    let _on_failure = OnFailure(seed);
    let runtime = Runtime::new().unwrap();
    let disturbed = Disturbed::start(&runtime);
    let world = World::new(disturbed.s3());
    Client::new(&world, seed).prepare();
    let direct = disturbed.blobs(&ministack().endpoint());
    let old = runtime.block_on(async {
        make_orphans(&direct).await;
        stored(&direct).await
    });
    assert_eq!(old.len(), ORPHANS + 3);

    disturbed
        .proxy
        .disturb(Plan::new(seed, percent, faults).at_most(at_most));
    let aged = Aged {
        store: disturbed.blobs(&disturbed.proxy.endpoint()),
        old,
    };
    let ports = disturbed.ports(&disturbed.proxy.endpoint(), Arc::new(aged));
    run_load(&world, seed, &runtime, &ports);
    disturbed.proxy.settle();

    world.read_all();
    let ports = disturbed.ports(&ministack().endpoint(), Arc::new(direct.clone()));
    runtime.block_on(collect_the_rest(&ports, direct));
    world.read_all();
    world.history.assert_explained();
    let traffic = disturbed.proxy.traffic();
    for fault in faults {
        assert!(
            traffic.disturbed(*fault) > 0,
            "nothing met {fault:?}: {traffic:?}"
        );
    }
    let doubled: Vec<_> = traffic.commits.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "took effect more than once: {doubled:?}");
    assert!(
        disturbed.server.stop().unwrap(),
        "the server stops without an error"
    );
}

/// All clients at once, and garbage collections as long as they are busy.
fn run_load(world: &World, seed: u64, runtime: &Runtime, ports: &Ports) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let collector = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                runtime.block_on(collect_among_requests(ports));
            }
        });
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    let client = Client::new(world, seed + number);
                    for step in 0..STEPS {
                        client.step(step as f64 / STEPS as f64);
                    }
                })
            })
            .collect();
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        done.store(true, Ordering::Relaxed);
        collector.join().unwrap();
        ended.into_iter().for_each(|client| client.unwrap());
    });
}

async fn make_orphans(blobs: &S3Blobs) {
    let samples = Samples::new(SeededEntropy::unpredictable());
    let bucket = samples.bucket().id;
    for _ in 0..ORPHANS {
        let body = bleepstore_tests::blob_conformance::body([Ok(Bytes::from("orphan"))]);
        blobs.write(&samples.blob(bucket), body, Some(6)).await.unwrap();
    }
}

#[test]
fn a_busy_cloud_loses_nothing_on_aws() {
    survives(&[Fault::Throttle], 15, usize::MAX);
}

#[test]
fn a_cloud_that_breaks_down_loses_nothing_on_aws() {
    survives(&[Fault::FailBefore, Fault::FailAfter], 8, usize::MAX);
}

#[test]
fn answers_that_are_lost_after_their_effect_lose_nothing_on_aws() {
    survives(&[Fault::LoseAnswer], 8, usize::MAX);
}

#[test]
fn requests_that_are_lost_before_their_effect_lose_nothing_on_aws() {
    survives(&[Fault::LoseRequest], 8, usize::MAX);
}

#[test]
fn answers_that_never_come_lose_nothing_on_aws() {
    survives(&[Fault::HoldAnswer], 8, 8);
}

#[test]
fn writes_that_land_after_anothers_lose_nothing_on_aws() {
    survives(&[Fault::Delay], 10, usize::MAX);
}

#[test]
fn connections_that_are_reset_lose_nothing_on_aws() {
    survives(&[Fault::ResetRequest, Fault::ResetAnswer], 8, usize::MAX);
}

#[test]
fn batches_that_are_left_undone_in_part_lose_nothing_on_aws() {
    survives(&[Fault::Partial], 40, usize::MAX);
}

#[test]
fn all_faults_together_lose_nothing_on_aws() {
    let faults = [
        Fault::Throttle,
        Fault::FailBefore,
        Fault::FailAfter,
        Fault::LoseRequest,
        Fault::LoseAnswer,
        Fault::Delay,
        Fault::ResetRequest,
        Fault::ResetAnswer,
        Fault::Partial,
    ];
    survives(&faults, 20, usize::MAX);
}
