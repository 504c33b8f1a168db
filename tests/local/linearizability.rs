//! The server under concurrent load, killed and started again in the middle of it.
//!
//! Every answer that clients got, and all that they read back in the end, can be explained by a store in which each action
//! happened at one moment; what was left unanswered happened before the server's death, or never. `BLEEPSTORE_TEST_SEED`
//! chooses what clients do and when the server dies, `BLEEPSTORE_TEST_ROUNDS` how often all of it is done.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::history::{Client, World};
use bleepstore_tests::local_server::LocalServer;
use bleepstore_tests::variables::{number, rounds};
use tempfile::TempDir;

/// Clients at once.
const CLIENTS: u64 = 6;

/// What each of them does in a round.
const STEPS: u64 = 75;

/// How often the server is killed in a round.
const KILLS: usize = 5;

/// What is done, unless the environment names another seed.
const SEED: u64 = 20_261_125;

/// Says what was done, if the test fails.
struct OnFailure(u64);

impl Drop for OnFailure {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "BLEEPSTORE_TEST_SEED={} BLEEPSTORE_TEST_ROUNDS=1 does the same",
                self.0
            );
        }
    }
}

/// The load, on a server with these settings, which is killed in between.
fn explains_what_clients_saw(settings: &[(&str, &str)]) {
    let first = number("BLEEPSTORE_TEST_SEED", || SEED);
    for round in 0..rounds() {
        let seed = first + round * (CLIENTS + 1);
        let _on_failure = OnFailure(seed);
        run_round(seed, settings);
    }
}

fn run_round(seed: u64, settings: &[(&str, &str)]) {
    let folder = TempDir::new().unwrap();
    let settings = [settings, &[("BLEEPSTORE_LOG", "warn")]].concat();
    let start = || LocalServer::start(folder.path(), &settings).unwrap();
    let mut server = start();
    let world = World::on_a_mortal_server(server.s3());
    Client::new(&world, seed).prepare();

    let draws = SeededEntropy::new(seed);
    let deaths: BTreeSet<u64> = (0..KILLS)
        .map(|_| draws.below((CLIENTS * STEPS) as usize) as u64)
        .collect();
    let done = AtomicU64::new(0);
    let (ask, asked) = mpsc::channel();
    thread::scope(|scope| {
        for number in 1..=CLIENTS {
            let (ask, world, done, deaths) = (ask.clone(), &world, &done, &deaths);
            scope.spawn(move || {
                let client = Client::new(world, seed + number);
                for step in 0..STEPS {
                    if deaths.contains(&done.fetch_add(1, Ordering::Relaxed)) {
                        ask.send(()).unwrap();
                    }
                    client.step(step as f64 / STEPS as f64);
                }
            });
        }
        drop(ask);
        for () in asked {
            server.kill().unwrap();
            world.server_died();
            server = start();
            world.server_is_back(server.address());
        }
    });
    world.read_all();
    server.kill().unwrap();
    world.server_died();
    server = start();
    world.server_is_back(server.address());
    world.read_all();
    world.history.assert_explained();
    let (well, log) = server.stop().unwrap();
    assert!(well, "{log:?}");
}

#[test]
fn one_order_explains_what_clients_of_sqlite_saw_around_its_deaths() {
    explains_what_clients_saw(&[("BLEEPSTORE_METADATA", "sqlite")]);
}

#[test]
fn one_order_explains_what_clients_of_jsonl_saw_around_its_deaths() {
    explains_what_clients_saw(&[("BLEEPSTORE_METADATA", "jsonl")]);
}
