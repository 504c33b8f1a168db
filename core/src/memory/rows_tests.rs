use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Change, Rows};
use crate::model::{
    Acl, Bucket, BucketDocuments, BucketId, BucketLayout, BucketName, BucketState, CommitId, Credential,
    Description, ETag, EventFacts, EventId, EventMark, EventName, EventPlace, EventQueue, EventRow, Format,
    Manifest, ObjectKey, ObjectKind, ObjectRecord, Owner, Part, PartNumber, Receipt, ReceiptOutcome,
    RetiredManifest, Revision, StoreId, Timestamp, Upload, UploadId, UploadState,
};
use crate::ports::StoreRecord;
use crate::rows::StoredReceipt;

fn name(n: u8) -> BucketName {
    BucketName::new(&format!("bucket-{n}")).unwrap()
}

fn id(n: u8) -> BucketId {
    BucketId::from_bytes([n; 16])
}

fn key(n: u8) -> ObjectKey {
    ObjectKey::new(["a", "a/b", "é"][usize::from(n % 3)]).unwrap()
}

fn time(n: u8) -> Timestamp {
    Timestamp::from_seconds(i64::from(n))
}

fn bucket(n: u8, version: u8) -> Bucket {
    Bucket {
        name: name(n),
        id: id(n),
        owner: Owner::root(),
        acl: Acl::default(),
        region: "us-east-1".to_owned(),
        created: time(1),
        state: BucketState::Active,
        revision: Revision(u64::from(version)),
        layout: BucketLayout::FIRST,
        documents: BucketDocuments::default(),
        versioning: None,
    }
}

fn record(bucket: u8, of: u8, version: u8) -> ObjectRecord {
    ObjectRecord {
        bucket: id(bucket),
        key: key(of),
        commit_id: CommitId::from_bytes([version; 16]),
        kind: ObjectKind::Object,
        etag: ETag::from_md5([version; 16]),
        size: 0,
        last_modified: time(version),
        description: Description::of(Owner::root()),
        checksum: None,
        shared: false,
        manifest: Manifest::empty(),
        version: None,
    }
}

fn upload(n: u8, version: u8) -> Upload {
    Upload {
        id: UploadId::from_bytes([n; 16]),
        bucket_name: name(1),
        bucket: id(1),
        key: key(n),
        initiated: time(version),
        description: Description::of(Owner::root()),
        checksum: None,
        state: UploadState::Open,
    }
}

fn part(number: u8, version: u8) -> Part {
    Part {
        number: PartNumber::new(u64::from(number) + 1).unwrap(),
        commit_id: CommitId::from_bytes([version; 16]),
        etag: ETag::from_md5([version; 16]),
        size: 0,
        last_modified: time(version),
        checksum: None,
        extents: Vec::new(),
        shared: false,
    }
}

fn event(n: u8, of: u8, version: u8) -> EventRow {
    let place = EventPlace {
        sequence: u64::from(of),
        id: EventId::from_bytes([n; 16]),
    };
    let queue = EventQueue {
        destination: if version.is_multiple_of(2) {
            "queue"
        } else {
            "hook"
        }
        .parse()
        .unwrap(),
        dead: version.is_multiple_of(3),
    };
    EventRow {
        id: place.id,
        destination: queue.destination,
        dead: queue.dead,
        retried: None,
        sequence: place.sequence,
        bucket: id(n),
        key: key(of),
        version: None,
        name: EventName::Removed,
        facts: EventFacts {
            rule: None,
            time: time(version),
            region: "us-east-1".to_owned(),
            bucket_name: name(n),
            bucket_owner: "owner".to_owned(),
            requester: version.to_string(),
            source: None,
            request_id: "request".to_owned(),
            size: None,
            etag: None,
        },
    }
}

/// One change of each kind, of a few rows.
fn change() -> impl Strategy<Value = Change> {
    (0..19_u8, 1..4_u8, 0..3_u8, 0..250_u8).prop_map(|(kind, n, of, version)| match kind {
        0 => Change::Store(StoreRecord {
            epoch: u64::from(version),
            ..StoreRecord::new(StoreId::from_bytes([1; 16]))
        }),
        1 => Change::Credential(Credential {
            access_key: format!("key-{n}"),
            secret_key: version.to_string(),
            owner: Owner::root(),
            created: time(1),
            user: None,
            expires: None,
        }),
        2 => Change::CredentialGone(format!("key-{n}")),
        3 => Change::Bucket(bucket(n, version)),
        4 => Change::BucketGone(name(n)),
        5 => Change::Object(Arc::new(record(n, of, version))),
        6 => Change::ObjectGone(id(n), key(of)),
        7 => Change::Upload(upload(n, version)),
        8 => Change::UploadGone(UploadId::from_bytes([n; 16])),
        9 => Change::Part(UploadId::from_bytes([n; 16]), Arc::new(part(of, version))),
        10 => Change::Receipt(StoredReceipt {
            bucket: id(1),
            key: key(of),
            receipt: Receipt {
                upload: UploadId::from_bytes([n; 16]),
                outcome: ReceiptOutcome::Aborted,
                expires: time(version),
            },
        }),
        11 => Change::ReceiptGone(id(1), key(of), UploadId::from_bytes([n; 16])),
        12 => Change::Retired(RetiredManifest {
            commit_id: CommitId::from_bytes([n; 16]),
            manifest: Manifest::empty(),
            expires: time(version),
        }),
        13 => Change::RetiredGone(CommitId::from_bytes([n; 16])),
        14 => Change::Event(Arc::new(event(n, of, version))),
        15 => {
            let event = event(n, of, version);
            Change::EventGone(event.queue(), event.place())
        }
        16 => Change::EventMark(EventMark {
            bucket: id(n),
            key: key(of),
            sequence: u64::from(version),
            expires: time(version),
        }),
        17 => Change::EventMarkGone(id(n), key(of)),
        _ => Change::MovedStore(StoreRecord {
            format: Format::FENCED,
            epoch: u64::from(version),
            ..StoreRecord::new(StoreId::from_bytes([1; 16]))
        }),
    })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 0..60)
}

fn rows(changes: &[Change]) -> Rows {
    let mut rows = Rows::default();
    for change in changes {
        rows.apply(change.clone());
    }
    rows
}

fn check<S: Strategy<Value: std::fmt::Debug>>(strategy: S, test: impl Fn(S::Value)) {
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(500)
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&strategy, |input| {
            test(input);
            Ok(())
        })
        .unwrap();
}

#[test]
fn restoring_undoes_every_kind_of_change() {
    check((changes(), changes()), |(earlier, later)| {
        let before = rows(&earlier);
        let mut after = before.clone();
        for change in &later {
            after.apply(change.clone());
        }
        after.restore(&later, &before);
        assert_eq!(after, before);
    });
}

#[test]
fn a_walk_in_steps_meets_every_row_once() {
    check((changes(), 1..5_usize), |(changes, limit)| {
        let rows = rows(&changes);
        let mut met: Vec<Change> = Vec::new();
        loop {
            let page = rows.rows_after(met.last(), limit);
            met.extend_from_slice(&page);
            if page.len() < limit {
                break;
            }
        }
        assert_eq!(met.len(), rows.count());
        assert_eq!(self::rows(&met), rows);
    });
}

#[test]
fn a_walk_among_changes_and_then_those_changes_make_the_rows() {
    let steps = prop::collection::vec((0..4_usize, change()), 0..80);
    check((changes(), steps, 1..4_usize), |(earlier, steps, limit)| {
        let mut now = rows(&earlier);
        let mut made = Rows::default();
        let (mut changes, mut last) = (Vec::new(), None);
        for (walked, change) in &steps {
            for _ in 0..*walked {
                let page = now.rows_after(last.as_ref(), limit);
                for row in &page {
                    made.apply(row.clone());
                }
                last = page.into_iter().next_back().or(last);
            }
            // No part is recorded of an upload that is gone.
            if !matches!(change, Change::Part(id, _) if !now.uploads.contains_key(id)) {
                now.apply(change.clone());
                changes.push(change.clone());
            }
        }
        for row in now.rows_after(last.as_ref(), usize::MAX) {
            made.apply(row);
        }
        for change in changes {
            made.apply(change);
        }
        assert_eq!(made, now);
    });
}

#[test]
fn a_change_reads_back_from_its_json() {
    check(change(), |change| {
        let json = serde_json::to_string(&change).unwrap();
        assert_eq!(serde_json::from_str::<Change>(&json).unwrap(), change, "{json}");
    });
}
