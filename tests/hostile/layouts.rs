//! Objects of very many pieces: what their requests take does not grow with the pieces.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::{
    Checksum, ChecksumAlgorithm, ChecksumKind, CommitId, ETag, ErrorCode, Extent, Format, Layout, Manifest,
    ObjectRecord, Part, SpilledLayout,
};
use bleepstore_core::ops::{GcOptions, Selection, collect_round, get_object};
use bleepstore_core::ports::{Edit, EditOutcome};
use bleepstore_tests::decorators::{CallCounter, PassThrough};
use bleepstore_tests::deployment::{Deployment, name, target};
use bleepstore_tests::metadata_conformance::edits::ANY;
use bleepstore_tests::samples::{NOW, key, number};
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::join_all;

use super::{COUNTED, MEMORY, MOST_MILLIS, millis};

const MIB: usize = 1 << 20;

const PIECE: u64 = 5 << 20;

/// What reading a range may take beside the bytes themselves.
const MOST_OF_A_RANGE: usize = MIB;

/// A store of a bucket with an object of one piece, and that piece.
async fn store() -> (Deployment, Extent) {
    let store = Deployment::in_memory(0, 1_000, Arc::new(PassThrough)).await;
    store.create_bucket("bucket").await.unwrap();
    let piece = Bytes::from(vec![7; PIECE as usize]);
    store.put("bucket", "piece", piece).await.unwrap();
    let Manifest::Extents(layout) = store.object("bucket", "piece").await.unwrap().manifest else {
        panic!("nothing is inline here");
    };
    (store, layout.extents[0])
}

/// Completes an upload of so many parts, each of which UploadPartCopy could have made of so many pieces.
async fn complete(store: &Deployment, piece: Extent, parts: u64, pieces: usize) -> Result<(), ErrorCode> {
    let id = store.begin("bucket", "large").await.unwrap();
    let upload = store
        .metadata
        .lookup_upload(&name("bucket"), id)
        .await
        .unwrap()
        .upload
        .unwrap();
    let mut listed = Vec::new();
    for part in 1..=parts {
        let etag = ETag::from_md5((u128::from(part)).to_be_bytes());
        let copied = Part {
            number: number(part),
            commit_id: CommitId::from_bytes(u128::from(part).to_be_bytes()),
            etag: etag.clone(),
            size: PIECE * pieces as u64,
            last_modified: NOW,
            checksum: Some(Checksum {
                algorithm: ChecksumAlgorithm::Crc64nvme,
                kind: ChecksumKind::FullObject,
                value: "AAAAAAAAAAA=".to_owned(),
            }),
            extents: vec![piece; pieces],
            shared: true,
        };
        store.metadata.record_part(&upload, &copied).await.unwrap();
        listed.push((part, etag));
    }
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let completed = store.complete(("bucket", "large"), id, &listed).await;
    let peak = MEMORY.peak_usage() - before;
    // The memory that is the blob store grows by the layout, for which it takes three times as much while it does.
    let layout = 3 * 48 * parts as usize * pieces;
    assert!(
        peak <= layout + 8 * MIB,
        "completing takes {peak} bytes, of which {layout} may be stored"
    );
    completed.map(drop).map_err(|error| error.code)
}

/// Memory and processor time of `work`.
async fn cost<T>(work: impl Future<Output = T>) -> (usize, i64, T) {
    let (memory, time) = (MEMORY.current_usage(), millis());
    MEMORY.reset_peak_usage();
    let done = work.await;
    let time = millis() - time;
    (MEMORY.peak_usage().saturating_sub(memory), time, done)
}

async fn first_byte(store: &Deployment) -> Bytes {
    let selection = Selection::Range(0..1);
    store.get_selected("bucket", "large", selection).await.unwrap()
}

/// One range after the other, and many at once; afterwards nothing is left of them.
async fn assert_ranges_are_cheap(store: &Deployment, size: u64) {
    let before = MEMORY.current_usage();
    for start in [0, PIECE - 500, size / 2, size - 999] {
        let range = Selection::Range(start..start + 999);
        let read = store.get_selected("bucket", "large", range);
        let (memory, time, bytes) = cost(read).await;
        assert!(bytes.unwrap().iter().all(|byte| *byte == 7));
        assert!(
            memory <= MOST_OF_A_RANGE,
            "999 bytes at {start} take {memory} bytes"
        );
        assert!(time <= MOST_MILLIS, "999 bytes at {start} take {time} ms");
    }
    let (memory, _, bytes) = cost(join_all((0..16).map(|_| first_byte(store)))).await;
    assert!(bytes.iter().all(|byte| byte == &[7][..]));
    assert!(memory <= 16 * MOST_OF_A_RANGE, "16 at once take {memory} bytes");
    let kept = MEMORY.current_usage().saturating_sub(before);
    assert!(kept <= MIB / 16, "{kept} bytes are kept");
}

#[tokio::test]
async fn an_object_of_very_many_pieces_costs_no_more_than_one_of_few() {
    let _alone = COUNTED.lock().await;
    let (store, piece) = store().await;
    complete(&store, piece, 400, 1_000).await.unwrap();
    let record = store.object("bucket", "large").await.unwrap();
    assert!(matches!(record.manifest, Manifest::Paged(_)));
    let size = 400 * 1_000 * PIECE;
    assert_eq!(record.size, size);
    assert_ranges_are_cheap(&store, size).await;
    // What nothing names, so that gc marks.
    store.put("bucket", "deleted", "bytes").await.unwrap();
    let bucket = store.bucket_row("bucket").await.unwrap();
    let deleted = key("deleted");
    let removed = store.metadata.edit(&Edit::remove(&bucket, &deleted, ANY)).await;
    assert!(matches!(removed.unwrap(), EditOutcome::Applied { .. }));
    store.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    let options = GcOptions {
        force: true,
        ..GcOptions::default()
    };
    let (memory, _, report) = cost(collect_round(&store.context.ports, &options)).await;
    let report = report.unwrap();
    assert_eq!((report.unreadable_layouts, report.deleted.blobs), (0, 1));
    assert!(memory <= 8 * MIB, "gc takes {memory} bytes");

    let counter = Arc::new(CallCounter::default());
    let counted = store.beside(counter.clone());
    let range = Selection::Range(PIECE - 500..PIECE + 499);
    counted.get_selected("bucket", "large", range).await.unwrap();
    assert_eq!(counter.count("read"), 4, "the index, a page, and two pieces");
    counter.take();
    let last = Selection::Part(number(400));
    let target = target("bucket", "large");
    let select = |_: &ObjectRecord| Ok(last.clone());
    let part = get_object(&counted.context, &counted.caller, &target, &select).await;
    let mut body = part.unwrap().body;
    assert_eq!(body.try_next().await.unwrap().unwrap()[0], 7);
    assert!(
        counter.count("read") <= 5,
        "the index once, a page of parts, a page of extents, a piece and the next"
    );
}

#[tokio::test]
async fn more_pieces_than_a_layout_lists_are_refused() {
    let _alone = COUNTED.lock().await;
    let (store, piece) = store().await;
    let before = store.stored_blobs().await;
    let refused = complete(&store, piece, 1_200, 1_000).await;
    assert_eq!(refused, Err(ErrorCode::InvalidRequest));
    assert_eq!(
        store.stored_blobs().await,
        before,
        "nothing of the layout is left"
    );
    let record = store.metadata.store_record().await.unwrap().unwrap();
    assert_eq!(
        record.format,
        Format::FIRST,
        "nothing was made that needs another"
    );
}

/// As release 0.1 wrote it: one document, of 64 MiB at most.
#[tokio::test]
async fn a_layout_of_an_earlier_release_is_read_in_little_memory() {
    let _alone = COUNTED.lock().await;
    let (store, piece) = store().await;
    let layout = Layout {
        extents: vec![piece; 250_000],
        parts: Vec::new(),
    };
    let json = serde_json::to_vec(&layout).unwrap();
    drop(layout);
    store.put("bucket", "its layout", json).await.unwrap();
    let Manifest::Extents(of_json) = store.object("bucket", "its layout").await.unwrap().manifest else {
        panic!("nothing is inline here");
    };
    let record = ObjectRecord {
        key: key("large"),
        size: 250_000 * PIECE,
        manifest: Manifest::Spilled(SpilledLayout {
            extent: of_json.extents[0],
            parts: 0,
        }),
        ..store.object("bucket", "piece").await.unwrap()
    };
    store.put_record("bucket", &record).await;
    let (memory, _, bytes) = cost(join_all((0..4).map(|_| first_byte(&store)))).await;
    assert!(bytes.iter().all(|byte| byte == &[7][..]));
    assert!(memory <= 4 * MOST_OF_A_RANGE, "4 at once take {memory} bytes");
}
