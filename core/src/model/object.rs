//! Objects as the metadata store keeps them.

use serde::{Deserialize, Serialize};

use super::{
    Acl, BucketId, Checksum, ChecksumKind, CommitId, Description, ETag, Manifest, ObjectHeaders, ObjectKey,
    Owner, Sequence, Tags, Timestamp, Version, VersionName,
};

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
    /// What it is as a version; none in a row of a bucket that keeps no versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

/// What a row is known by. Another commit makes another row. Without one, a row changes when it becomes shared, and
/// where other versions of its key do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowTag {
    /// The write that made the row.
    pub commit_id: CommitId,
    /// Whether it is shared.
    pub shared: bool,
    /// [`Version::revision`]; 0 where the row says nothing of versions.
    pub revision: u32,
}

impl ObjectRecord {
    /// What the record's row is known by.
    pub const fn tag(&self) -> RowTag {
        RowTag {
            commit_id: self.commit_id,
            shared: self.shared,
            revision: match self.version {
                Some(version) => version.revision,
                None => 0,
            },
        }
    }

    /// How the version is named.
    pub fn version_name(&self) -> VersionName {
        let id = self.version.and_then(|version| version.id);
        id.map_or(VersionName::Null, VersionName::Id)
    }

    /// Where the version stands among those of its key.
    pub fn sequence(&self) -> Sequence {
        match self.version {
            Some(version) => version.sequence,
            None => Sequence::of_time(self.last_modified),
        }
    }

    /// What it says of itself as a version, in words also where the row says nothing.
    pub fn as_version(&self) -> Version {
        self.version
            .unwrap_or_else(|| Version::alone(None, self.sequence()))
    }

    /// Whether a write that keeps no versions must not put itself in the place of this row: it is a delete marker, it
    /// has an id, or there are other versions under its key.
    pub fn is_kept_as_version(&self) -> bool {
        let is_marker = self.kind == ObjectKind::DeleteMarker;
        self.version.is_some_and(|version| {
            is_marker || version.id.is_some() || version.newest.is_some() || version.null.is_some()
        })
    }

    /// Whether two rows are one version, whatever was changed of it.
    pub fn is_same_version(&self, other: &Self) -> bool {
        let identity = |record: &Self| record.version.map(|version| (version.id, version.sequence));
        identity(self).is_some() && identity(self) == identity(other)
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

/// A description, a checksum and a version as a store keeps them that has columns for the owner. The order of the
/// members is that in which release 0.1 writes them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerlessDescription {
    headers: ObjectHeaders,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<Checksum>,
    #[serde(default, skip_serializing_if = "Acl::is_private")]
    acl: Acl,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
}

impl OwnerlessDescription {
    /// What is kept of `record`.
    pub fn of(record: &ObjectRecord) -> Self {
        let Description {
            owner: _,
            acl,
            headers,
            tags,
        } = record.description.clone();
        Self {
            headers,
            checksum: record.checksum.clone(),
            acl,
            version: record.version,
            tags,
        }
    }

    /// What was kept of a record of `owner`.
    pub fn owned_by(self, owner: Owner) -> (Description, Option<Checksum>, Option<Version>) {
        let Self {
            headers,
            checksum,
            acl,
            version,
            tags,
        } = self;
        let description = Description {
            owner,
            acl,
            headers,
            tags,
        };
        (description, checksum, version)
    }
}
