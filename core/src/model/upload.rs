//! Multipart uploads.

use serde::{Deserialize, Serialize};

use super::{
    BucketId, BucketName, Checksum, ChecksumAlgorithm, ChecksumKind, CommitId, Description, ETag, Extent,
    Manifest, ObjectKey, PartNumber, Timestamp, Token, UploadId, VersionName,
};

/// Where an upload is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UploadState {
    /// It takes parts.
    Open,
    /// Somebody is completing it. Parts are refused; whoever swaps in another token takes over.
    Completing(Token),
    /// It became an object.
    Completed,
    /// It was aborted.
    Aborted,
}

impl UploadState {
    /// Whether it is an end of that life.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Aborted)
    }
}

/// A multipart upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The name of the bucket that it was begun in.
    pub bucket_name: BucketName,
    /// The creation of that bucket.
    pub bucket: BucketId,
    /// The key that it will be published under.
    pub key: ObjectKey,
    /// When it was begun.
    pub initiated: Timestamp,
    /// What will be said of the object, which belongs to who began the upload.
    #[serde(flatten)]
    pub description: Description,
    /// The checksum that the client asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// Where it is in its life.
    pub state: UploadState,
}

/// A part of an upload as one UploadPart or UploadPartCopy wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its number.
    pub number: PartNumber,
    /// The write that made it.
    pub commit_id: CommitId,
    /// Its entity tag.
    pub etag: ETag,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Timestamp,
    /// Its checksum, where the client sent one or the upload asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// Its bytes; empty only for an empty part.
    pub extents: Vec<Extent>,
    /// Whether an object may name the same blobs, so that only gc may free them.
    pub shared: bool,
}

/// How an upload ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ReceiptOutcome {
    /// It became an object.
    Completed {
        /// The object's entity tag.
        etag: ETag,
        /// The object's checksum.
        checksum: Option<Checksum>,
        /// The write that published it.
        commit_id: CommitId,
        /// The version that it became, in a bucket that keeps versions. The store fills it in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<VersionName>,
    },
    /// It was aborted.
    Aborted,
}

impl ReceiptOutcome {
    /// The state that the upload is in since.
    pub const fn state(&self) -> UploadState {
        match self {
            Self::Completed { .. } => UploadState::Completed,
            Self::Aborted => UploadState::Aborted,
        }
    }
}

impl Receipt {
    /// Whether it is of an upload that this commit published.
    pub fn is_of(&self, commit: CommitId) -> bool {
        matches!(self.outcome, ReceiptOutcome::Completed { commit_id, .. } if commit_id == commit)
    }

    /// The same, of an upload that became this version.
    pub(crate) fn naming(&self, version: VersionName) -> Self {
        let mut named = self.clone();
        if let ReceiptOutcome::Completed { version: became, .. } = &mut named.outcome {
            *became = Some(version);
        }
        named
    }
}

/// The one record of how an upload ended. It is written once, in the same step as the object, and
/// decides every later request about the upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The upload.
    pub upload: UploadId,
    /// How it ended.
    pub outcome: ReceiptOutcome,
    /// After this the receipt counts as absent and may be removed.
    pub expires: Timestamp,
}

/// A manifest that was shared when its record was overwritten or deleted: a root of gc until it
/// expires, since a mark that was under way may have passed the record's other names already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetiredManifest {
    /// The write that had made the record. Retiring the same record twice leaves one row.
    pub commit_id: CommitId,
    /// What the record named.
    pub manifest: Manifest,
    /// After this it counts as absent and may be removed.
    pub expires: Timestamp,
}
