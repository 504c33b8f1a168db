//! Objects as the metadata store keeps them.

use serde::{Deserialize, Serialize};

use super::{
    BucketId, Checksum, ChecksumKind, CommitId, Description, ETag, Manifest, ObjectKey, Owner, Timestamp,
};

/// What the client said about an object, given back with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectHeaders {
    /// `Content-Type`; S3 answers `binary/octet-stream` where the client sent none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Expires`, as it was sent: S3 does not parse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-meta-*`: names in lower case without the prefix, values decoded (RFC 2047) to UTF-8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_metadata: Vec<(String, String)>,
    /// `x-amz-storage-class` where it was not `STANDARD`. Kept and returned, not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Whether the client asked for `x-amz-server-side-encryption: AES256`. Echoed, not acted on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sse_s3: bool,
}

/// What a row under a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectKind {
    /// An object.
    Object,
    /// The mark that a versioned bucket leaves in place of a deleted object. Listings and conditions
    /// treat it as absent.
    DeleteMarker,
}

/// An object as one commit wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectRecord {
    /// The creation of the bucket that it belongs to. A row of another creation counts as absent.
    pub bucket: BucketId,
    /// Its key.
    pub key: ObjectKey,
    /// The write that made this record.
    pub commit_id: CommitId,
    /// Object or delete marker.
    pub kind: ObjectKind,
    /// Its entity tag.
    pub etag: ETag,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Timestamp,
    /// What is said of it.
    #[serde(flatten)]
    pub description: Description,
    /// The checksum that the client sent or asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// Whether another record may name the same blobs, so that only gc may free them.
    pub shared: bool,
    /// Where its bytes are.
    pub manifest: Manifest,
}

/// What a row under a key is known by. Another commit makes another row; and a row changes once without one, when it becomes
/// shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowTag {
    /// The write that made the row.
    pub commit_id: CommitId,
    /// Whether it is shared.
    pub shared: bool,
}

impl ObjectRecord {
    /// What the record's row is known by.
    pub const fn tag(&self) -> RowTag {
        RowTag {
            commit_id: self.commit_id,
            shared: self.shared,
        }
    }

    /// Whether clients see the checksum of each part that the object was uploaded in. S3 shows them where the object's own is
    /// made of them.
    pub fn shows_checksums_of_parts(&self) -> bool {
        let checksum = self.checksum.as_ref();
        checksum.is_some_and(|checksum| checksum.kind == ChecksumKind::Composite)
    }

    /// What a listing shows of this record.
    pub fn summary(&self) -> ObjectSummary {
        ObjectSummary {
            key: self.key.clone(),
            etag: self.etag.clone(),
            size: self.size,
            last_modified: self.last_modified,
            owner: self.description.owner.clone(),
            storage_class: self.description.headers.storage_class.clone(),
            checksum: self
                .checksum
                .as_ref()
                .map(|checksum| (checksum.algorithm, checksum.kind)),
        }
    }
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Its key.
    pub key: ObjectKey,
    /// Its entity tag.
    pub etag: ETag,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Timestamp,
    /// Who wrote it.
    pub owner: Owner,
    /// Its storage class where that is not `STANDARD`.
    pub storage_class: Option<String>,
    /// Which checksum is stored with it.
    pub checksum: Option<(super::ChecksumAlgorithm, super::ChecksumKind)>,
}
