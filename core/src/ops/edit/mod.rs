//! How objects change: the loop that looks, lets a plan decide, applies what it decides, and does what follows.

mod condition;
mod facts;
mod retired;
#[cfg(test)]
mod tests;
mod versions;

use std::borrow::Cow;
use std::future::Future;

use async_trait::async_trait;

pub(super) use condition::{Expected, expected, failed_write_condition, object, precondition_failed};
pub(super) use facts::change_facts;
pub(crate) use retired::RETIRED_FOR;
use retired::{retire, retire_displaced, retire_source};
pub(super) use versions::{REMOVED_AT_ONCE, remove_versions, removed_at_once};

use super::Context;
use super::access::{NewObjects, Opened, no_such_bucket};
use super::events::{Asked, Told};
use super::free::{free_blob, free_superseded};
use crate::model::{
    BlobRef, Bucket, BucketState, CommitId, ErrorCode, ObjectKey, ObjectRecord, Receipt, S3Error,
    VersionName, Versioning,
};
use crate::ports::{
    Edit, EditOutcome, Expect, MetadataStore, StoreError, StoreErrorKind, StoreResult, back_off,
};

/// How often a change that keeps meeting others' is tried.
const ATTEMPTS: u32 = 8;

/// What a plan decides on.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The bucket, which the caller may change.
    pub(super) bucket: Bucket,
    /// What is under the key.
    pub(super) head: Head,
    /// What is under the key that a rename takes an object from.
    pub(super) source: Option<SeenSource>,
    /// Whether a policy lets the caller change it, whoever owns what is there.
    pub(super) by_policy: bool,
    /// What the bucket says about new objects and their lists.
    pub(super) rules: NewObjects,
}

/// What is known of the row under a key.
#[derive(Clone, Debug)]
pub(super) enum Head {
    /// Nothing: it was not read.
    Unread,
    /// It was read.
    Read(Option<ObjectRecord>),
}

/// A key and the row under it.
#[derive(Clone, Debug)]
pub(super) struct SeenSource {
    pub(super) key: ObjectKey,
    pub(super) row: Option<ObjectRecord>,
    /// Whether a policy lets the caller take it away, and not only a list; what it hears where it may not.
    pub(super) by_policy: Result<bool, S3Error>,
}

impl Seen {
    /// What is under one key of a bucket.
    pub(super) const fn new(bucket: Bucket, head: Head) -> Self {
        Self {
            bucket,
            head,
            source: None,
            by_policy: false,
            rules: NewObjects::OPEN,
        }
    }

    /// The same of a bucket that was opened.
    pub(super) fn opened(bucket: Opened, head: Head) -> Self {
        Self {
            by_policy: bucket.by_policy,
            rules: bucket.rules(),
            ..Self::new(bucket.bucket, head)
        }
    }
}

impl Head {
    /// The row, where one was read.
    pub(super) fn row(&self) -> Option<&ObjectRecord> {
        match self {
            Self::Unread => None,
            Self::Read(row) => row.as_ref(),
        }
    }
}

/// What a plan comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step<'p> {
    /// It has to know what is under the key.
    Look,
    /// It is so already.
    Done,
    /// This is to be changed.
    Change(Change<'p>),
}

/// A change to be made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change<'p> {
    /// What must be under the key.
    pub(super) expect: Expected<'p>,
    /// The record that is under the key from then on; `None` to leave nothing there.
    pub(super) record: Option<Cow<'p, ObjectRecord>>,
    /// The object that goes from another key: a rename's.
    pub(super) source: Option<&'p ObjectRecord>,
    /// The receipt that closes an upload.
    pub(super) receipt: Option<&'p Receipt>,
    /// What the record is beside what was seen, where the bucket keeps versions.
    pub(super) becomes: Becomes,
}

/// What a record that is put in a bucket that keeps versions becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Becomes {
    /// A version as the bucket's state says: one with an id, or the version `null`, in the place of the one before.
    Version,
    /// A version with an id whatever the bucket's state, so that it takes the place of none.
    Addition,
    /// The same version as what was seen, of which something else is said, or which has more bytes. It names all blobs
    /// that were named before.
    Same,
}

impl<'p> Change<'p> {
    /// Puts a record.
    pub(super) const fn put(record: Cow<'p, ObjectRecord>, expect: Expected<'p>) -> Self {
        Self {
            expect,
            record: Some(record),
            source: None,
            receipt: None,
            becomes: Becomes::Version,
        }
    }

    /// Says something else of what was seen.
    pub(super) fn rewrite(record: Cow<'p, ObjectRecord>) -> Self {
        Self {
            becomes: Becomes::Same,
            ..Self::put(record, Expected::Seen)
        }
    }

    /// Leaves nothing under the key.
    pub(super) const fn remove(expect: Expected<'p>) -> Self {
        Self {
            expect,
            record: None,
            source: None,
            receipt: None,
            becomes: Becomes::Version,
        }
    }
}

/// What a request wants to change.
#[async_trait]
pub(super) trait Plan: Sync {
    /// The key whose row it changes.
    fn key(&self) -> &ObjectKey;

    /// Who asked for it; `None` for what buckets do not notify of.
    fn asked(&self) -> Option<Asked<'_>>;

    /// What to do about what was seen: the same whenever it is asked about the same. What it puts has one commit id, however
    /// often it is tried.
    fn plan<'p>(&'p self, seen: &'p Seen) -> Result<Step<'p>, S3Error>;

    /// What a client is told whose condition does not hold of what is there.
    fn refused(&self, head: Option<&ObjectRecord>) -> S3Error;

    /// Looks anew.
    async fn look(&self, context: &Context, seen: Seen) -> Result<Seen, S3Error> {
        let metadata = &context.ports.metadata;
        let found = metadata.lookup(&seen.bucket.name, self.key()).await?;
        let head = Head::Read(found.object.filter(|row| row.bucket == seen.bucket.id));
        // It may keep versions by now.
        let bucket = found.bucket.filter(|bucket| bucket.id == seen.bucket.id);
        Ok(Seen {
            bucket: bucket.unwrap_or(seen.bucket),
            head,
            source: seen.source,
            by_policy: seen.by_policy,
            rules: seen.rules,
        })
    }
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// It is as the plan wants it.
    Done(Made),
    /// The upload that it was to close has this receipt.
    Closed(Receipt),
}

impl Changed {
    /// The version that was written, in a bucket that keeps versions.
    pub(super) fn version(&self) -> Option<VersionName> {
        match self {
            Self::Done(made) => made.version(),
            Self::Closed(_) => None,
        }
    }
}

/// What came of a change in a bucket that keeps versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    /// What was written, as it became a version.
    pub(super) written: Option<ObjectRecord>,
}

impl Made {
    /// The version that was written.
    pub(super) fn version(&self) -> Option<VersionName> {
        self.written.as_ref().map(ObjectRecord::version_name)
    }
}

/// Why an edit was not made.
#[derive(Debug)]
pub(super) enum EditFailure {
    /// It was not and never will be: bytes that were written for it can go.
    NotApplied(S3Error),
    /// It may be, now or later: its bytes must stay for gc to judge.
    Unknown(S3Error),
}

impl EditFailure {
    /// Frees blobs that were written for the edit, if it certainly was not made.
    pub(super) async fn freeing(
        self,
        context: &Context,
        fresh: impl IntoIterator<Item = BlobRef, IntoIter: Send>,
    ) -> S3Error {
        match self {
            Self::Unknown(error) => error,
            Self::NotApplied(error) => {
                for blob in fresh {
                    free_blob(context, blob).await;
                }
                error
            }
        }
    }
}

impl From<EditFailure> for S3Error {
    fn from(failure: EditFailure) -> Self {
        match failure {
            EditFailure::NotApplied(error) | EditFailure::Unknown(error) => error,
        }
    }
}

impl From<S3Error> for EditFailure {
    fn from(error: S3Error) -> Self {
        Self::NotApplied(error)
    }
}

/// Changes what is under a key as `plan` decides, and frees what that displaces. `seen` is what the request has read already.
pub(super) async fn change(context: &Context, seen: Seen, plan: &dyn Plan) -> Result<Changed, EditFailure> {
    let mut seen = seen;
    let mut is_stale = false;
    // What was retired for the sake of an earlier attempt.
    let mut retired = Vec::new();
    let mut told = Told::of(plan.asked());
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause(context, attempt).await;
        }
        // After the pause: what was seen before it has changed again by then.
        if is_stale {
            seen = plan.look(context, seen).await?;
        }
        if matches!(plan.plan(&seen)?, Step::Look) {
            seen = plan.look(context, seen).await?;
        }
        let change = match plan.plan(&seen)? {
            Step::Change(change) => change,
            Step::Done => return Ok(Changed::Done(Made::default())),
            Step::Look => {
                return Err(not_applied(StoreError::internal(
                    "what was looked at was not seen",
                )));
            }
        };
        let is_final = change.expect.is_the_clients();
        match apply(context, &seen, plan.key(), &change, (&retired, &mut told)).await? {
            EditOutcome::Applied { .. } => return Ok(Changed::Done(Made::default())),
            EditOutcome::AppliedToVersions(changed) => {
                let written = changed.written;
                return Ok(Changed::Done(Made { written }));
            }
            EditOutcome::Closed(receipt) => return Ok(Changed::Closed(receipt)),
            EditOutcome::NoSuchBucket => return Err(no_such_bucket(&seen.bucket.name).into()),
            EditOutcome::Refused { head } if is_final => return Err(plan.refused(head.as_deref()).into()),
            EditOutcome::Refused { .. } | EditOutcome::Kept { .. } | EditOutcome::SourceChanged => {
                is_stale = true
            }
            EditOutcome::Unretired { rows } => {
                retire_all(context, &rows, &mut retired).await?;
                is_stale = false;
            }
            EditOutcome::Shared { head } => {
                seen.head = Head::Read(Some(*head));
                is_stale = false;
            }
        }
    }
    Err(S3Error::from(ErrorCode::SlowDown).into())
}

/// Tries what says nothing when something that it had read has changed meanwhile, until it says something.
pub(super) async fn until_undisturbed<T, F>(context: &Context, attempt: impl Fn() -> F) -> Result<T, S3Error>
where
    F: Future<Output = Result<Option<T>, S3Error>>,
{
    let answer = unless_disturbed(context, attempt).await?;
    answer.ok_or_else(|| ErrorCode::SlowDown.into())
}

/// The same; `None` where each attempt was disturbed.
pub(super) async fn unless_disturbed<T, F>(
    context: &Context,
    attempt: impl Fn() -> F,
) -> Result<Option<T>, S3Error>
where
    F: Future<Output = Result<Option<T>, S3Error>>,
{
    for number in 0..ATTEMPTS {
        if number > 0 {
            pause(context, number).await;
        }
        if let Some(answer) = attempt().await? {
            return Ok(Some(answer));
        }
    }
    Ok(None)
}

/// Puts `record` over the row that was read, once. Returns whether that row was still there.
pub(super) async fn replace(
    context: &Context,
    bucket: &Bucket,
    read: ObjectRecord,
    record: &ObjectRecord,
    asked: Option<Asked<'_>>,
) -> Result<bool, EditFailure> {
    let seen = Seen::new(bucket.clone(), Head::Read(Some(read)));
    let change = Change::put(Cow::Borrowed(record), Expected::Seen);
    change_once(context, &seen, record, &change, asked).await
}

/// Puts `record`, which has all bytes of what was seen and more, in its place, or in the place of nothing, once. Returns
/// whether that was still so.
pub(super) async fn extend(
    context: &Context,
    seen: &Seen,
    record: &ObjectRecord,
    asked: Asked<'_>,
) -> Result<bool, EditFailure> {
    let change = Change::rewrite(Cow::Borrowed(record));
    change_once(context, seen, record, &change, Some(asked)).await
}

async fn change_once(
    context: &Context,
    seen: &Seen,
    record: &ObjectRecord,
    change: &Change<'_>,
    asked: Option<Asked<'_>>,
) -> Result<bool, EditFailure> {
    match apply(context, seen, &record.key, change, (&[], &mut Told::of(asked))).await? {
        EditOutcome::Applied { .. } | EditOutcome::AppliedToVersions(_) => Ok(true),
        EditOutcome::NoSuchBucket => Err(no_such_bucket(&seen.bucket.name).into()),
        _ => Ok(false),
    }
}

/// Puts `record` on top of the row that was read, in a bucket that keeps versions, once: a version more, which replaces
/// none in a suspended bucket either. Returns whether that row was still there.
pub(super) async fn add_version(
    context: &Context,
    bucket: &Bucket,
    read: ObjectRecord,
    record: &ObjectRecord,
) -> Result<bool, EditFailure> {
    let seen = Seen::new(bucket.clone(), Head::Read(Some(read)));
    let change = Change {
        becomes: Becomes::Addition,
        ..Change::put(Cow::Borrowed(record), Expected::Seen)
    };
    change_once(context, &seen, record, &change, None).await
}

/// Marks an object as shared, before another record names its blobs, if its row is still the one that was read. Returns
/// whether it is shared now.
pub(super) async fn share(
    metadata: &dyn MetadataStore,
    bucket: &Bucket,
    read: &ObjectRecord,
) -> StoreResult<bool> {
    if read.shared {
        return Ok(true);
    }
    let record = ObjectRecord {
        shared: true,
        ..read.clone()
    };
    match versions::rewrite(metadata, bucket, read, &record, &[]).await? {
        EditOutcome::Applied { .. } | EditOutcome::AppliedToVersions(_) => Ok(true),
        EditOutcome::Refused { head } => Ok(head.is_some_and(|head| head.tag() == record.tag())),
        _ => Ok(false),
    }
}

/// Retires these rows, so that they may go or move.
async fn retire_all(
    context: &Context,
    rows: &[ObjectRecord],
    retired: &mut Vec<CommitId>,
) -> Result<(), EditFailure> {
    for row in rows {
        retire(context, row).await.map_err(not_applied)?;
        retired.push(row.commit_id);
    }
    Ok(())
}

/// Makes a change, once, and tells of it.
async fn apply(
    context: &Context,
    seen: &Seen,
    key: &ObjectKey,
    change: &Change<'_>,
    (retired, told): (&[CommitId], &mut Told<'_>),
) -> Result<EditOutcome, EditFailure> {
    let row = seen.head.row();
    let keeps = seen.bucket.versioning.and_then(|state| match change.becomes {
        Becomes::Version => Some(state),
        Becomes::Addition => Some(Versioning::Enabled),
        Becomes::Same => None,
    });
    let displaced = match keeps {
        // The store says what goes, if anything does.
        Some(_) => None,
        None => retire_displaced(context, row, change)
            .await
            .map_err(not_applied)?,
    };
    retire_source(context, change).await.map_err(not_applied)?;
    let expect = match change.expect {
        Expected::Condition(condition) => Expect::Condition {
            condition,
            retired: displaced,
        },
        Expected::Seen => Expect::Row(row.map(ObjectRecord::tag)),
    };
    let record = change.record.as_deref();
    let stays = record.filter(|_| change.becomes == Becomes::Same);
    let stays = stays.map(ObjectRecord::version_name);
    let events = told
        .of_change(context, &seen.bucket, (key, record), (stays, change.source))
        .await?;
    let edit = Edit {
        events: &events,
        source: change.source.map(Into::into),
        receipt: change.receipt,
        keeps,
        retired,
        ..match record {
            Some(record) => Edit::put(&seen.bucket, record, expect),
            None => Edit::remove(&seen.bucket, key, expect),
        }
    };
    let outcome = match context.ports.metadata.edit(&edit).await {
        Ok(outcome) => outcome,
        Err(error) if error.kind == StoreErrorKind::Timeout => {
            let mut outcome = read_back(context, &edit, error).await?;
            // It was made over exactly this row.
            if let (EditOutcome::Applied { displaced }, Expected::Seen) = (&mut outcome, change.expect) {
                *displaced = row.cloned().map(Box::new);
            }
            outcome
        }
        Err(error) => return Err(not_applied(error)),
    };
    if matches!(
        outcome,
        EditOutcome::Applied { .. } | EditOutcome::AppliedToVersions(_)
    ) {
        context.destinations.written(&events);
    }
    if let EditOutcome::Applied { displaced } = &outcome
        && change.becomes != Becomes::Same
    {
        free_superseded(
            context,
            displaced.as_deref(),
            record.map(|record| &record.manifest),
        )
        .await;
    }
    versions::free_gone(context, &outcome).await;
    Ok(outcome)
}

fn not_applied(error: StoreError) -> EditFailure {
    EditFailure::NotApplied(error.into())
}

/// What became of an edit of which the store does not say whether it was made. A removal stays unknown even where the key is
/// absent by now: one that is still on its way would delete what somebody writes after the acknowledgement.
async fn read_back(
    context: &Context,
    edit: &Edit<'_>,
    error: StoreError,
) -> Result<EditOutcome, EditFailure> {
    let found = match (edit.receipt, edit.committed()) {
        (Some(receipt), _) => {
            let now = context.ports.clock.now();
            let metadata = &context.ports.metadata;
            let found = metadata
                .receipt(edit.bucket, edit.key(), receipt.upload, now)
                .await;
            found.map(|found| found.map(EditOutcome::Closed))
        }
        (None, Some(record)) if edit.keeps.is_some() => versions::find_written(context, edit, record).await,
        (None, Some(record)) => is_current(context, edit.bucket, record)
            .await
            .map(|current| current.then_some(EditOutcome::Applied { displaced: None })),
        (None, None) => Ok(None),
    };
    match found {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) => Err(EditFailure::Unknown(error.into())),
        Err(unreadable) => {
            tracing::warn!(error = %unreadable, "the outcome of a commit could not be read back");
            Err(EditFailure::Unknown(error.into()))
        }
    }
}

/// Whether readers see `record` now and go on seeing it. The bucket is read after the record: a deletion that is under way
/// may have missed a record that came late, and one that begins later cannot.
async fn is_current(context: &Context, bucket: &Bucket, record: &ObjectRecord) -> StoreResult<bool> {
    let metadata = &context.ports.metadata;
    let found = metadata.lookup(&bucket.name, &record.key).await?.object;
    if found.is_none_or(|object| object.commit_id != record.commit_id) {
        return Ok(false);
    }
    let found = metadata.bucket(&bucket.name).await?;
    Ok(found.is_some_and(|found| found.id == bucket.id && found.state == BucketState::Active))
}

/// Waits before an attempt that is not the first.
pub(super) async fn pause(context: &Context, attempt: u32) {
    back_off(
        context.ports.clock.as_ref(),
        context.ports.entropy.as_ref(),
        attempt,
    )
    .await;
}
