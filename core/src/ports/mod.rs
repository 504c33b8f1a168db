//! The traits that a deployment implements. Domain types only; every method's documentation says what
//! an observer can rely on, and the conformance suites in `tests/` check it.

use std::sync::Arc;

mod around;
mod blob;
mod blob_objects;
mod bucket_deletion;
mod causes;
mod clock;
mod error;
mod failed_calls;
mod metadata;
mod named_rows;
mod ranges;
mod rename_steps;
mod replacement;
mod round_trips;
mod stored;
mod upload_rows;
mod upload_steps;

pub use around::{Around, AroundBlobs, AroundMetadata};
pub use blob::{
    BlobEntry, BlobPage, BlobRead, BlobStore, BlobStream, BodyStream, DeleteOutcome, OwnerRecord, WriteError,
};
pub use blob_objects::{
    BLOB_OBJECTS, BodyPart, OWNER_LIMIT, OWNER_OBJECT, PartSink, SentPart, blob_object, exactly, next_part,
    owner_object, parse_blob_object, parse_owner_object, send_in_parts,
};
pub use bucket_deletion::{BucketRows, confirm_commit, delete_in_steps};
pub use causes::{causes, describe};
pub use clock::{Clock, Entropy, back_off, new_id, new_upload_id};
pub use error::{StoreError, StoreErrorKind, StoreResult, was_refused};
pub use failed_calls::{FailedCall, Retries};
pub use metadata::{
    AbortOutcome, BeginComplete, BucketIndex, CommitOutcome, CreateBucketOutcome, CredentialIndex,
    DeleteBucketOutcome, MetadataStore, ObjectIndex, ObjectLookup, PublishOutcome, RecordPartOutcome,
    RecordPlace, RemoveOutcome, RenameOutcome, StoreIndex, StoreRecord, UploadIndex, UploadLookup,
    check_limits,
};
pub use named_rows::{NamedRows, scan_named};
pub use ranges::{KeyRange, KeyStart, Page, UploadRange, UploadStart, common_prefix, successor};
pub use rename_steps::{BeforeRename, RENAME_NOTED_FOR, Rename, RenameRows, SeenRow, rename_in_steps};
pub use replacement::{Refusal, check_replacement, is_unchanged};
pub use round_trips::{RoundTripCounter, RoundTrips};
pub use stored::{read_stored, unknown, unreadable};
pub use upload_rows::{BeforePublish, StoredReceipt, UploadEnd, UploadPlace, UploadRows};
pub use upload_steps::{
    Publication, abort_in_steps, behind_write, clear_uploads, closed, confirm_record, forget_upload,
    publish_in_steps, receipt_in_steps, scan_uploads_in_steps,
};

/// What a deployment plugs into the core.
#[derive(Clone)]
pub struct Ports {
    /// Where records are kept.
    pub metadata: Arc<dyn MetadataStore>,
    /// Where bytes are kept.
    pub blobs: Arc<dyn BlobStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}
