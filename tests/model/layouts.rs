//! Layouts are bounded where they are made, and one that cannot be read takes nothing else with it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{
    BlobId, BlobRef, CommitId, ETag, ErrorCode, Extent, Manifest, ObjectRecord, Operation, PagedLayout, Part,
    SpilledLayout,
};
use bleepstore_core::ops::{
    self, Finding, FsckOptions, GcOptions, Progress, Selection, UploadPartCopy, check_slice, collect_round,
};
use bleepstore_core::ports::{BlobRead, Clock as _};
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::deployment::{Deployment, incoming, target};
use bleepstore_tests::samples::number;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

const PART: u64 = 5 << 20;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn store() -> Deployment {
    let store = Deployment::in_memory(0, 1_000, Arc::new(PassThrough)).await;
    store.create_bucket("bucket").await.unwrap();
    store
}

/// An object of parts that are copies of these ranges of `source`; the parts.
async fn copied(store: &Deployment, source: &str, key: &str, ranges: &[Range<u64>]) -> Vec<Part> {
    let (context, caller) = (&store.context, &store.caller);
    let id = store.begin("bucket", key).await.unwrap();
    let mut parts = Vec::new();
    for (part, range) in (1..).zip(ranges) {
        let upload =
            ops::open_upload(context, caller, Operation::UploadPart, &target("bucket", key), id).await;
        let input = UploadPartCopy {
            source: target("bucket", source),
            source_caller: caller.clone(),
            select: &|_: &ObjectRecord| Ok(range.clone()),
            number: number(part),
        };
        let copied = ops::upload_part_copy(context, &upload.unwrap(), input).await;
        parts.push(copied.unwrap().0);
    }
    let listed: Vec<_> = parts
        .iter()
        .map(|part| (part.number.get().into(), part.etag.clone()))
        .collect();
    store.complete(("bucket", key), id, &listed).await.unwrap();
    parts
}

/// A whole part and one byte; then again and again a copy of all of it, and of its tail.
#[tokio::test]
async fn copies_of_copies_do_not_multiply_their_pieces() {
    let store = store().await;
    let first = Bytes::from(vec![7; PART as usize]);
    let id = store.begin("bucket", "0").await.unwrap();
    let mut listed = Vec::new();
    for (part, body) in [(1, first.clone()), (2, Bytes::from_static(b"!"))] {
        let stored = store
            .part(("bucket", "0"), id, part, incoming(body))
            .await
            .unwrap();
        listed.push((part, stored.etag));
    }
    store.complete(("bucket", "0"), id, &listed).await.unwrap();

    let mut tail = 1;
    for round in 1..=10_u64 {
        let (source, key) = ((round - 1).to_string(), round.to_string());
        let size = PART + tail;
        let parts = copied(&store, &source, &key, &[0..size, PART..size]).await;
        for part in &parts {
            let most = 2 + part.size / PART;
            assert!(
                part.extents.len() as u64 <= most,
                "round {round}: {} extents",
                part.extents.len()
            );
        }
        tail *= 2;
    }
    let last = store.get("bucket", "10").await.unwrap();
    assert_eq!(last.len() as u64, PART + tail);
    assert!(last[..PART as usize] == first && last[PART as usize..].iter().all(|byte| *byte == b'!'));
}

/// Wherever the slice begins and ends.
#[tokio::test]
async fn a_copy_of_whole_parts_moves_no_bytes() {
    let store = store().await;
    let id = store.begin("bucket", "source").await.unwrap();
    let mut listed = Vec::new();
    for part in 1..=3 {
        let body = incoming(Bytes::from(vec![part as u8; PART as usize]));
        let stored = store.part(("bucket", "source"), id, part, body).await.unwrap();
        listed.push((part, stored.etag));
    }
    store.complete(("bucket", "source"), id, &listed).await.unwrap();
    let before = store.stored_blobs().await;
    for (key, range) in [
        ("whole", 0..3 * PART),
        ("slice", 1..2 * PART + 1),
        ("short", PART - 1..PART + 1),
    ] {
        copied(&store, "source", key, &[range]).await;
        assert_eq!(store.stored_blobs().await, before, "{key}");
    }
}

/// An object whose layout says that it is larger than any that is written.
async fn unreadable(store: &Deployment) {
    store.put("bucket", "damaged", "its bytes").await.unwrap();
    let found = store.object("bucket", "damaged").await.unwrap();
    let Manifest::Extents(layout) = &found.manifest else {
        panic!("nothing is inline here");
    };
    let length = 65 << 20;
    let extent = Extent {
        length,
        blob_length: length,
        ..layout.extents[0]
    };
    let damaged = ObjectRecord {
        manifest: Manifest::Spilled(SpilledLayout { extent, parts: 2 }),
        ..found
    };
    store.put_record("bucket", &damaged).await;
}

/// Two bytes that nothing names.
async fn garbage(store: &Deployment) {
    let id = store.begin("bucket", "aborted").await.unwrap();
    let body = incoming(Bytes::from_static(b"no"));
    store.part(("bucket", "aborted"), id, 1, body).await.unwrap();
    store.abort(("bucket", "aborted"), id).await.unwrap();
}

#[tokio::test]
async fn while_a_layout_cannot_be_read_gc_says_so_and_deletes_nothing() {
    let store = store().await;
    unreadable(&store).await;
    store.put("bucket", "neighbour", "fine").await.unwrap();
    // As if a migration had copied it there after its record was written.
    store.clock.advance(3 * DAY);
    garbage(&store).await;
    store.clock.advance(DAY);
    let before = store.stored_blobs().await.len();
    let error = store
        .get_selected("bucket", "damaged", Selection::Whole)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::InternalError);

    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    let report = collect_round(&store.context.ports, &options).await.unwrap();
    assert_eq!((report.unreadable_layouts, report.deleted.blobs), (1, 0));
    assert_eq!(store.stored_blobs().await.len(), before);
    assert_eq!(store.get("bucket", "neighbour").await.unwrap(), "fine");

    let check = check_slice(
        &store.context.ports,
        &FsckOptions::default(),
        None,
        &Progress::default(),
    )
    .await;
    let findings = check.unwrap().findings;
    let orphans = findings
        .iter()
        .filter(|finding| matches!(finding, Finding::Orphan { .. }));
    assert_eq!(orphans.count(), 0, "what gc keeps is no finding: {findings:?}");
    assert!(
        findings
            .iter()
            .any(|finding| matches!(finding, Finding::BadLayout { .. })),
        "{findings:?}"
    );

    store.delete("bucket", "damaged").await.unwrap();
    store.clock.advance(3 * DAY);
    let report = collect_round(&store.context.ports, &options).await.unwrap();
    assert_eq!(report.unreadable_layouts, 0);
    assert_eq!(store.stored_blobs().await.len(), 1, "only the neighbour's");
}

/// An object of so many pieces, each in a blob of its own, which a real upload would make of parts of 5 MiB.
async fn many_blobs(store: &Deployment, key: &str, pieces: u64) -> Vec<BlobRef> {
    let id = store.begin("bucket", key).await.unwrap();
    let bucket = store.bucket_row("bucket").await.unwrap();
    let found = store.metadata.lookup_upload(&bucket.name, id).await.unwrap();
    let upload = found.upload.unwrap();
    let (mut blobs, mut listed) = (Vec::new(), Vec::new());
    for part in 1..=pieces {
        let name = BlobRef {
            bucket: bucket.id,
            blob: BlobId::from_bytes((u128::MAX - u128::from(part)).to_be_bytes()),
        };
        let body = stream::iter([Ok(Bytes::from_static(b"a piece"))]).boxed();
        store.blobs.write(&name, body, None).await.unwrap();
        let etag = ETag::from_md5(u128::from(part).to_be_bytes());
        let stored = Part {
            number: number(part),
            commit_id: CommitId::from_bytes(u128::from(part).to_be_bytes()),
            etag: etag.clone(),
            size: PART,
            last_modified: store.clock.now(),
            checksum: None,
            extents: vec![Extent::whole(name, PART, part)],
            shared: false,
        };
        store.metadata.record_part(&upload, &stored).await.unwrap();
        blobs.push(name);
        listed.push((part, etag));
    }
    store.complete(("bucket", key), id, &listed).await.unwrap();
    let record = store.object("bucket", key).await.unwrap();
    assert!(matches!(record.manifest, Manifest::Paged(_)));
    blobs.extend(record.manifest.blobs());
    blobs.sort_unstable();
    blobs
}

#[tokio::test]
async fn gc_keeps_what_every_page_of_a_layout_names_until_nothing_names_the_layout() {
    let store = store().await;
    let named = many_blobs(&store, "large", 2_500).await;
    store.copy(("bucket", "large"), ("bucket", "copy")).await.unwrap();
    store.clock.advance(2 * DAY);
    garbage(&store).await;
    store.clock.advance(2 * DAY);
    let collected = async || {
        let options = GcOptions {
            force: true,
            ..GcOptions::default()
        };
        let report = collect_round(&store.context.ports, &options).await.unwrap();
        assert_eq!(report.unreadable_layouts, 0);
        store.stored_blobs().await
    };
    assert_eq!(collected().await, named);
    // The copy names them still; then only what was retired of it.
    store.delete("bucket", "large").await.unwrap();
    store.clock.advance(2 * DAY);
    assert_eq!(collected().await, named);
    store.delete("bucket", "copy").await.unwrap();
    assert_eq!(collected().await, named);
    store.clock.advance(2 * DAY);
    assert_eq!(collected().await, []);
}

#[tokio::test]
async fn a_check_finds_damage_in_a_page_of_extents_and_in_a_page_of_parts() {
    let store = store().await;
    many_blobs(&store, "large", 1_500).await;
    let record = store.object("bucket", "large").await.unwrap();
    let Manifest::Paged(paged) = record.manifest else {
        panic!("it has many pages");
    };
    let BlobRead::Found(pieces) = store
        .blobs
        .read(&paged.extent.blob, paged.extent.range())
        .await
        .unwrap()
    else {
        panic!("it is there");
    };
    let layout = pieces.try_collect::<Vec<_>>().await.unwrap().concat();
    for (at, of) in [(50_000, "extents"), (paged.index - 5, "parts")] {
        let mut damaged = layout.clone();
        damaged[at as usize] ^= 1;
        store.put("bucket", "damaged", damaged).await.unwrap();
        let Manifest::Extents(of_damaged) = store.object("bucket", "damaged").await.unwrap().manifest else {
            panic!("nothing is inline here");
        };
        let damaged = ObjectRecord {
            manifest: Manifest::Paged(PagedLayout {
                extent: of_damaged.extents[0],
                ..paged
            }),
            ..store.object("bucket", "large").await.unwrap()
        };
        store.put_record("bucket", &damaged).await;
        let (options, progress) = (FsckOptions::default(), Progress::default());
        let report = check_slice(&store.context.ports, &options, None, &progress).await;
        let findings = report.unwrap().findings;
        let found = |finding: &Finding| matches!(finding, Finding::BadLayout { .. });
        assert!(findings.iter().any(found), "{of}: {findings:?}");
    }
}
