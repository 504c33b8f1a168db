//! Events of the real server on their way to a real Redis, while both are killed and stopped: each acknowledged change
//! arrives, in the order of its key, and nothing arrives that nobody asked for.
//!
//! `BLEEPSTORE_EVENT_ROUNDS` says how often the server is killed, `BLEEPSTORE_TEST_SEED` what is done and when.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::env;
use std::process::Command;
use std::thread;

use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::http::S3;
use bleepstore_tests::local_server::LocalServer;
use bleepstore_tests::variables::number;
use tempfile::TempDir;

use self::redis::Redis;
use self::writer::Writer;

mod redis;
mod told;
mod writer;

/// Kills of the server in an everyday run.
const ROUNDS: u64 = 12;

/// Clients that write at the same time, each to keys of its own.
const WRITERS: usize = 4;

const BUCKET: &str = "notifying";

/// Whether Redis is here. Where it is not, the test is left out; in CI it fails.
fn has_redis() -> bool {
    let found = ["redis-server", "redis-cli"].iter().all(|program| {
        let ran = Command::new(program).arg("--version").output();
        ran.is_ok_and(|ran| ran.status.success())
    });
    if !found {
        assert_ne!(
            env::var("CI").as_deref(),
            Ok("true"),
            "redis-server is not installed"
        );
        eprintln!("skipped: redis-server is not installed");
    }
    found
}

fn configure(s3: &S3, versioned: bool) {
    s3.request("PUT", &format!("/{BUCKET}")).expect(200);
    if versioned {
        let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        let put = s3.request("PUT", &format!("/{BUCKET}")).flag("versioning");
        put.body(versioning).expect(200);
    }
    let configuration = "<NotificationConfiguration><QueueConfiguration><Id>all</Id>\
                         <Queue>arn:bleepstore:sqs:us-east-1::q</Queue><Event>s3:ObjectCreated:*</Event>\
                         <Event>s3:ObjectRemoved:*</Event></QueueConfiguration></NotificationConfiguration>";
    let put = s3.request("PUT", &format!("/{BUCKET}")).flag("notification");
    put.body(configuration).expect(200);
}

#[test]
fn of_sqlite_arrive_through_every_kill() {
    arrive("sqlite", false);
}

#[test]
fn of_sqlite_with_versions_arrive_through_every_kill() {
    arrive("sqlite", true);
}

#[test]
fn of_jsonl_arrive_through_every_kill() {
    arrive("jsonl", false);
}

fn arrive(metadata: &str, versioned: bool) {
    if !has_redis() {
        return;
    }
    let seed = number("BLEEPSTORE_TEST_SEED", || {
        SeededEntropy::unpredictable().next_u64()
    });
    let rounds = number("BLEEPSTORE_EVENT_ROUNDS", || ROUNDS);
    // Shown where the test fails.
    eprintln!("BLEEPSTORE_TEST_SEED={seed}");
    let entropy = SeededEntropy::new(seed);
    let folder = TempDir::new().unwrap();
    let mut redis = Redis::start(folder.path());
    let destination = format!("redis://127.0.0.1:{}/?stream=ev", redis.port());
    let settings = [
        ("BLEEPSTORE_METADATA", metadata),
        ("BLEEPSTORE_NOTIFY_Q", destination.as_str()),
    ];
    let data = folder.path().join("data");
    let start = || LocalServer::start(&data, &settings).unwrap();
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer::new(number, entropy.next_u64()))
        .collect();
    let mut server = start();
    configure(&server.s3(), versioned);
    for round in 0..rounds {
        let enough = 10 + entropy.below(60);
        // Redis is away before the kill, during the load, or not at all.
        let away = entropy.below(3);
        if away == 0 {
            redis.kill();
        }
        let s3 = server.s3();
        let address = server.address();
        thread::scope(|scope| {
            for writer in &mut writers {
                let s3 = &s3;
                scope.spawn(move || writer.work(s3, address, enough));
            }
            if away == 1 {
                redis.kill();
                redis.again();
            }
            thread::sleep(std::time::Duration::from_millis(5 + entropy.below(60) as u64));
            server.kill().unwrap();
        });
        if away == 0 {
            redis.again();
        }
        eprintln!("round {round} of {rounds}");
        server = start();
    }
    for writer in &mut writers {
        writer.finish(&server.s3());
    }
    let arrived = told::until_all_of(&redis, &writers);
    told::check(&arrived, &writers);
    let (ended, log) = server.stop().unwrap();
    assert!(ended, "{log:?}");
}
