use std::ops::Range;

use futures_util::TryStreamExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::model::{
    Acl, Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, CommitId, Description,
    ETag, ObjectKey, ObjectKind, ObjectRecord, Owner, PartBoundary, PartNumber, Revision, Timestamp,
};
use crate::ops::layout::{all_extents, extents_of, parts_of, slice};
use crate::ops::tests::scene::context;
use crate::ops::{Caller, Selection, Target, get_object};
use crate::ports::{Edit, Expect, StoreErrorKind};

fn bucket() -> Bucket {
    Bucket {
        name: BucketName::new("bucket").unwrap(),
        id: BucketId::from_bytes([1; 16]),
        owner: Owner::root(),
        acl: Acl::default(),
        region: "eu-north-1".to_owned(),
        created: Timestamp::from_millis(0),
        state: BucketState::Active,
        revision: Revision(1),
        layout: BucketLayout::FIRST,
        documents: BucketDocuments::default(),
        versioning: None,
    }
}

/// A run of a blob: the blob's bytes, and where in it the run starts and ends.
fn runs() -> impl Strategy<Value = Vec<(Vec<u8>, Range<usize>)>> {
    let run = prop::collection::vec(any::<u8>(), 1..12).prop_flat_map(|blob| {
        let length = blob.len();
        (Just(blob), 0..length).prop_flat_map(move |(blob, start)| {
            (Just(blob), (start + 1..=length).prop_map(move |end| start..end))
        })
    });
    prop::collection::vec(run, 1..8)
}

fn check<S: Strategy>(strategy: S, test: impl AsyncFn(S::Value)) {
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(256)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&strategy, |value| {
            runtime.block_on(test(value));
            Ok(())
        })
        .unwrap();
}

/// All that the layout of `manifest` lists.
async fn listed(context: &Context, manifest: &Manifest) -> StoreResult<Option<Layout>> {
    let Some(mut pages) = all_extents(&context.ports, manifest).await? else {
        return Ok(None);
    };
    let mut extents = Vec::new();
    while let Some(page) = pages.next_page().await? {
        extents.extend(page);
    }
    let parts = parts_of(&context.ports, manifest).await?;
    Ok(parts.map(|parts| Layout { extents, parts }))
}

/// Writes the blobs, and returns their runs as extents and all bytes of those.
async fn store(context: &Context, runs: &[(Vec<u8>, Range<usize>)]) -> (Vec<Extent>, Vec<u8>) {
    let mut extents = Vec::new();
    let mut bytes = Vec::new();
    for (blob, range) in runs {
        let name = BlobRef {
            bucket: bucket().id,
            blob: new_id(context.ports.entropy.as_ref(), BlobId::from_bytes),
        };
        let body = stream::iter([Ok(Bytes::from(blob.clone()))]).boxed();
        context.ports.blobs.write(&name, body, None).await.unwrap();
        bytes.extend_from_slice(&blob[range.clone()]);
        extents.push(Extent {
            offset: range.start as u64,
            length: range.len() as u64,
            ..Extent::whole(name, blob.len() as u64, crc64nvme(blob))
        });
    }
    (extents, bytes)
}

fn record(size: usize, manifest: Manifest) -> ObjectRecord {
    ObjectRecord {
        bucket: bucket().id,
        key: ObjectKey::new("key").unwrap(),
        commit_id: CommitId::from_bytes([2; 16]),
        kind: ObjectKind::Object,
        etag: ETag::from_md5([3; 16]),
        size: size as u64,
        last_modified: Timestamp::from_millis(0),
        description: Description::of(Owner::root()),
        checksum: None,
        shared: false,
        manifest,
        version: None,
    }
}

async fn get(context: &Context, selection: &Selection) -> Vec<u8> {
    let caller = Caller::of(Owner::root());
    let target = Target {
        bucket: bucket().name,
        key: ObjectKey::new("key").unwrap(),
        version: None,
    };
    let select = |_: &ObjectRecord| Ok(selection.clone());
    let output = get_object(context, &caller, &target, &select).await.unwrap();
    let pieces: Vec<Bytes> = output.body.try_collect().await.unwrap();
    pieces.concat()
}

fn range_in(length: usize, at: (prop::sample::Index, prop::sample::Index)) -> Range<usize> {
    let (one, other) = (at.0.index(length + 1), at.1.index(length + 1));
    one.min(other)..one.max(other)
}

#[test]
fn a_slice_of_the_extents_names_the_slice_of_the_bytes() {
    let at = any::<(prop::sample::Index, prop::sample::Index)>();
    check((runs(), at), async |(runs, at)| {
        let context = context(1_000);
        let (extents, bytes) = store(&context, &runs).await;
        let range = range_in(bytes.len(), at);
        let wanted = range.start as u64..range.end as u64;
        assert!(slice(0, &extents, &wanted).iter().all(|extent| extent.length > 0));
        let parts = Vec::new();
        let manifest = Manifest::Extents(Layout { extents, parts });
        let sliced = extents_of(&context.ports, &manifest, wanted).await.unwrap();
        let opened = open(&context, sliced.unwrap()).await.unwrap().unwrap();
        let pieces: Vec<Bytes> = opened.try_collect().await.unwrap();
        assert_eq!(pieces.concat(), bytes[range]);
    });
}

#[test]
fn an_object_reads_as_its_bytes_whether_its_layout_is_in_the_row_or_spilled() {
    let at = any::<(prop::sample::Index, prop::sample::Index)>();
    check((runs(), at, 0_usize..20), async |(runs, at, limit)| {
        let context = context(limit);
        let (extents, bytes) = store(&context, &runs).await;
        let parts: Vec<PartBoundary> = (1..)
            .zip(&extents)
            .map(|(number, extent)| PartBoundary {
                number: PartNumber::new(number).unwrap(),
                length: extent.length,
                checksum: None,
            })
            .collect();
        let entries = extents.len() + parts.len();
        let layout = Layout { extents, parts };
        let manifest = place_layout(&context.ports, bucket().id, layout.clone())
            .await
            .unwrap();
        assert_eq!(matches!(manifest, Manifest::Spilled(_)), entries > limit);
        assert_eq!(manifest.parts_count() as usize, layout.parts.len());
        assert_eq!(listed(&context, &manifest).await.unwrap(), Some(layout.clone()));

        context.ports.metadata.create_bucket(&bucket()).await.unwrap();
        let record = record(bytes.len(), manifest);
        let bucket = bucket();
        let edit = Edit::put(&bucket, &record, Expect::Row(None));
        context.ports.metadata.edit(&edit).await.unwrap();
        assert_eq!(get(&context, &Selection::Whole).await, bytes);
        let range = range_in(bytes.len(), at);
        let selection = Selection::Range(range.start as u64..range.end as u64);
        assert_eq!(get(&context, &selection).await, bytes[range]);
        let mut start = 0;
        for part in &layout.parts {
            let end = start + part.length as usize;
            assert_eq!(
                get(&context, &Selection::Part(part.number)).await,
                bytes[start..end]
            );
            start = end;
        }
    });
}

#[tokio::test]
async fn a_damaged_layout_is_an_error_and_a_missing_one_is_none() {
    let context = context(0);
    let runs = [(vec![1, 2, 3], 0..3)];
    let (extents, _) = store(&context, &runs).await;
    let layout = Layout {
        extents,
        parts: Vec::new(),
    };
    let Manifest::Spilled(spilled) = place_layout(&context.ports, bucket().id, layout).await.unwrap() else {
        panic!("a limit of 0 spills every layout");
    };
    let damaged = SpilledLayout {
        extent: Extent {
            blob_crc64nvme: spilled.extent.blob_crc64nvme ^ 1,
            ..spilled.extent
        },
        ..spilled
    };
    let damaged = Manifest::Spilled(damaged);
    let error = listed(&context, &damaged).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    context.ports.blobs.delete(&[spilled.extent.blob]).await;
    let gone = Manifest::Spilled(spilled);
    assert_eq!(listed(&context, &gone).await.unwrap(), None);
}
