//! Firestore, as Google's emulator shows it: in pessimistic mode, where the service is set to optimistic.

use std::sync::Arc;

use bleepstore_core::model::{
    Bucket, EventFacts, EventId, EventName, EventQueue, EventRow, ObjectRecord, WriteCondition,
};
use bleepstore_core::ports::{
    BucketIndex, CreateBucketOutcome, Edit, EditOutcome, EventIndex, Expect, ObjectIndex,
};
use bleepstore_gcp::firestore::FirestoreMetadata;
use bleepstore_http::SystemClock;
use bleepstore_tests::emulators::{FirestoreEmulator, firestore_store, unused_project};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::race::race;
use bleepstore_tests::samples::{Samples, key};

/// Each rule has a project of its own. Firestore removes what expires by itself.
pub(super) async fn firestore_metadata() -> MetadataFixture {
    empty_metadata().await.in_a_shared_store()
}

async fn empty_metadata() -> MetadataFixture {
    MetadataFixture::new(store(&unused_project()).await)
}

/// A store over a connection of its own.
async fn store(project: &str) -> Arc<FirestoreMetadata> {
    let endpoint = FirestoreEmulator::shared().endpoint();
    Arc::new(firestore_store(&endpoint, project, Arc::new(SystemClock)).await)
}

bleepstore_tests::store_record_rules!(empty_metadata().await);

/// Whatever is there, unless it is shared.
const ANYTHING: Expect<'static> = Expect::Condition {
    condition: &WriteCondition::Any,
    retired: None,
};

/// A bucket with an object of size 0 under `counter`, in a project that two stores serve.
async fn counter() -> ([Arc<FirestoreMetadata>; 2], Samples, Bucket) {
    let project = unused_project();
    let stores = [store(&project).await, store(&project).await];
    let samples = Samples::new(SeededEntropy::unpredictable());
    let bucket = samples.bucket();
    let created = stores[0].create_bucket(&bucket).await.unwrap();
    assert_eq!(created, CreateBucketOutcome::Created);
    let mut record = samples.record(&bucket, "counter");
    record.size = 0;
    let put = Edit::put(&bucket, &record, ANYTHING);
    let outcome = stores[1].edit(&put).await.unwrap();
    assert_eq!(outcome, EditOutcome::Applied { displaced: None });
    (stores, samples, bucket)
}

/// Adds one to what is there, until it does so without another coming between. Returns how often it lost.
async fn add_one(store: &FirestoreMetadata, samples: &Samples, bucket: &Bucket) -> usize {
    let mut lost = 0;
    loop {
        let current = store
            .lookup(&bucket.name, &key("counter"))
            .await
            .unwrap()
            .object
            .unwrap();
        let mut next = samples.record(bucket, "counter");
        next.size = current.size + 1;
        let put = Edit::put(bucket, &next, Expect::Row(Some(current.tag())));
        match store.edit(&put).await.unwrap() {
            EditOutcome::Applied { displaced } => {
                assert_eq!(displaced.as_deref(), Some(&current));
                return lost;
            }
            EditOutcome::Refused { .. } => lost += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_writers_of_two_processes_lose_no_increment_of_one_key() {
    let (stores, samples, bucket) = counter().await;
    let samples = Arc::new(samples);
    let writers = (0..16).map(|writer| {
        let (store, samples, bucket) = (stores[writer % 2].clone(), samples.clone(), bucket.clone());
        async move { add_one(&store, &samples, &bucket).await }
    });
    let lost = race(writers.collect()).await;
    let found = stores[0].lookup(&bucket.name, &key("counter")).await.unwrap();
    assert_eq!(found.object.unwrap().size, 16, "{lost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_writers_of_two_processes_that_ask_for_no_condition_all_succeed() {
    let (stores, samples, bucket) = counter().await;
    let records: Vec<_> = (0..16).map(|_| samples.record(&bucket, "counter")).collect();
    let writers = records.iter().cloned().enumerate().map(|(writer, record)| {
        let (store, bucket) = (stores[writer % 2].clone(), bucket.clone());
        async move {
            let put = Edit::put(&bucket, &record, ANYTHING);
            store.edit(&put).await.unwrap()
        }
    });
    let mut replaced = Vec::new();
    for outcome in race(writers.collect()).await {
        match outcome {
            EditOutcome::Applied { displaced } => replaced.push(displaced.unwrap().commit_id),
            other => panic!("{other:?}"),
        }
    }
    let last = stores[1].lookup(&bucket.name, &key("counter")).await.unwrap();
    replaced.push(last.object.unwrap().commit_id);
    replaced.sort();
    replaced.dedup();
    assert_eq!(
        replaced.len(),
        17,
        "each record but the last was replaced by exactly one other"
    );
}

/// What is told of a record that is put.
fn event(samples: &Samples, bucket: &Bucket, record: &ObjectRecord) -> EventRow {
    EventRow {
        id: samples.id(EventId::from_bytes),
        destination: "queue".parse().unwrap(),
        dead: false,
        retried: None,
        sequence: 0,
        bucket: bucket.id,
        key: record.key.clone(),
        version: None,
        name: EventName::CreatedByPut,
        facts: EventFacts {
            rule: None,
            time: record.last_modified,
            region: bucket.region.clone(),
            bucket_name: bucket.name.clone(),
            bucket_owner: bucket.owner.id.clone(),
            requester: bucket.owner.id.clone(),
            source: None,
            request_id: "request".to_owned(),
            size: Some(record.size),
            etag: None,
        },
    }
}

/// All events of a queue in a lane.
async fn events(store: &FirestoreMetadata, lane: &str, queue: &EventQueue) -> Vec<EventRow> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.scan_events(lane, queue, after, 7).await.unwrap();
        found.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_of_writers_of_two_processes_have_a_place_each_and_are_moved_in_batches() {
    let (stores, samples, bucket) = counter().await;
    let samples = Arc::new(samples);
    let writers = (0..16).map(|writer| {
        let (store, samples, bucket) = (stores[writer % 2].clone(), samples.clone(), bucket.clone());
        async move {
            let record = samples.record(&bucket, "counter");
            let told = [event(&samples, &bucket, &record)];
            let edit = Edit::put(&bucket, &record, ANYTHING).telling(&told);
            store.edit(&edit).await.unwrap()
        }
    });
    race(writers.collect()).await;
    let lane = stores[0].event_lane(bucket.id, &key("counter"));
    let queue = |dead| EventQueue {
        destination: "queue".parse().unwrap(),
        dead,
    };
    let found = events(&stores[1], &lane, &queue(false)).await;
    assert_eq!(found.len(), 16);
    assert!(found.is_sorted_by(|one, next| one.sequence < next.sequence));
    let lanes = stores[0].scan_event_lanes(None, 100).await.unwrap().items;
    assert!(lanes.contains(&lane), "{lanes:?}");

    let dead = (0..600).map(|sequence| EventRow {
        id: samples.id(EventId::from_bytes),
        dead: true,
        sequence,
        ..found[0].clone()
    });
    let dead: Vec<EventRow> = dead.collect();
    stores[0].put_events(&dead).await.unwrap();
    stores[0].put_events(&dead[..1]).await.unwrap();
    assert_eq!(events(&stores[1], &lane, &queue(true)).await, dead);
    stores[1].remove_events(&dead[1..]).await.unwrap();
    stores[1].remove_events(&dead[1..3]).await.unwrap();
    assert_eq!(events(&stores[0], &lane, &queue(true)).await, dead[..1]);
    assert_eq!(events(&stores[0], &lane, &queue(false)).await, found);
}
