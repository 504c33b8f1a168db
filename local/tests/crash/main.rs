//! `kill -9` of the real process, in the middle of everything that it does: what was acknowledged is there after the
//! next start, byte for byte, and nothing is half there. A kill loses nothing of the page cache: that what is
//! acknowledged is also synced is shown in `src/jsonl/tests` and `src/fs_blobs/tests.rs`.
//!
//! `BLEEPSTORE_CRASH_ROUNDS` says how often each store is killed, `BLEEPSTORE_TEST_SEED` what is done and when.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::variables::number;
use tempfile::TempDir;

use self::client::Client;
use self::operations::OPERATIONS;
use self::server::Server;
use self::worker::Worker;

mod client;
mod content;
mod operations;
mod server;
mod versions;
mod worker;

/// Kills of each store in an everyday run.
const ROUNDS: usize = 20;

/// How often the import is killed in the end.
const IMPORTS: usize = 5;

/// Whether records and bytes agree, all bytes read.
const CHECK: &[&str] = &["fsck", "--verify-checksums"];

/// Clients that work at the same time, each on keys of its own, so that each knows what it must find.
const WORKERS: usize = 4;

#[test]
fn what_sqlite_acknowledged_survives_every_kill() {
    survive("sqlite");
}

#[test]
fn what_jsonl_acknowledged_survives_every_kill() {
    survive("jsonl");
}

fn survive(metadata: &str) {
    let seed = number("BLEEPSTORE_TEST_SEED", || {
        SeededEntropy::unpredictable().next_u64()
    });
    let rounds = number("BLEEPSTORE_CRASH_ROUNDS", || ROUNDS as u64);
    // Shown where the test fails.
    eprintln!("BLEEPSTORE_TEST_SEED={seed}");
    let entropy = SeededEntropy::new(seed);
    let folder = TempDir::new().unwrap();
    let mut workers: Vec<Worker> = (0..WORKERS)
        .map(|number| Worker::new(number, entropy.next_u64()))
        .collect();

    let server = Server::start(folder.path(), metadata);
    let mut client = Client::of(&server);
    client.request("PUT", worker::BUCKET).expect(200);
    for worker in &workers {
        worker.versions.prepare(&mut client);
    }
    server.kill();
    for round in 0..rounds {
        let server = Server::start(folder.path(), metadata);
        each(&mut workers, &server, |worker, client| worker.verify(client));
        let enough = 20 + entropy.below(120);
        let moment = Duration::from_micros(entropy.below(3_000) as u64);
        work_and_kill(&mut workers, server, enough, moment);
        let draft = folder.path().join("data/metadata.jsonl.new").exists();
        let step = if draft {
            ", while the log was compacted"
        } else {
            ""
        };
        eprintln!("round {round} of {rounds}: killed after {enough} requests{step}");
        let moment = Duration::from_micros(entropy.below(40_000) as u64);
        server::run_and_kill(folder.path(), metadata, server::COLLECT, moment);
    }

    let server = Server::start(folder.path(), metadata);
    each(&mut workers, &server, |worker, client| worker.verify(client));
    server.stop();
    server::run(folder.path(), metadata, server::COLLECT);
    server::run(folder.path(), metadata, CHECK);
    restore(folder.path(), metadata, &entropy);
    let server = Server::start(folder.path(), metadata);
    each(&mut workers, &server, |worker, client| worker.verify(client));
    server.stop();
}

/// Loses the records, and imports them again from an export. The import is killed a few times on its way.
fn restore(folder: &Path, metadata: &str, entropy: &SeededEntropy) {
    let export = folder.join("export.jsonl");
    let export = export.to_str().unwrap();
    server::run(folder, metadata, &["export", "--secrets", export]);
    for entry in fs::read_dir(folder.join("data")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("metadata.") {
            fs::remove_file(path).unwrap();
        }
    }
    let import = ["import", export];
    let imported = (0..IMPORTS).any(|_| {
        let moment = Duration::from_micros(entropy.below(40_000) as u64);
        server::run_and_kill(folder, metadata, &import, moment)
    });
    // Refused where one had come to its end and was killed before it said so. What counts is what is there then.
    let imported = imported || server::succeeds(folder, metadata, &import);
    eprintln!("the last import succeeded: {imported}");
    server::run(folder, metadata, CHECK);
}

/// Runs `check` for all workers at the same time.
fn each(workers: &mut [Worker], server: &Server, check: impl Fn(&mut Worker, &mut Client) + Sync) {
    thread::scope(|scope| {
        for worker in workers {
            let mut client = Client::of(server);
            let check = &check;
            scope.spawn(move || check(worker, &mut client));
        }
    });
}

/// Lets the workers work until `enough` requests were acknowledged, and kills the server `moment` later.
fn work_and_kill(workers: &mut [Worker], server: Server, enough: usize, moment: Duration) {
    let acknowledged = AtomicUsize::new(0);
    thread::scope(|scope| {
        let working: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                let mut client = Client::of(&server);
                let acknowledged = &acknowledged;
                scope.spawn(move || {
                    while (worker.pick(&OPERATIONS))(worker, &mut client).is_ok() {
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < enough {
            assert!(
                !working.iter().all(thread::ScopedJoinHandle::is_finished),
                "no worker is left"
            );
            thread::yield_now();
        }
        // Kills fall on every step of a request, not only on its end.
        thread::sleep(moment);
        server.kill();
    });
}
