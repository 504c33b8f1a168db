//! Plain data: what BleepStore keeps and answers, with no behaviour that needs the outside.

mod acl;
mod bucket;
mod checksum;
mod condition;
mod credential;
mod description;
mod error;
mod etag;
mod format;
mod hex;
mod ids;
mod manifest;
mod names;
mod object;
mod owner;
mod time;
mod upload;

pub use acl::{Acl, CannedAcl, Grant, Grantee, Group, Permission, RequestedAcl};
pub use bucket::{Bucket, BucketState, Revision, bucket_arn};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
pub use condition::WriteCondition;
pub use credential::{Credential, RootCredential, SigV2};
pub use description::{Description, ObjectHeaders};
pub use error::{ErrorCode, S3Error};
pub use etag::ETag;
pub use format::{BucketLayout, Format, InvalidRelease, LaterFormat, Release};
pub use hex::hex;
pub use ids::{BlobId, BucketId, CommitId, InvalidId, StoreId, Token, UploadId};
pub use manifest::{BlobRef, Extent, Layout, Manifest, PagedLayout, PartBoundary, SpilledLayout};
pub use names::{BucketName, ObjectKey, PartNumber};
pub use object::{ObjectKind, ObjectRecord, ObjectSummary, OwnerlessDescription, RowTag};
pub use owner::Owner;
pub use time::Timestamp;
pub use upload::{Part, Receipt, ReceiptOutcome, RetiredManifest, Upload, UploadState};
