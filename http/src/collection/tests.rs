use std::collections::VecDeque;
use std::sync::{Arc, Mutex as Lock};

use async_trait::async_trait;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{BlobId, BlobRef, BucketId, RootCredential, SigV2, Timestamp};
use bleepstore_core::ports::{Around, AroundBlobs, Clock, StoreError};
use bleepstore_core::{Limits, Settings};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::task::yield_now;

use super::*;
use crate::OsEntropy;

const BLOBS: u8 = 6;

/// Time that passes while a store is asked.
#[derive(Default)]
struct Hands(Lock<Duration>);

#[async_trait]
impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0).plus(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.elapsed() + duration;
        while self.elapsed() < until {
            yield_now().await;
        }
    }
}

/// How many seconds each look at the blobs takes; one where this says nothing.
#[derive(Clone, Default)]
struct Pace {
    clock: Arc<Hands>,
    seconds: Arc<Lock<VecDeque<u64>>>,
}

impl Around for Pace {
    async fn around<T, E>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        if method == "scan" {
            let seconds = self.seconds.lock().unwrap().pop_front().unwrap_or(1);
            *self.clock.0.lock().unwrap() += Duration::from_secs(seconds);
            yield_now().await;
        }
        call.await
    }
}

/// A service over a store of blobs that nothing names, and its collection, in slices of one.
async fn store() -> (Service, Pace, ScheduledCollection) {
    let pace = Pace::default();
    let clock = pace.clock.clone();
    let blobs = Arc::new(MemoryBlobs::new(clock.clone()));
    let ports = Ports {
        metadata: Arc::new(MemoryMetadata::default()),
        blobs: Arc::new(AroundBlobs::new(blobs, pace.clone())),
        clock,
        entropy: Arc::new(OsEntropy),
    };
    let settings = Settings {
        region: "us-east-1".to_owned(),
        base_domains: Vec::new(),
        website_domains: Vec::new(),
        root: RootCredential::new("AK", "SK"),
        account: Default::default(),
        new_buckets: Default::default(),
        sigv2: SigV2::default(),
        limits: Limits::default(),
    };
    let service = Service::start(settings, ports).await.unwrap();
    for blob in 0..BLOBS {
        let name = BlobRef {
            bucket: BucketId::from_bytes([1; 16]),
            blob: BlobId::from_bytes([blob; 16]),
        };
        let body = stream::iter([Ok(Bytes::from_static(b"garbage"))]).boxed();
        service
            .context()
            .ports
            .blobs
            .write(&name, body, None)
            .await
            .unwrap();
    }
    let options = GcOptions {
        grace: Duration::ZERO,
        exclusive: true,
        force: true,
        slice: 1,
        ..GcOptions::default()
    };
    (service, pace, ScheduledCollection::new(options))
}

/// How many blobs a run saw, how many it deleted, and whether it finished the round.
fn told(report: &Value) -> (u64, u64, bool) {
    let blobs = |of: &str| report[of]["blobs"].as_u64().unwrap();
    (
        blobs("seen"),
        blobs("deleted"),
        report["round_finished"].as_bool().unwrap(),
    )
}

#[tokio::test]
async fn a_run_collects_slice_after_slice_to_the_end_of_the_round() {
    let (service, _, collection) = store().await;
    let report = collection.run(&service, Duration::from_secs(60)).await.unwrap();
    assert_eq!(told(&report), (6, 6, true));
}

#[tokio::test]
async fn a_run_begins_no_slice_that_it_has_no_time_for_and_the_next_goes_on() {
    let (service, pace, collection) = store().await;
    let began = pace.clock.elapsed();
    let limit = Duration::from_millis(3_500);
    let report = collection.run(&service, limit).await.unwrap();
    assert_eq!(told(&report), (3, 3, false));
    assert_eq!(pace.clock.elapsed() - began, Duration::from_secs(3));
    let report = collection.run(&service, Duration::from_secs(60)).await.unwrap();
    assert_eq!(told(&report), (3, 3, true));
}

#[tokio::test]
async fn a_run_reports_what_it_did_before_a_slice_that_it_gives_up() {
    let (service, pace, collection) = store().await;
    pace.seconds.lock().unwrap().extend([1, 10]);
    let limit = Duration::from_millis(2_500);
    let report = collection.run(&service, limit).await.unwrap();
    assert_eq!(told(&report), (1, 1, false));
}

#[tokio::test]
async fn a_run_without_a_slice_in_time_fails_and_the_next_begins_where_it_did() {
    let (service, _, collection) = store().await;
    let limit = Duration::from_millis(500);
    let failed = collection.run(&service, limit).await.unwrap_err();
    assert!(matches!(failed, CollectionError::TooLong(_)), "{failed}");
    let report = collection.run(&service, Duration::from_secs(60)).await.unwrap();
    assert_eq!(told(&report), (6, 6, true));
}
