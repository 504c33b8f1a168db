//! What a check finds.

use std::fmt;

use crate::model::{
    BlobRef, BucketName, DocumentKind, ObjectKey, PartNumber, Timestamp, UploadId, VersionId,
};

/// What names a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// A document of a bucket.
    Document {
        /// The bucket.
        bucket: BucketName,
        /// Which of its documents.
        kind: DocumentKind,
    },
    /// An object.
    Object {
        /// Its bucket.
        bucket: BucketName,
        /// Its key.
        key: ObjectKey,
        /// The id of the version, where it has one.
        version: Option<VersionId>,
    },
    /// A part of an open upload.
    Part {
        /// The upload's bucket.
        bucket: BucketName,
        /// The upload's key.
        key: ObjectKey,
        /// The upload.
        upload: UploadId,
        /// The part's number.
        number: PartNumber,
    },
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document { bucket, kind } => write!(f, "the {kind} of bucket {bucket}"),
            Self::Object {
                bucket,
                key,
                version: None,
            } => write!(f, "{bucket}/{key}"),
            Self::Object {
                bucket,
                key,
                version: Some(version),
            } => write!(f, "{bucket}/{key}, version {version}"),
            Self::Part {
                bucket,
                key,
                upload,
                number,
            } => write!(f, "{bucket}/{key}, part {number} of upload {upload}"),
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The blob store belongs to another metadata store, or an import is not finished: nothing is freed.
    NotOwned,
    /// A record names a blob that is not there: its bytes are lost.
    Missing {
        /// The blob.
        blob: BlobRef,
        /// What names it.
        named_by: Naming,
    },
    /// A blob cannot be read: its bytes are damaged, or the disk does not give them.
    Unreadable {
        /// The blob.
        blob: BlobRef,
        /// What names it.
        named_by: Naming,
        /// What the store says.
        problem: String,
    },
    /// The body of an object, which lies in its record, is not what was stored.
    DamagedBody {
        /// The object.
        named_by: Naming,
        /// What is wrong with it.
        problem: String,
    },
    /// A blob has another length than a record says.
    WrongLength {
        /// The blob.
        blob: BlobRef,
        /// What names it.
        named_by: Naming,
        /// What the record says.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A blob has another checksum than a record says: its bytes are damaged.
    WrongChecksum {
        /// The blob.
        blob: BlobRef,
        /// What names it.
        named_by: Naming,
        /// The CRC-64/NVME that the record says.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A layout that lies in a blob cannot be read, or is not the object's length.
    BadLayout {
        /// The object.
        named_by: Naming,
        /// What is wrong with it.
        problem: String,
    },
    /// No record names a blob that is older than the grace. Garbage collection takes it away.
    Orphan {
        /// The blob.
        blob: BlobRef,
        /// Its bytes.
        size: u64,
        /// When it was written.
        created: Timestamp,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOwned => f.write_str(
                "not owned: the blob store does not carry this metadata store's owner record, or an import is not finished",
            ),
            Self::Missing { blob, named_by } => write!(f, "missing: blob {blob}, named by {named_by}"),
            Self::Unreadable {
                blob,
                named_by,
                problem,
            } => write!(f, "unreadable: blob {blob}, named by {named_by}: {problem}"),
            Self::DamagedBody { named_by, problem } => write!(f, "damaged body: {named_by}: {problem}"),
            Self::WrongLength {
                blob,
                named_by,
                expected,
                found,
            } => write!(
                f,
                "wrong length: blob {blob} has {found} bytes, and not {expected} as {named_by} says"
            ),
            Self::WrongChecksum {
                blob,
                named_by,
                expected,
                found,
            } => write!(
                f,
                "wrong checksum: blob {blob} has {found:016x}, and not {expected:016x} as {named_by} says"
            ),
            Self::BadLayout { named_by, problem } => write!(f, "bad layout: {named_by}: {problem}"),
            Self::Orphan { blob, size, created } => write!(
                f,
                "orphan: nothing names blob {blob} ({size} bytes, written {})",
                created.iso_8601()
            ),
        }
    }
}

impl Finding {
    /// What kind of finding it is, in a word for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotOwned => "not-owned",
            Self::Missing { .. } => "missing",
            Self::Unreadable { .. } => "unreadable",
            Self::DamagedBody { .. } => "damaged-body",
            Self::WrongLength { .. } => "wrong-length",
            Self::WrongChecksum { .. } => "wrong-checksum",
            Self::BadLayout { .. } => "bad-layout",
            Self::Orphan { .. } => "orphan",
        }
    }

    /// The blob that it is about.
    pub const fn blob(&self) -> Option<&BlobRef> {
        match self {
            Self::NotOwned | Self::BadLayout { .. } | Self::DamagedBody { .. } => None,
            Self::Missing { blob, .. }
            | Self::Unreadable { blob, .. }
            | Self::WrongLength { blob, .. }
            | Self::WrongChecksum { blob, .. }
            | Self::Orphan { blob, .. } => Some(blob),
        }
    }

    /// The record that it is about.
    pub const fn named_by(&self) -> Option<&Naming> {
        match self {
            Self::NotOwned | Self::Orphan { .. } => None,
            Self::Missing { named_by, .. }
            | Self::Unreadable { named_by, .. }
            | Self::DamagedBody { named_by, .. }
            | Self::WrongLength { named_by, .. }
            | Self::WrongChecksum { named_by, .. }
            | Self::BadLayout { named_by, .. } => Some(named_by),
        }
    }
}
