//! The traits that a deployment implements. Domain types only; every method's documentation says what
//! an observer can rely on, and the conformance suites in `tests/` check it.

use std::sync::Arc;

mod around;
mod blob;
mod clock;
mod edit;
mod error;
mod event_index;
mod event_sink;
mod metadata;
mod ranges;
mod round_trips;
mod web_identity;

pub use around::{Around, AroundBlobs, AroundMetadata};
pub use blob::{
    BlobEntry, BlobPage, BlobRead, BlobStore, BlobStream, BodyStream, DeleteOutcome, OwnerRecord, WriteError,
    exactly,
};
pub use clock::{Clock, Entropy, back_off, new_id, new_upload_id};
pub use edit::{ChangedVersions, Edit, EditOutcome, Expect, HeadEdit, SourceRow};
pub use error::{StoreError, StoreErrorKind, StoreResult, was_refused};
pub use event_index::EventIndex;
pub use event_sink::{Delivery, EventSink, SinkError, SinkErrorKind};
pub use metadata::{
    AbortOutcome, BeginComplete, BucketIndex, CreateBucketOutcome, CredentialIndex, DeleteBucketOutcome,
    KeyVersions, MetadataStore, ObjectIndex, ObjectLookup, RecordPartOutcome, RecordPlace, StoreIndex,
    StoreRecord, UploadIndex, UploadLookup, VersionIndex, VersionPage, check_edit, check_limits,
};
pub use ranges::{
    BucketRange, KeyRange, KeyStart, Page, UploadRange, UploadStart, VersionRange, common_prefix, successor,
};
pub use round_trips::{RoundTripCounter, RoundTrips};
pub use web_identity::{IdentityTokens, TokenRefusal};

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
