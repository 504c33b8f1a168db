//! Rules of what an edit expects: what each expectation means, and that it is decided within the edit.

use bleepstore_core::model::{Bucket, CommitId, ObjectRecord, RowTag, Upload, UploadState, WriteCondition};
use bleepstore_core::ports::{Edit, EditOutcome, Expect};

use super::MetadataFixture;
use super::edits::{applied, kept, only_if, refused, shared};
use crate::samples::{NOW, key};

/// What an edit expects.
#[derive(Debug)]
enum Wanted {
    Condition(WriteCondition),
    Row(Option<RowTag>),
}

/// A key in some state, and what an edit expects there.
struct Case {
    name: String,
    row: Option<ObjectRecord>,
    wanted: Wanted,
    /// As in [`wanted`].
    answer: u8,
}

impl Case {
    fn expect(&self) -> Expect<'_> {
        match &self.wanted {
            Wanted::Condition(condition) => only_if(condition),
            Wanted::Row(tag) => Expect::Row(*tag),
        }
    }

    fn is_applied(&self) -> bool {
        self.answer == b'A'
    }

    /// What becomes of the edit.
    fn outcome(&self) -> EditOutcome {
        match (self.answer, &self.row) {
            (b'A', row) => applied(row.as_ref()),
            (b'S', Some(row)) => kept(row),
            (_, row) => refused(row.as_ref()),
        }
    }

    /// What is under the key afterwards, where the edit leaves `new`.
    fn left(&self, new: Option<ObjectRecord>) -> Option<ObjectRecord> {
        if self.is_applied() { new } else { self.row.clone() }
    }

    fn context(&self) -> String {
        format!("{} {:?}", self.name, self.wanted)
    }
}

/// The states that a key can be in.
const STATES: [&str; 4] = ["absent", "marker", "object", "shared"];

/// How many expectations there are.
const WANTED: usize = 11;

/// Every expectation, about this row or another, and its answer in each of the [`STATES`]: applied, refused, or shared.
fn wanted(f: &MetadataFixture, row: &ObjectRecord) -> [(Wanted, [u8; STATES.len()]); WANTED] {
    let (tag, etag) = (row.tag(), row.etag.clone());
    let flipped = RowTag {
        shared: !tag.shared,
        ..tag
    };
    let other = RowTag {
        commit_id: f.samples.id(CommitId::from_bytes),
        ..tag
    };
    let (matching, differing) = (WriteCondition::IfMatch, WriteCondition::IfNoneMatch);
    [
        (Wanted::Condition(WriteCondition::Any), *b"AAAS"),
        (Wanted::Condition(WriteCondition::IfAbsent), *b"AARR"),
        (Wanted::Condition(WriteCondition::IfPresent), *b"RRAS"),
        (Wanted::Condition(matching(etag.clone())), *b"RRAS"),
        (Wanted::Condition(matching(f.samples.etag())), *b"RRRR"),
        (Wanted::Condition(differing(etag)), *b"AARR"),
        (Wanted::Condition(differing(f.samples.etag())), *b"AAAS"),
        (Wanted::Row(None), *b"ARRR"),
        (Wanted::Row(Some(tag)), *b"RAAA"),
        (Wanted::Row(Some(flipped)), *b"RRRR"),
        (Wanted::Row(Some(other)), *b"RRRR"),
    ]
}

/// Every expectation in every state, each under a key of its own.
async fn cases(f: &MetadataFixture, bucket: &Bucket) -> Vec<Case> {
    let mut cases = Vec::new();
    for (column, state) in STATES.into_iter().enumerate() {
        for number in 0..WANTED {
            let name = format!("{state}-{number}");
            let record = match state {
                "marker" => f.samples.marker(bucket, &name),
                "shared" => shared(&f.samples.record(bucket, &name)),
                _ => f.samples.record(bucket, &name),
            };
            let (wanted, answers) = wanted(f, &record).into_iter().nth(number).unwrap();
            let row = (state != "absent").then_some(record);
            if let Some(row) = &row {
                f.commit(bucket, row).await;
            }
            cases.push(Case {
                name,
                row,
                wanted,
                answer: answers[column],
            });
        }
    }
    cases
}

/// The table of expectations, by committing.
pub async fn a_commit_decides_every_expectation(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for case in cases(&f, &bucket).await {
        let context = case.context();
        let record = f.samples.record(&bucket, &case.name);
        let outcome = f.edit(&Edit::put(&bucket, &record, case.expect())).await;
        assert_eq!(outcome, case.outcome(), "{context}");
        let found = f.object(&bucket, &case.name).await;
        assert_eq!(found, case.left(Some(record)), "{context}");
    }
}

/// The table of expectations, by removing.
pub async fn a_removal_decides_every_expectation(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for case in cases(&f, &bucket).await {
        let context = case.context();
        let key = key(&case.name);
        let outcome = f.edit(&Edit::remove(&bucket, &key, case.expect())).await;
        assert_eq!(outcome, case.outcome(), "{context}");
        let found = f.object(&bucket, &case.name).await;
        assert_eq!(found, case.left(None), "{context}");
    }
}

/// The table of expectations, by renaming another object, which goes exactly when its destination is written.
pub async fn a_rename_decides_every_expectation(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for case in cases(&f, &bucket).await {
        let context = case.context();
        let source = f.put(&bucket, "source").await;
        let record = f.samples.renamed(&source, &case.name);
        let edit = Edit::put(&bucket, &record, case.expect()).moving(&source);
        assert_eq!(f.edit(&edit).await, case.outcome(), "{context}");
        let found = f.object(&bucket, &case.name).await;
        assert_eq!(found, case.left(Some(record)), "{context}");
        let left = (!case.is_applied()).then_some(source);
        assert_eq!(f.object(&bucket, "source").await, left, "{context}");
    }
}

async fn state(f: &MetadataFixture, bucket: &Bucket, upload: &Upload) -> Option<UploadState> {
    let lookup = f.store.lookup_upload(&bucket.name, upload.id).await.unwrap();
    lookup.upload.map(|upload| upload.state)
}

/// The table of expectations, by publishing; a receipt appears exactly when the object does.
pub async fn a_publish_decides_every_expectation(f: MetadataFixture) {
    let bucket = f.bucket().await;
    for case in cases(&f, &bucket).await {
        let context = case.context();
        let upload = f.begin(&bucket, &case.name).await;
        let token = f.samples.token();
        f.store.begin_complete(&upload, token, NOW).await.unwrap();
        let record = f.samples.record(&bucket, &case.name);
        let receipt = f.samples.completed(&upload, &record);
        let edit = Edit::put(&bucket, &record, case.expect()).closing(&receipt);
        assert_eq!(f.edit(&edit).await, case.outcome(), "{context}");
        let kept = f.store.receipt(&bucket, &record.key, upload.id, NOW).await;
        let kept = kept.unwrap();
        if case.is_applied() {
            assert_eq!(kept, Some(receipt), "{context}");
        } else {
            assert_eq!(kept, None, "{context}");
            let completing = Some(UploadState::Completing(token));
            assert_eq!(state(&f, &bucket, &upload).await, completing, "{context}");
        }
        let found = f.object(&bucket, &case.name).await;
        assert_eq!(found, case.left(Some(record)), "{context}");
    }
}

/// The record stays as it was, its sharing too.
pub async fn a_refused_edit_changes_nothing(f: MetadataFixture) {
    let bucket = f.bucket().await;
    let record = shared(&f.samples.record(&bucket, "a"));
    f.commit(&bucket, &record).await;
    let attempt = f.samples.record(&bucket, "a");
    let absent = Expect::Condition {
        condition: &WriteCondition::IfAbsent,
        retired: Some(record.commit_id),
    };
    let unshared = Expect::Row(Some(RowTag {
        shared: false,
        ..record.tag()
    }));
    for expect in [absent, unshared] {
        for edit in [
            Edit::put(&bucket, &attempt, expect),
            Edit::remove(&bucket, &attempt.key, expect),
        ] {
            assert_eq!(f.edit(&edit).await, refused(Some(&record)), "{edit:?}");
        }
    }
    assert_eq!(f.object(&bucket, "a").await, Some(record));
}
