//! What the clients of a load share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::client::Client;
use super::record::{History, Ids, Value, Values};
use crate::http::{Bucket, S3};

/// The objects of the bucket that stays. The first ones are there before the load.
pub const KEYS: [&str; 5] = ["a", "b", "c/1", "c/2", "d"];

/// The objects of the bucket that is deleted and made again.
pub const CYCLED_KEYS: [&str; 2] = ["x", "y"];

/// The objects of the bucket that keeps versions.
pub const KEPT_KEYS: [&str; 2] = ["v", "w"];

/// Keys that are written once, if they are free.
pub(super) const CONTESTS: usize = 12;

/// How long a client waits for a server that was killed to come back, or for one that broke a connection to be killed.
const RESTART: Duration = Duration::from_secs(60);

/// The buckets and all that happened to them.
pub struct World {
    pub(super) s3: S3,
    pub(super) bucket: Bucket,
    pub(super) cycled: Bucket,
    pub(super) kept: Bucket,
    /// What all clients did and saw.
    pub history: History,
    pub(super) values: Values,
    pub(super) ids: Ids,
    next: AtomicU64,
    server: Server,
}

/// The server that clients talk to.
struct Server {
    /// Whether it may be killed: otherwise it never breaks a connection but inside a response's body.
    is_mortal: bool,
    life: Mutex<Life>,
    changed: Condvar,
}

/// A server from one start to its death.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    number: u64,
    /// Where it listens; `None` once it is dead.
    address: Option<SocketAddr>,
    /// The moment at which the life before this one was certainly over.
    began: u64,
}

impl World {
    /// Makes the buckets on a server that stays.
    pub fn new(s3: S3) -> Self {
        Self::on(s3, false)
    }

    /// Makes the buckets on a server that will be killed: see [`server_died`](Self::server_died).
    pub fn on_a_mortal_server(s3: S3) -> Self {
        Self::on(s3, true)
    }

    fn on(s3: S3, is_mortal: bool) -> Self {
        let life = Life {
            number: 0,
            address: Some(s3.endpoint.address),
            began: 0,
        };
        let kept = s3.bucket();
        kept.request("PUT")
            .flag("versioning")
            .body("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
            .expect(200);
        Self {
            bucket: s3.bucket(),
            cycled: s3.bucket(),
            kept,
            s3,
            history: History::default(),
            values: Values::default(),
            ids: Ids::default(),
            next: AtomicU64::new(1),
            server: Server {
                is_mortal,
                life: Mutex::new(life),
                changed: Condvar::new(),
            },
        }
    }

    /// Notes that the server is dead: its process has ended. Clients wait until it is back.
    pub fn server_died(&self) {
        self.change_life(|life| life.address = None);
    }

    /// Notes that the server is back.
    pub fn server_is_back(&self, address: SocketAddr) {
        let began = self.history.begin();
        self.change_life(|life| {
            *life = Life {
                number: life.number + 1,
                address: Some(address),
                began,
            }
        });
    }

    /// Reads everything back, each object by itself and in the listing.
    pub fn read_all(&self) {
        let client = Client::new(self, 0);
        for bucket in [&self.bucket, &self.cycled] {
            for key in self.keys(bucket) {
                assert!(client.get(bucket, &key), "{key} cannot be read");
            }
            assert!(client.list(bucket), "{} cannot be listed", bucket.name);
        }
        for key in KEPT_KEYS {
            assert!(client.get(&self.kept, key), "{key} cannot be read");
            assert!(
                client.list_versions(key),
                "the versions of {key} cannot be listed"
            );
        }
    }

    /// All keys that clients use in a bucket, in order.
    pub(super) fn keys(&self, bucket: &Bucket) -> Vec<String> {
        if bucket.name == self.cycled.name {
            return CYCLED_KEYS.map(str::to_owned).to_vec();
        }
        let contests = (0..CONTESTS).map(contest);
        let mut keys: Vec<String> = KEYS.map(str::to_owned).into_iter().chain(contests).collect();
        keys.sort();
        keys
    }

    pub(super) fn place(&self, bucket: &Bucket, key: &str) -> String {
        format!("{}/{key}", bucket.name)
    }

    /// A value that nobody wrote.
    pub(super) fn fresh_value(&self) -> Value {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn server_is_mortal(&self) -> bool {
        self.server.is_mortal
    }

    /// The life that the server leads, once it leads one, and where it listens.
    pub(super) fn living(&self) -> (Life, SocketAddr) {
        let life = self.await_life(|life| life.address.is_some());
        (life, life.address.expect("it lives"))
    }

    /// Waits until a life is over. Returns a moment after its end.
    pub(super) fn outlive(&self, life: Life) -> u64 {
        self.await_life(|later| later.number > life.number).began
    }

    fn change_life(&self, change: impl FnOnce(&mut Life)) {
        change(&mut self.life());
        self.server.changed.notify_all();
    }

    fn await_life(&self, awaited: impl Fn(&Life) -> bool) -> Life {
        let goes_on = |life: &mut Life| !awaited(life);
        let waited = self
            .server
            .changed
            .wait_timeout_while(self.life(), RESTART, goes_on);
        let (life, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "the server breaks connections, or is gone");
        *life
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.server.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn contest(number: usize) -> String {
    format!("contest-{number:02}")
}
