//! What lies in which row, and how it is found.

use std::path::Path;

use bleepstore_core::model::{
    BlobId, BlobRef, CommitId, Extent, Layout, Manifest, ObjectKey, ObjectRecord, PartBoundary, PartNumber,
    WriteCondition,
};
use bleepstore_core::ports::{Edit, EditOutcome, Expect, KeyRange, ObjectIndex, StoreErrorKind};
use bytes::Bytes;

use super::super::{INLINE_LIMIT, LAYOUT_LIMIT, buckets, events, objects, schema, uploads};
use super::{bucket, get, inline, object, open_with_bucket, put, put_if, remove, temporary};

fn count(path: &Path, table: &str) -> i64 {
    let db = schema::open_reader(path).unwrap();
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn an_inline_body_goes_with_its_row() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    assert_eq!(put(&store, &inline("k", b"one")).await, None);
    assert_eq!(count(&path, "bodies"), 1);
    let displaced = put(&store, &inline("k", b"two")).await.unwrap();
    assert_eq!(displaced.manifest, Manifest::empty(), "the body is left out");
    assert_eq!(count(&path, "bodies"), 1);
    assert_eq!(get(&store, "k").await, Some(inline("k", b"two")));
    put(&store, &inline("k", b"")).await;
    assert_eq!(count(&path, "bodies"), 0);
    assert_eq!(get(&store, "k").await, Some(inline("k", b"")));
    put(&store, &inline("k", b"three")).await;
    let removed = remove(&store, "k").await.unwrap();
    assert!(matches!(removed, EditOutcome::Applied { displaced: Some(_) }));
    assert_eq!(count(&path, "bodies"), 0);
}

#[tokio::test]
async fn an_inline_body_stays_with_a_row_that_becomes_shared_and_is_not_left_by_one_that_moves() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let (home, row) = (bucket(), inline("from", b"one"));
    put(&store, &row).await;
    put(&store, &inline("to", b"two")).await;
    let shared = ObjectRecord {
        shared: true,
        ..row.clone()
    };
    let mark = Edit::put(&home, &shared, Expect::Row(Some(row.tag())));
    assert!(matches!(store.edit(&mark).await, Ok(EditOutcome::Applied { .. })));
    assert_eq!(get(&store, "from").await, Some(shared.clone()));
    assert_eq!(count(&path, "bodies"), 2);

    let moved = ObjectRecord {
        commit_id: CommitId::from_bytes([8; 16]),
        ..inline("to", b"one")
    };
    let over = Expect::Row(Some(inline("to", b"two").tag()));
    let edit = Edit::put(&home, &moved, over).moving(&shared);
    assert!(matches!(store.edit(&edit).await, Ok(EditOutcome::Applied { .. })));
    assert_eq!(get(&store, "from").await, None);
    assert_eq!(get(&store, "to").await, Some(moved));
    assert_eq!(count(&path, "bodies"), 1);
}

#[tokio::test]
async fn an_edit_that_displaces_an_unreadable_row_changes_nothing() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    put(&store, &inline("k", b"one")).await;
    store
        .change(|db| Ok(db.execute_batch("UPDATE objects SET detail = 'unreadable'")?))
        .await
        .unwrap();
    for result in [
        put_if(&store, &inline("k", b"two"), &WriteCondition::Any).await,
        remove(&store, "k").await,
    ] {
        assert_eq!(result.unwrap_err().kind, StoreErrorKind::Corrupt);
        assert_eq!((count(&path, "objects"), count(&path, "bodies")), (1, 1));
    }
}

/// So rows from before there were lists read as private: they look the same.
#[tokio::test]
async fn a_private_list_is_not_written() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    put(&store, &inline("k", b"one")).await;
    let db = schema::open_reader(&path).unwrap();
    for table in ["buckets", "objects"] {
        let detail: String = db
            .query_row(&format!("SELECT detail FROM {table}"), [], |row| row.get(0))
            .unwrap();
        assert!(!detail.contains("acl"), "{detail}");
    }
}

#[tokio::test]
async fn limits_are_exact() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    let blob = BlobRef {
        bucket: bucket().id,
        blob: BlobId::from_bytes([5; 16]),
    };
    let layout = |extents, parts: u64| {
        let part = |number| PartBoundary {
            number: PartNumber::new(number).unwrap(),
            length: 1,
            checksum: None,
        };
        Manifest::Extents(Layout {
            extents: vec![Extent::whole(blob, 1, u64::MAX); extents],
            parts: (1..=parts).map(part).collect(),
        })
    };
    let body = |length| Manifest::Inline(Bytes::from(vec![1; length]));
    for (fits, manifest) in [
        (true, body(INLINE_LIMIT as usize)),
        (false, body(INLINE_LIMIT as usize + 1)),
        (true, layout(LAYOUT_LIMIT / 2, LAYOUT_LIMIT as u64 / 2)),
        (false, layout(LAYOUT_LIMIT / 2, LAYOUT_LIMIT as u64 / 2 + 1)),
    ] {
        let record = object("k", manifest);
        let result = put_if(&store, &record, &WriteCondition::Any).await;
        if fits {
            result.unwrap();
            assert_eq!(get(&store, "k").await, Some(record));
        } else {
            assert_eq!(result.unwrap_err().kind, StoreErrorKind::Internal);
        }
    }
}

#[tokio::test]
async fn a_listing_reads_neither_json_nor_bodies_and_no_other_keys() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    put(&store, &inline("a", b"x")).await;
    put(&store, &inline("b/1", b"x")).await;
    put(&store, &inline("c", b"x")).await;
    store
        .change(|db| {
            // A key that cannot be read, which a scan of the whole bucket would meet.
            let unreadable = "UPDATE objects SET detail = 'unreadable';
                 UPDATE objects SET key = x'fe' WHERE key = CAST('c' AS BLOB);
                 DELETE FROM bodies;";
            Ok(db.execute_batch(unreadable)?)
        })
        .await
        .unwrap();
    let range = KeyRange {
        prefix: "b/".into(),
        ..KeyRange::default()
    };
    let page = store.scan_objects(&bucket(), &range, 10).await.unwrap();
    assert_eq!(page.items, [inline("b/1", b"x").summary()]);
    let key = ObjectKey::new("b/1").unwrap();
    let unreadable = store.lookup(&bucket().name, &key).await.unwrap_err();
    assert_eq!(unreadable.kind, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn every_range_read_is_a_search_of_an_index_without_a_sort() {
    let (_folder, path) = temporary();
    let store = open_with_bucket(&path).await;
    store.change(events::make_room).await.unwrap();
    for select in [
        objects::SCAN,
        uploads::SCAN,
        uploads::SCAN_PARTS,
        buckets::SCAN,
        events::SCAN,
    ] {
        let plan: Vec<String> = store
            .query(move |db| {
                let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {select}"))?;
                let mut rows = explain.raw_query();
                let mut plan = Vec::new();
                while let Some(row) = rows.next()? {
                    plan.push(row.get(3)?);
                }
                Ok(plan)
            })
            .await
            .unwrap();
        assert_eq!(plan.len(), 1, "{plan:?}");
        assert!(plan[0].starts_with("SEARCH"), "{plan:?}");
    }
}
