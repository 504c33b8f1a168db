//! The store of records.
//!
//! Reads are strongly consistent: they see every change that was acknowledged before they began.
//! A change is atomic and durable when its method returns `Ok`. After `Err` of kind `Timeout` the change may
//! have been applied, or may yet be; after every other error it was not and never will be.
//!
//! A row that carries the id of another creation of its bucket counts as absent everywhere, and a commit
//! writes over it. That holds for a caller whose `bucket` is of an earlier creation too: it sees no rows of
//! the later one and changes none.
//!
//! What carries a time `expires` counts as absent when `expires < now`.
//!
//! A scan takes a limit of 1 or more, and reads at most that many rows of its range. Those that show nothing count: delete
//! markers, rows of another creation of the bucket, what has ended or expired, buckets of other owners. So it may answer
//! fewer items, down to none, with a `next` after the last row that it read: an empty page is no end. However many rows
//! show nothing, one scan takes no longer than any other, and whoever needs more of them than one page decides how long to
//! go on. A store may end a page earlier, but not before it has read a row.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::edit::{Edit, EditOutcome};
use super::event_index::EventIndex;
use super::ranges::{BucketRange, KeyRange, KeyStart, Page, UploadRange, UploadStart, VersionRange};
use super::{StoreError, StoreErrorKind, StoreResult};
use crate::model::{
    BlobRef, Bucket, BucketId, BucketName, CommitId, Credential, Format, LaterFormat, Manifest, ObjectKey,
    ObjectKind, ObjectRecord, ObjectSummary, Part, PartNumber, Receipt, Release, RetiredManifest, Revision,
    SessionKey, StoreId, Timestamp, Token, Upload, UploadId, VersionName,
};

/// All of the metadata port.
pub trait MetadataStore:
    BucketIndex + ObjectIndex + VersionIndex + UploadIndex + EventIndex + CredentialIndex + StoreIndex
{
    /// The longest body, in bytes, that this store takes inside a record ([`Manifest::Inline`]). An empty
    /// body always fits.
    fn inline_limit(&self) -> u64;

    /// How many extents and parts together a record may list before its layout must spill to a blob.
    fn layout_limit(&self) -> usize;
}

/// Refuses a manifest that the limits of `store` tell callers to keep out of its rows.
pub fn check_limits(store: &dyn MetadataStore, manifest: &Manifest) -> StoreResult<()> {
    let fits = match manifest {
        Manifest::Inline(body) => body.is_empty() || body.len() as u64 <= store.inline_limit(),
        Manifest::Extents(layout) => layout.extents.len() + layout.parts.len() <= store.layout_limit(),
        Manifest::Spilled(_) | Manifest::Paged(_) => true,
    };
    if fits {
        Ok(())
    } else {
        Err(StoreError::internal("the manifest is larger than a row takes"))
    }
}

/// [`check_limits`] for the record that an edit commits. A row that is only marked keeps what it has.
pub fn check_edit(store: &dyn MetadataStore, edit: &Edit<'_>) -> StoreResult<()> {
    match edit.committed() {
        Some(record) => check_limits(store, &record.manifest),
        None => Ok(()),
    }
}

/// The answer to [`BucketIndex::create_bucket`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateBucketOutcome {
    /// It was created.
    Created,
    /// The name is taken, by this bucket.
    Exists(Bucket),
}

/// The answer to [`BucketIndex::delete_bucket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteBucketOutcome {
    /// It is gone, with its open uploads.
    Deleted,
    /// It holds objects.
    NotEmpty,
    /// There is no such bucket, or another creation of it.
    NoSuchBucket,
}

/// Buckets. Every bucket in the store has its own name.
#[async_trait]
pub trait BucketIndex: Send + Sync {
    /// Creates a bucket unless its name is taken. Of racing creations exactly one is `Created`.
    async fn create_bucket(&self, bucket: &Bucket) -> StoreResult<CreateBucketOutcome>;

    /// The bucket of that name.
    async fn bucket(&self, name: &BucketName) -> StoreResult<Option<Bucket>>;

    /// Buckets in `range`, in ascending order of their names, at most `limit` (1 or more). `next` is the name to go on
    /// after.
    async fn scan_buckets(&self, range: BucketRange<'_>, limit: usize) -> StoreResult<Page<Bucket, String>>;

    /// Replaces the row of this creation of the bucket if its revision is still `expected`. `bucket`
    /// carries the new revision. Returns whether it was replaced.
    async fn update_bucket(&self, bucket: &Bucket, expected: Revision) -> StoreResult<bool>;

    /// Deletes this creation of the bucket if no object is in it. Open uploads do not keep it. No commit
    /// that was acknowledged for it is ever lost: a commit that races with the deletion either makes
    /// this `NotEmpty` or answers `NoSuchBucket` itself. `token` marks this attempt.
    async fn delete_bucket(
        &self,
        name: &BucketName,
        id: BucketId,
        token: Token,
    ) -> StoreResult<DeleteBucketOutcome>;
}

/// What [`ObjectIndex::lookup`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectLookup {
    /// The bucket of that name.
    pub bucket: Option<Bucket>,
    /// The record under the key in that creation of the bucket, its inline body included.
    pub object: Option<ObjectRecord>,
}

/// Objects. Under one key of one creation of a bucket at most one record is current; the others are its versions. A key
/// that has versions has a current one.
#[async_trait]
pub trait ObjectIndex: Send + Sync {
    /// The bucket of that name and the record under `key` in it, in one round trip.
    async fn lookup(&self, bucket: &BucketName, key: &ObjectKey) -> StoreResult<ObjectLookup>;

    /// Makes one change under a key, if what it expects is so at that moment. Its parts and its checks are one step: of 64
    /// racing edits that expect nothing under a key exactly one is `Applied`.
    ///
    /// Order of the checks: the receipt, the bucket, the source, what is expected, whether what is displaced must be
    /// kept as a version, whether a shared row was retired. A receipt counts for as long as its row is there. The bucket
    /// is asked for by what [commits a record](Edit::committed) only: one that is gone has no objects to remove.
    ///
    /// A record that is put carries a commit id of its own, unless it is the one that it replaces, become shared. The caller
    /// has retired the manifest of an edit's source, since a scan of all objects may meet neither of the two keys.
    async fn edit(&self, edit: &Edit<'_>) -> StoreResult<EditOutcome>;

    /// Objects of `bucket` in `range`, in strictly ascending byte order of their keys, at most `limit` (1
    /// or more). Delete markers are left out. An object that exists throughout a scan of several pages is
    /// in exactly one; where the range has a delimiter, that or one before it with the same common prefix. A store that
    /// reads less where it need not read whole records has a way of its own.
    async fn scan_objects(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectSummary, KeyStart>> {
        let found = self.scan_records(bucket, range, limit).await?;
        Ok(found.showing(|record| (record.kind == ObjectKind::Object).then(|| record.summary())))
    }

    /// The records of all rows of `bucket` in `range` that are current, delete markers too, otherwise as
    /// [`Self::scan_objects`] has it. An inline body is left out (an empty [`Manifest::Inline`]) or included, as the
    /// store likes.
    async fn scan_records(
        &self,
        bucket: &Bucket,
        range: &KeyRange,
        limit: usize,
    ) -> StoreResult<Page<ObjectRecord, KeyStart>>;
}

/// Versions of objects, of which a key has one that is current and any number that are not.
#[async_trait]
pub trait VersionIndex: Send + Sync {
    /// The bucket of that name and the version of that name under `key` in it, current or not, whole. One that is there
    /// all the time is found, also while it becomes current or ceases to be.
    async fn lookup_version(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        version: VersionName,
    ) -> StoreResult<ObjectLookup>;

    /// What is under a key, as at one moment: the row that is current, and of the versions that are not those of the
    /// range. Inline bodies as in [`ObjectIndex::scan_records`].
    async fn key_versions(&self, range: VersionRange<'_>) -> StoreResult<KeyVersions>;

    /// The same without the row that is current, and whether there may be more. Who has read that row before knows by the
    /// newest of these, which it names, that no version moved meanwhile.
    async fn versions_below(&self, range: VersionRange<'_>) -> StoreResult<(Vec<ObjectRecord>, bool)>;

    /// The versions of `bucket` that are not current, in an order that never changes, at most `limit` (1 or more).
    /// `next` is the `after` of the next page. Inline bodies as in [`ObjectIndex::scan_records`].
    async fn scan_versions(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<VersionPage>;
}

/// A page of the versions of a bucket.
pub type VersionPage = Page<ObjectRecord, String>;

/// What [`VersionIndex::key_versions`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyVersions {
    /// The row that is current.
    pub head: Option<ObjectRecord>,
    /// Versions that are not, newest first.
    pub versions: Vec<ObjectRecord>,
    /// Whether there may be older ones.
    pub more: bool,
}

/// What [`UploadIndex::lookup_upload`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadLookup {
    /// The bucket of that name.
    pub bucket: Option<Bucket>,
    /// The upload of that id in that creation of the bucket, in whatever state its row is.
    pub upload: Option<Upload>,
}

/// The answer to [`UploadIndex::record_part`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordPartOutcome {
    /// The part will be seen by a Complete that begins after this.
    Recorded,
    /// The upload is not open. The part is not kept, but a Complete that was under way may have seen it: its
    /// blob is left to gc.
    NoSuchUpload,
}

/// The answer to [`UploadIndex::begin_complete`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginComplete {
    /// The upload is `Completing` with the given token; no part is recorded any more.
    Began(Box<Upload>),
    /// The upload has ended: its receipt says how.
    Closed(Receipt),
    /// There is no such upload, and no receipt of one.
    NoSuchUpload,
}

/// The answer to [`UploadIndex::abort`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AbortOutcome {
    /// The upload is closed. Its parts are left to gc.
    Aborted,
    /// It had ended before: its receipt says how.
    Closed(Receipt),
    /// There is no such upload, and no receipt of one.
    NoSuchUpload,
}

/// Multipart uploads, their receipts, and retired manifests.
///
/// The receipt decides how an upload ended: it is created once, and readers consult it before the state in
/// the upload's row, which may be gone or behind. An [`Edit`] that closes an upload writes one, and `abort` does.
/// Both take no time: to them a receipt counts for as long as its row is there. An upload of a deleted bucket takes
/// parts or not, as the store likes; it is never published.
#[async_trait]
pub trait UploadIndex: Send + Sync {
    /// Creates the row of an upload (its state is `Open`). Returns false when the bucket is gone, or is
    /// another creation by now.
    async fn begin_upload(&self, upload: &Upload) -> StoreResult<bool>;

    /// The bucket of that name and the upload of that id in it, in one round trip.
    async fn lookup_upload(&self, bucket: &BucketName, upload: UploadId) -> StoreResult<UploadLookup>;

    /// Writes a part over any earlier one of its number. The blob of the replaced part is left to gc.
    async fn record_part(&self, upload: &Upload, part: &Part) -> StoreResult<RecordPartOutcome>;

    /// Moves an open upload to `Completing(token)`, or takes over one that is `Completing`.
    async fn begin_complete(
        &self,
        upload: &Upload,
        token: Token,
        now: Timestamp,
    ) -> StoreResult<BeginComplete>;

    /// Moves `Completing(token)` back to `Open`; does nothing when another token is in the row.
    async fn reopen(&self, upload: &Upload, token: Token) -> StoreResult<()>;

    /// Writes the receipt of an abort unless the upload has one, in whatever state the upload is. The
    /// upload is then no longer scanned.
    async fn abort(&self, upload: &Upload, receipt: &Receipt) -> StoreResult<AbortOutcome>;

    /// The receipt of an upload of `key` in `bucket`, unless it has expired at `now`.
    async fn receipt(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        upload: UploadId,
        now: Timestamp,
    ) -> StoreResult<Option<Receipt>>;

    /// Parts of an upload with numbers greater than `after`, in ascending order, at most `limit` (1 or more).
    async fn scan_parts(
        &self,
        upload: &Upload,
        after: Option<PartNumber>,
        limit: usize,
    ) -> StoreResult<Page<Part, PartNumber>>;

    /// Uploads of `bucket` in `range` that have not ended, ordered by key and id, at most `limit` (1 or
    /// more).
    async fn scan_uploads(
        &self,
        bucket: &Bucket,
        range: &UploadRange,
        limit: usize,
    ) -> StoreResult<Page<Upload, UploadStart>>;

    /// Keeps a manifest as a root of gc until it expires. Durable when this returns. Retiring the same
    /// commit again leaves one row, which lasts until the later of the two times.
    async fn retire(&self, retired: &RetiredManifest) -> StoreResult<()>;

    /// Retired manifests that have not expired at `now`, with commit ids greater than `after`, in ascending
    /// order, at most `limit` (1 or more).
    async fn scan_retired(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>>;
}

/// Credentials other than the root's.
#[async_trait]
pub trait CredentialIndex: Send + Sync {
    /// The credential with that access key.
    async fn credential(&self, access_key: &str) -> StoreResult<Option<Credential>>;

    /// Creates a credential unless its access key is taken. Returns whether it was created.
    async fn create_credential(&self, credential: &Credential) -> StoreResult<bool>;

    /// Puts a credential in the place of the one with its access key, in one step: whoever reads finds the one or the
    /// other. Returns whether there was one; where there was none, there is none afterwards.
    async fn replace_credential(&self, credential: &Credential) -> StoreResult<bool>;

    /// Removes a credential. Returns whether it was there.
    async fn revoke_credential(&self, access_key: &str) -> StoreResult<bool>;

    /// Credentials with access keys greater than `after`, in ascending order, at most `limit` (1 or more).
    async fn scan_credentials(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<Credential, String>>;
}

/// What the metadata store says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreRecord {
    /// The store. The blob store's owner record must name the same.
    pub store: StoreId,
    /// Counts the imports. The blob store's owner record must name the same.
    pub epoch: u64,
    /// False while an import is under way: nothing is freed then.
    pub active: bool,
    /// Where the last slice of gc stopped; `None` at the start of a round.
    pub gc_cursor: Option<BlobRef>,
    /// The format of what the store holds.
    #[serde(default, skip_serializing_if = "Format::is_first")]
    pub format: Format,
    /// The program that raised the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_by: Option<Release>,
    /// Whether this is no record but a fence in its place: the record is at [`RecordPlace::Moved`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// What the tokens of sessions are sealed with; `None` before the first one. No export has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<SessionKey>,
}

impl StoreRecord {
    /// The record of a new store.
    pub const fn new(store: StoreId) -> Self {
        Self {
            store,
            epoch: 1,
            active: true,
            gc_cursor: None,
            format: Format::FIRST,
            written_by: None,
            moved: false,
            session_key: None,
        }
    }

    /// What stands at [`RecordPlace::First`] once the record has moved. To a program of release 0.1 it is the record of a
    /// store that is no other's, into which an import is not finished: it frees nothing, and finishes no import of its own.
    pub const fn fence() -> Self {
        Self {
            epoch: 0,
            active: false,
            moved: true,
            ..Self::new(StoreId::from_bytes([0; 16]))
        }
    }

    /// Where a record of this format belongs.
    pub fn place(&self) -> RecordPlace {
        if self.format >= Format::FENCED && !self.moved {
            RecordPlace::Moved
        } else {
            RecordPlace::First
        }
    }
}

/// Where the store's record of itself may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPlace {
    /// Where release 0.1 keeps it. A fence stands there once it has moved.
    First,
    /// Where no program of release 0.1 looks.
    Moved,
}

/// The store's record of itself, and the removal of what has expired.
#[async_trait]
pub trait StoreIndex: Send + Sync {
    /// What is at that place; `None` where there is nothing.
    async fn record_at(&self, place: RecordPlace) -> StoreResult<Option<StoreRecord>>;

    /// Replaces what is at that place if it still is `expected`. Returns whether it was replaced.
    async fn swap_record_at(
        &self,
        place: RecordPlace,
        expected: Option<&StoreRecord>,
        record: &StoreRecord,
    ) -> StoreResult<bool>;

    /// The store's record, wherever it is; `None` in a new store. One of a format that this program does not know is an
    /// error of kind `TooNew`.
    async fn store_record(&self) -> StoreResult<Option<StoreRecord>> {
        let mut found = self.record_at(RecordPlace::First).await?;
        if found.is_some_and(|record| record.moved) {
            found = self.record_at(RecordPlace::Moved).await?;
            if found.is_none() {
                return Err(StoreError::corrupt(
                    "the store's record has moved, and is not there",
                ));
            }
        }
        if let Some(record) = found {
            let Format(format) = record.format;
            LaterFormat::refuse("the store", format, Format::LATEST.0, record.written_by)
                .map_err(|later| StoreError::new(StoreErrorKind::TooNew, later))?;
        }
        Ok(found)
    }

    /// Replaces the store's record if it still is `expected`. Returns whether it was replaced. The format is that of
    /// `expected`, or a later one where both are beyond the fence.
    async fn swap_store_record(
        &self,
        expected: Option<&StoreRecord>,
        record: &StoreRecord,
    ) -> StoreResult<bool> {
        self.swap_record_at(record.place(), expected, record).await
    }

    /// Removes up to `limit` receipts, retired manifests and marks of events that have expired at `now`, where the store
    /// does not do so by itself. Returns how many went.
    async fn purge_expired(&self, now: Timestamp, limit: usize) -> StoreResult<usize>;
}
