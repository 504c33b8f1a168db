//! S3's semantics: what each operation does to the two stores. No HTTP and no XML here.

mod access;
mod accounts;
mod acl;
mod append;
mod attributes;
mod bucket;
mod bucket_row;
mod copy;
mod cors;
mod credentials;
mod delete;
mod document_reads;
mod documents;
mod edit;
mod events;
mod format;
mod free;
mod fsck;
mod gc;
mod get;
mod inline;
mod layout;
mod listing;
mod manifest;
mod multipart;
mod pace;
mod page_reads;
mod pairing;
mod progress;
mod put;
mod read_ahead;
mod rename;
mod rows;
mod sessions;
mod stats;
mod survey;
mod tags;
#[cfg(test)]
mod tests;
mod transfer;
mod undelete;
mod version_listing;
mod website;

pub use access::{Caller, Identity, Opened, PolicyCache, RequestFacts, Target, open_bucket, open_object};
pub(crate) use access::{DELETE_MARKER, VERSION_ID};
pub use accounts::Accounts;
pub use acl::{PutAcl, put_bucket_acl, put_object_acl};
pub use append::{AppendObject, AppendOutput, Appending, Said, append_object, open_append};
pub use attributes::{ObjectAttributes, object_attributes};
pub use bucket::{
    CreateBucket, ListBuckets, ListBucketsOutput, create_bucket, delete_bucket, list_buckets,
    put_bucket_versioning,
};
pub use copy::{Copied, CopyObject, Replacement, copy_object};
pub use cors::{BucketCors, bucket_cors};
pub use credentials::{CredentialCache, CredentialLimits, KnownCredential, new_credential, new_keys};
pub use delete::{Deleted, Deletion, delete_object, delete_objects};
pub use document_reads::{DocumentCache, bucket_document};
pub use documents::{check_ownership, check_policy, set_bucket_document};
pub use events::{
    Deliveries, DeliveryReport, Destinations, EventBacklog, EventPages, drop_events, event_backlog,
    prepare_notification, retry_events,
};
pub use format::{check_formats, is_old_copy, raise_format};
pub use fsck::{Finding, FsckOptions, FsckReport, Naming, check_slice};
pub use gc::{Collection, GcError, GcOptions, GcReport, Tally, collect_round};
pub use get::{GetObjectOutput, Selection, get_object, head_object};
pub use listing::{Listed, Listing, ListingPosition, ListingStart, list_multipart_uploads, list_objects};
pub use multipart::{
    CompleteMultipartUpload, CompletedPart, CompletedUpload, Completion, CreateMultipartUpload, ListParts,
    ListPartsOutput, UploadPartCopy, abort_multipart_upload, complete_multipart_upload,
    create_multipart_upload, list_parts, open_completion, open_upload, upload_part, upload_part_copy,
};
pub use pairing::{Pairing, pair_stores};
pub use progress::Progress;
pub(crate) use put::MAX_BODY;
pub use put::{Incoming, PutObject, PutObjectOutput, put_object};
pub use rename::{ClientToken, DecidesOnDestination, RenameObject, rename_object};
pub use sessions::{
    AssumedRole, KnownSession, MOST_TOKEN_BYTES, NewParent, NewSession, Parent, SESSION_KEY_PREFIX,
    SecretKey, Session, SessionCache, SessionFault, TemporaryCredentials, WebRole, WebRoles, begin_session,
    end_sessions, fingerprint,
};
pub use stats::{BucketStats, Stats, stats};
pub use survey::{Surveyor, survey};
pub use tags::put_object_tagging;
pub use transfer::{
    Counts, ExportStream, ExportedCredential, FORMAT, Header, ImportReport, LineSink, MAX_LINE,
    MigrateOptions, MigrateReport, Record, Trailer, TransferError, VERSION, export, import, inspect, migrate,
};
pub use undelete::{BroughtBack, UndeleteError, UndeleteOptions, UndeleteReport, Undeleted, undelete};
pub use version_listing::{ListedVersion, list_object_versions};
pub use website::bucket_website;

use std::sync::Arc;
use std::time::Duration;

use crate::config::Limits;
use crate::ports::Ports;

/// What every operation works with.
#[derive(Clone)]
pub struct Context {
    /// The stores, time and randomness.
    pub ports: Ports,
    /// Whether this metadata store may free blobs in this blob store.
    pub pairing: Pairing,
    /// Documents of buckets that were read lately.
    pub documents: Arc<DocumentCache>,
    /// Policies of buckets that were read lately.
    pub policies: Arc<PolicyCache>,
    /// Where events may go.
    pub destinations: Arc<Destinations>,
    /// The ids of accounts.
    pub accounts: Accounts,
    /// What the platform lets through.
    pub limits: Limits,
    /// When the request began, on the clock that never goes back ([`Clock::elapsed`](crate::ports::Clock::elapsed)).
    pub began: Duration,
}

impl Context {
    /// Over these ports, with nothing read yet and no limits.
    pub fn new(ports: Ports, pairing: Pairing) -> Self {
        Self {
            ports,
            pairing,
            documents: Arc::default(),
            policies: Arc::default(),
            destinations: Arc::default(),
            accounts: Accounts::default(),
            limits: Limits::default(),
            began: Duration::ZERO,
        }
    }
}
