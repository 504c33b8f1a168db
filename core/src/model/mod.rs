//! Plain data: what BleepStore keeps and answers, with no behaviour that needs the outside.

mod acl;
mod bucket;
mod checksum;
mod condition;
mod cors;
mod credential;
mod description;
mod document;
mod error;
mod etag;
mod event;
mod format;
mod hex;
mod ids;
mod manifest;
mod names;
mod notification;
mod object;
mod operation;
mod owner;
mod ownership;
mod session_key;
mod tags;
mod time;
mod upload;
mod version;
mod web_identity;
mod website;

pub use acl::{Acl, CannedAcl, Grant, Grantee, Group, Permission, RequestedAcl};
pub use bucket::{Bucket, BucketState, Revision, bucket_arn};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
pub use condition::WriteCondition;
pub use cors::{CorsConfiguration, CorsMethod, CorsRequest, CorsRule};
pub(crate) use credential::CredentialRow;
pub use credential::{Credential, CredentialUser, RootCredential, SigV2};
pub use description::{Description, ObjectHeaders};
pub use document::{BucketDocuments, DocumentKind, StoredDocument};
pub use error::{ErrorCode, S3Error};
pub use etag::ETag;
pub use event::{EventFacts, EventMark, EventPlace, EventQueue, EventRow, host_id};
pub use format::{BucketLayout, Format, InvalidRelease, LaterFormat, Release};
pub use hex::hex;
pub use ids::{BlobId, BucketId, CommitId, EventId, InvalidId, StoreId, Token, UploadId};
pub use manifest::{BlobRef, Extent, Layout, Manifest, PagedLayout, PartBoundary, SpilledLayout};
pub use names::{BucketName, ObjectKey, PartNumber};
pub use notification::{
    DestinationArn, DestinationForm, DestinationName, EventName, GivenNotification, GivenRule,
    InvalidDestinationName, NotificationConfiguration, NotificationRule, no_destinations,
};
pub use object::{ObjectKind, ObjectRecord, ObjectSummary, OwnerlessDescription, RowTag};
pub use operation::{IamAction, Need, Operation, RequestBody, Signature, Subject, When};
pub use owner::{AccountId, Owner, is_iam_name_byte};
pub use ownership::{NewBuckets, ObjectOwnership, PublicAccessBlock};
pub use session_key::SessionKey;
pub use tags::{Tagged, Tags};
pub use time::Timestamp;
pub use upload::{Part, Receipt, ReceiptOutcome, RetiredManifest, Upload, UploadState};
pub use version::{Sequence, Version, VersionId, VersionName, Versioning};
pub use web_identity::{TrustedIssuer, WebIdentity};
pub use website::{
    NewKey, OtherHost, Pages, Redirection, RoutingCondition, RoutingRedirect, RoutingRule, WebProtocol,
    WebsiteConfiguration, WebsiteParts,
};
