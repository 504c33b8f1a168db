//! Short forms of edits and of what becomes of them.

use std::sync::Arc;

use bleepstore_core::model::{Bucket, CommitId, Manifest, ObjectRecord, Upload, WriteCondition};
use bleepstore_core::ports::{Edit, EditOutcome, Expect};
use bleepstore_core::rows::OwnedEdit;

use super::MetadataFixture;
use crate::samples::key;

/// Whatever is under the key, unless it is shared.
pub const ANY: Expect<'static> = only_if(&WriteCondition::Any);

/// No row under the key.
pub const NO_ROW: Expect<'static> = Expect::Row(None);

/// What the condition holds of, unless it is shared.
pub const fn only_if(condition: &WriteCondition) -> Expect<'_> {
    Expect::Condition {
        condition,
        retired: None,
    }
}

/// Whatever is under the key, also the shared row of this commit, as if its manifest were retired.
pub const fn retiring(commit: CommitId) -> Expect<'static> {
    Expect::Condition {
        condition: &WriteCondition::Any,
        retired: Some(commit),
    }
}

/// Exactly the row of this record.
pub const fn row(record: &ObjectRecord) -> Expect<'static> {
    Expect::Row(Some(record.tag()))
}

/// The same record, which is shared.
pub fn shared(record: &ObjectRecord) -> ObjectRecord {
    ObjectRecord {
        shared: true,
        ..record.clone()
    }
}

/// The edit was made, over this row.
pub fn applied(displaced: Option<&ObjectRecord>) -> EditOutcome {
    EditOutcome::Applied {
        displaced: displaced.map(told),
    }
}

/// The edit met this row instead of what it expects.
pub fn refused(head: Option<&ObjectRecord>) -> EditOutcome {
    EditOutcome::Refused { head: head.map(told) }
}

/// The edit met this row, which must be retired first.
pub fn kept(head: &ObjectRecord) -> EditOutcome {
    EditOutcome::Shared { head: told(head) }
}

fn told(record: &ObjectRecord) -> Box<ObjectRecord> {
    Box::new(without_body(record.clone()))
}

/// The record with an inline body left out, as a store may tell it.
pub fn without_body(mut record: ObjectRecord) -> ObjectRecord {
    if matches!(record.manifest, Manifest::Inline(_)) {
        record.manifest = Manifest::empty();
    }
    record
}

/// The outcome with an inline body left out, as a store may tell it.
pub fn without_bodies(outcome: EditOutcome) -> EditOutcome {
    match outcome {
        EditOutcome::Applied { displaced } => applied(displaced.as_deref()),
        EditOutcome::Refused { head } => refused(head.as_deref()),
        EditOutcome::Shared { head } => kept(&head),
        other => other,
    }
}

impl MetadataFixture {
    /// Makes an edit. The outcome is told without inline bodies.
    pub async fn edit(&self, edit: &Edit<'_>) -> EditOutcome {
        without_bodies(self.store.edit(edit).await.unwrap())
    }

    /// Makes an edit, as [`Self::edit`] does, when it is waited for.
    pub fn editing(&self, edit: &Edit<'_>) -> impl Future<Output = EditOutcome> + Send + use<> {
        let (store, edit) = (Arc::clone(&self.store), OwnedEdit::from(edit));
        async move { without_bodies(store.edit(&edit.edit()).await.unwrap()) }
    }

    /// Commits a fresh object under a key that no shared record has.
    pub async fn put(&self, bucket: &Bucket, name: &str) -> ObjectRecord {
        let record = self.samples.record(bucket, name);
        self.commit(bucket, &record).await;
        record
    }

    /// Commits a record under a key that no shared record has; returns what it displaced.
    pub async fn commit(&self, bucket: &Bucket, record: &ObjectRecord) -> Option<ObjectRecord> {
        self.displaced(&Edit::put(bucket, record, ANY)).await
    }

    /// Removes what is under a key that no shared record has; returns what it was.
    pub async fn remove(&self, bucket: &Bucket, name: &str) -> Option<ObjectRecord> {
        self.displaced(&Edit::remove(bucket, &key(name), ANY)).await
    }

    async fn displaced(&self, edit: &Edit<'_>) -> Option<ObjectRecord> {
        match self.edit(edit).await {
            EditOutcome::Applied { displaced } => displaced.map(|record| *record),
            other => panic!("{other:?}"),
        }
    }

    /// Tries to mark a record as shared, if its row is as it was read.
    pub async fn mark(&self, bucket: &Bucket, read: &ObjectRecord) -> EditOutcome {
        self.edit(&Edit::put(bucket, &shared(read), row(read))).await
    }

    /// Marks a record as shared; returns it as it is then.
    pub async fn share(&self, bucket: &Bucket, read: &ObjectRecord) -> ObjectRecord {
        assert_eq!(self.mark(bucket, read).await, applied(Some(read)));
        shared(read)
    }

    /// Publishes an upload as `record`, over whatever is not shared.
    pub async fn publish(&self, bucket: &Bucket, upload: &Upload, record: &ObjectRecord) -> EditOutcome {
        let receipt = self.samples.completed(upload, record);
        self.edit(&Edit::put(bucket, record, ANY).closing(&receipt)).await
    }
}
