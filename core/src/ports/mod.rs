//! The traits that a deployment implements. Domain types only; every method's documentation says what
//! an observer can rely on, and the conformance suites in `tests/` check it.

use std::sync::Arc;

mod blob;
mod bucket_deletion;
mod clock;
mod error;
mod metadata;
mod replacement;

pub use blob::{
    BlobEntry, BlobPage, BlobRead, BlobStore, BlobStream, BodyStream, DeleteOutcome, OwnerRecord, WriteError,
};
pub use bucket_deletion::{BucketRows, confirm_commit, delete_in_steps};
pub use clock::{Clock, Entropy, back_off, new_id, new_upload_id};
pub use error::{StoreError, StoreErrorKind, StoreResult, was_refused};
pub use metadata::{
    AbortOutcome, BeginComplete, BucketIndex, CommitOutcome, CreateBucketOutcome, CredentialIndex,
    DeleteBucketOutcome, KeyRange, KeyStart, ManifestEntry, MetadataStore, ObjectIndex, ObjectLookup, Page,
    PublishOutcome, RecordPartOutcome, RemoveOutcome, StoreIndex, StoreRecord, UploadIndex, UploadLookup,
    UploadRange, UploadStart, successor,
};
pub use replacement::{Refusal, check_replacement};

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
