//! Versions of objects, when stores fail and requests meet.

use std::sync::Arc;

use bleepstore_core::model::{
    ErrorCode, ObjectKind, Operation, S3Error, VersionName, Versioning, WriteCondition,
};
use bleepstore_core::ops::{
    CopyObject, Deleted, GcOptions, Listing, Replacement, Target, collect_round, copy_object, delete_object,
    list_object_versions, open_bucket, put_bucket_versioning,
};
use bleepstore_core::ports::StoreErrorKind;
use bleepstore_tests::decorators::{Faults, Gate, Held, PassThrough, Verdict};
use bleepstore_tests::deployment::{Deployment, incoming, name, target};
use bytes::Bytes;

use super::{NEW, OLD, Two, code};

const PLACE: (&str, &str) = ("bucket", "a");

async fn configure(store: &Deployment, versioning: Versioning) {
    let operation = Operation::PutBucketVersioning;
    let bucket = open_bucket(&store.context, &store.caller, operation, &name("bucket")).await;
    put_bucket_versioning(&store.context, &store.caller, bucket.unwrap(), versioning)
        .await
        .unwrap();
}

async fn keeping(two: Two) -> Two {
    configure(&two.other, Versioning::Enabled).await;
    two
}

/// What there is under the key, the newest first: `None` for a marker, and else its bytes.
async fn versions(store: &Deployment) -> Vec<(VersionName, Option<Bytes>)> {
    let input = Listing {
        bucket: name("bucket"),
        prefix: "a".to_owned(),
        delimiter: String::new(),
        start: None,
        limit: 1_000,
    };
    let listed = list_object_versions(&store.context, &store.caller, input, None)
        .await
        .unwrap();
    let mut all = Vec::new();
    for (place, version) in listed.items.iter().enumerate() {
        assert_eq!(version.is_latest, place == 0);
        let name = version.record.version_name();
        let bytes = match version.record.kind {
            ObjectKind::DeleteMarker => None,
            _ => Some(read(store, name).await.unwrap()),
        };
        all.push((name, bytes));
    }
    all
}

fn bytes_of(versions: &[(VersionName, Option<Bytes>)]) -> Vec<Option<&[u8]>> {
    versions.iter().map(|(_, bytes)| bytes.as_deref()).collect()
}

fn version(version: VersionName) -> Target {
    Target {
        version: Some(version),
        ..target(PLACE.0, PLACE.1)
    }
}

async fn read(store: &Deployment, name: VersionName) -> Result<Bytes, S3Error> {
    store.get_version(&version(name)).await
}

async fn remove(store: &Deployment, name: VersionName) -> Result<Deleted, S3Error> {
    delete_object(
        &store.context,
        &store.caller,
        &version(name),
        &WriteCondition::Any,
    )
    .await
}

/// Collects after so many times the grace. After two, what nothing names is gone.
async fn collect(store: &Deployment, times: u32) {
    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    store.clock.advance(options.grace * times);
    collect_round(&store.context.ports, &options).await.unwrap();
}

#[tokio::test]
async fn a_marker_whose_answer_was_lost_is_found_again_by_its_id() {
    let two = keeping(Two::with_fault("edit", Verdict::LoseAnswer).await).await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let (store, any) = (&two.disturbed, WriteCondition::Any);
    let deleted = delete_object(&store.context, &store.caller, &target("bucket", "a"), &any).await;
    let deleted = deleted.unwrap();
    assert!(deleted.marker);
    let left = versions(&two.other).await;
    assert_eq!(bytes_of(&left), [None, Some(OLD)]);
    assert_eq!(deleted.version, Some(left[0].0));
}

#[tokio::test]
async fn a_marker_that_may_yet_be_made_is_unavailable() {
    let lost = Verdict::Fail(StoreErrorKind::Timeout);
    let two = keeping(Two::with_fault("edit", lost).await).await;
    two.other.put("bucket", "a", OLD).await.unwrap();
    let deleted = two.disturbed.delete("bucket", "a").await;
    assert_eq!(code(deleted), ErrorCode::ServiceUnavailable);
    assert_eq!(bytes_of(&versions(&two.other).await), [Some(OLD)]);
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_is_found_also_where_it_is_not_current_any_more() {
    let gate = Gate::new();
    let lost = Faults::once("edit", 0, Verdict::LoseAnswer);
    let two = Two::new(Arc::new(super::writes::HoldAndBreak(gate.clone(), lost))).await;
    let two = keeping(two).await;
    let mut read_again = gate.hold("key_versions");
    let put = two.start(async |store| store.put("bucket", "a", OLD).await);
    read_again.arrived().await;
    two.other.put("bucket", "a", NEW).await.unwrap();
    read_again.release();
    put.await.unwrap().unwrap();
    assert_eq!(bytes_of(&versions(&two.other).await), [Some(NEW), Some(OLD)]);
    two.assert_blobs(2).await;
}

#[tokio::test]
async fn a_removal_whose_answer_was_lost_is_done_but_of_null_nobody_knows() {
    for null in [false, true] {
        let two = Two::with_fault("edit", Verdict::LoseAnswer).await;
        if null {
            two.other.put("bucket", "a", OLD).await.unwrap();
        }
        let two = keeping(two).await;
        if !null {
            two.other.put("bucket", "a", OLD).await.unwrap();
        }
        two.other.put("bucket", "a", NEW).await.unwrap();
        let oldest = versions(&two.other).await[1].0;
        assert_eq!(oldest == VersionName::Null, null);
        let removed = remove(&two.disturbed, oldest).await;
        match null {
            true => assert_eq!(code(removed), ErrorCode::ServiceUnavailable),
            false => assert_eq!(removed.unwrap().version, Some(oldest)),
        }
        assert_eq!(bytes_of(&versions(&two.other).await), [Some(NEW)]);
        // Which rows went is not known: their bytes are garbage, and no others.
        collect(&two.other, 2).await;
        two.assert_blobs(1).await;
        two.assert_object(NEW).await;
    }
}

/// CopyObject of a version to the key `copy`.
async fn copy(store: &Deployment, from: VersionName) -> Result<(), S3Error> {
    let input = CopyObject {
        source: version(from),
        source_caller: store.caller.clone(),
        destination: target("bucket", "copy"),
        replacement: Replacement::default(),
        acl: Default::default(),
        check_source: &|_| Ok(()),
        checksum: None,
        condition: WriteCondition::Any,
    };
    copy_object(&store.context, &store.caller, input).await.map(drop)
}

#[tokio::test]
async fn a_copy_of_a_version_that_is_removed_meanwhile_has_its_bytes_or_is_refused() {
    // The copy looks the version up, marks its row as shared, and puts its own row.
    let holds: [fn(&Gate) -> Held; 4] = [
        |gate| gate.hold_answer("lookup_version"),
        |gate| gate.hold_nth("edit", 0),
        |gate| gate.hold_nth("edit", 1),
        |gate| gate.hold_nth("edit", 2),
    ];
    for (place, hold) in holds.into_iter().enumerate() {
        for current in [false, true] {
            let (two, gate) = Two::with_gate().await;
            let two = keeping(two).await;
            two.other.put("bucket", "a", OLD).await.unwrap();
            let old = versions(&two.other).await[0].0;
            if !current {
                two.other.put("bucket", "a", NEW).await.unwrap();
            }
            let mut held = hold(&gate);
            let copying = two.start(async move |store| copy(&store, old).await);
            tokio::select! {
                () = held.arrived() => {
                    remove(&two.other, old).await.unwrap();
                    collect(&two.other, 1).await;
                    held.release();
                }
                // To mark what is current takes one edit less.
                () = finished(&copying) => assert!(current && place == 3),
            }
            let copied = copying.await.unwrap();
            collect(&two.other, 2).await;
            let copy = two.other.get("bucket", "copy").await;
            // Once the version is marked its bytes stay.
            if place == 3 || current && place == 2 {
                copied.unwrap();
                assert_eq!(copy.unwrap(), OLD);
            } else {
                assert_eq!(code(copied), ErrorCode::NoSuchVersion, "{place}");
                assert_eq!(code(copy), ErrorCode::NoSuchKey);
            }
        }
    }
}

async fn finished<T>(task: &tokio::task::JoinHandle<T>) {
    while !task.is_finished() {
        tokio::task::yield_now().await;
    }
}

/// What a request may do that began before the bucket kept versions.
#[derive(Clone, Copy, Debug)]
enum Early {
    Put,
    Delete,
    Complete,
    Copy,
}

async fn run(store: Arc<Deployment>, early: Early) -> Result<(), S3Error> {
    match early {
        Early::Put => store.put("bucket", "a", OLD).await.map(drop),
        Early::Delete => store.delete("bucket", "a").await,
        Early::Copy => store.copy(("bucket", "source"), PLACE).await.map(drop),
        Early::Complete => {
            let upload = store.begin("bucket", "a").await?;
            let part = store.part(PLACE, upload, 1, incoming(OLD.into())).await?;
            store.complete(PLACE, upload, &[(1, part.etag)]).await.map(drop)
        }
    }
}

#[tokio::test]
async fn a_write_that_began_before_versions_were_kept_replaces_none() {
    for early in [Early::Put, Early::Delete, Early::Complete, Early::Copy] {
        let (two, gate) = Two::with_gate().await;
        two.other.put("bucket", "a", "from before").await.unwrap();
        two.other.put("bucket", "source", OLD).await.unwrap();
        // Of a copy the mark of the source comes first.
        let mut held = gate.hold_nth("edit", usize::from(matches!(early, Early::Copy)));
        let request = two.start(async move |store| run(store, early).await);
        held.arrived().await;
        let two = keeping(two).await;
        two.other.put("bucket", "a", NEW).await.unwrap();
        held.release();
        request.await.unwrap().unwrap();
        let left = versions(&two.other).await;
        let newest = (!matches!(early, Early::Delete)).then_some(OLD);
        let before: &[u8] = b"from before";
        assert_eq!(bytes_of(&left), [newest, Some(NEW), Some(before)], "{early:?}");
        assert!(matches!(left[0].0, VersionName::Id(_)), "{early:?}");
        assert_eq!(left[2].0, VersionName::Null);
    }
}

#[tokio::test]
async fn a_put_while_suspended_and_a_removal_of_the_null_version_that_meet_lose_nothing_else() {
    for before in [true, false] {
        let (two, gate) = Two::with_gate().await;
        two.other.put("bucket", "a", "from before").await.unwrap();
        let two = keeping(two).await;
        two.other.put("bucket", "a", NEW).await.unwrap();
        configure(&two.other, Versioning::Suspended).await;
        let mut held = match before {
            true => gate.hold("edit"),
            false => gate.hold_answer("edit"),
        };
        let put = two.start(async |store| store.put("bucket", "a", OLD).await);
        held.arrived().await;
        remove(&two.other, VersionName::Null).await.unwrap();
        held.release();
        put.await.unwrap().unwrap();
        let left = versions(&two.other).await;
        let put = if before { vec![Some(OLD)] } else { Vec::new() };
        assert_eq!(bytes_of(&left), [put, vec![Some(NEW)]].concat());
        collect(&two.other, 2).await;
        assert_eq!(versions(&two.other).await, left);
        two.assert_blobs(left.len()).await;
    }
}

#[tokio::test]
async fn a_replay_of_a_completion_names_its_version_whatever_became_of_it() {
    let two = keeping(Two::new(Arc::new(PassThrough)).await).await;
    let upload = two.other.begin("bucket", "a").await.unwrap();
    let part = two
        .other
        .part(PLACE, upload, 1, incoming(OLD.into()))
        .await
        .unwrap();
    let complete = async || two.other.complete(PLACE, upload, &[(1, part.etag.clone())]).await;
    let completed = complete().await.unwrap();
    let made = versions(&two.other).await[0].0;
    assert_eq!(completed.version, Some(made));
    // It is not current any more.
    two.other.put("bucket", "a", NEW).await.unwrap();
    assert_eq!(complete().await.unwrap(), completed);
    assert_eq!(bytes_of(&versions(&two.other).await), [Some(NEW), Some(OLD)]);
    // It is gone.
    remove(&two.other, made).await.unwrap();
    assert_eq!(complete().await.unwrap(), completed);
    assert_eq!(bytes_of(&versions(&two.other).await), [Some(NEW)]);
    two.assert_blobs(1).await;
}

/// What is done to a key whose current row a listing has read, and not its other versions yet.
#[tokio::test]
async fn a_listing_whose_current_row_moves_meanwhile_shows_what_there_is() {
    let (put, all): (&[usize], &[usize]) = (&[], &[0, 1, 2]);
    // A version more, the current one gone, the one after it, both, all.
    for gone in [put, &[0], &[1], &[0, 1], all] {
        let (two, gate) = Two::with_gate().await;
        let two = keeping(two).await;
        for _ in 0..3 {
            two.other.put("bucket", "a", OLD).await.unwrap();
        }
        let there = versions(&two.other).await;
        let mut held = gate.hold("versions_below");
        let listing = two.start(async |store| versions(&store).await);
        held.arrived().await;
        for place in gone {
            remove(&two.other, there[*place].0).await.unwrap();
        }
        if gone.is_empty() {
            two.other.put("bucket", "a", NEW).await.unwrap();
        }
        held.release();
        assert_eq!(listing.await.unwrap(), versions(&two.other).await, "{gone:?}");
    }
}
