//! What an export is made of: one JSON object on a line.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{
    Bucket, Credential, CredentialRow, CredentialUser, Format, ObjectRecord, Owner, Part, Release, StoreId,
    Timestamp, Upload,
};

/// What the first line of an export says that it is.
pub const FORMAT: &str = "bleepstore-export";

/// The latest version of the format, which is that of exports of stores of [`Format::PAGED`] or later. Others are
/// written in [`FIRST_VERSION`]. Both are read.
pub const VERSION: u32 = 2;

/// What release 0.1 writes and reads.
pub(super) const FIRST_VERSION: u32 = 1;

/// A line of an export. The header comes first, then credentials, then each bucket, followed by its objects in the
/// order of their keys, each with its versions, and by its open uploads, each followed by its parts, and last the
/// trailer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    /// What the export is of.
    Header(Header),
    /// A credential.
    Credential(ExportedCredential),
    /// A bucket.
    Bucket(Bucket),
    /// An object of the bucket before it, or a delete marker.
    Object(Box<ObjectRecord>),
    /// A version of the object or delete marker before it that is not current.
    Version(Box<ObjectRecord>),
    /// An open upload of the bucket before it.
    Upload(Box<Upload>),
    /// A part of the upload before it.
    Part(Box<Part>),
    /// That the export is whole.
    Trailer(Trailer),
}

impl Record {
    /// What the line is called in it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Header(_) => "header",
            Self::Credential(_) => "credential",
            Self::Bucket(_) => "bucket",
            Self::Object(_) => "object",
            Self::Version(_) => "version",
            Self::Upload(_) => "upload",
            Self::Part(_) => "part",
            Self::Trailer(_) => "trailer",
        }
    }
}

/// What an export is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`], or an earlier one.
    pub version: u32,
    /// The store whose records follow.
    pub store: StoreId,
    /// That store's epoch.
    pub epoch: u64,
    /// When the export was begun.
    pub created: Timestamp,
    /// Whether credentials carry their secret keys.
    pub secrets: bool,
    /// The program that wrote it. Release 0.1 does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_by: Option<Release>,
}

impl Header {
    /// The version of an export of a store of that format: the oldest one that has all that such a store may hold.
    pub(super) fn version_of(format: Format) -> u32 {
        if format >= Format::PAGED {
            VERSION
        } else {
            FIRST_VERSION
        }
    }

    /// The least format of a store that takes the records.
    pub(super) fn least_format(&self) -> Format {
        if self.version > FIRST_VERSION {
            Format::PAGED
        } else {
            Format::FIRST
        }
    }
}

/// A credential, with its secret key only where that was asked for. It is written as stores write it: release 0.1
/// leaves one with a user or an end behind, since it finds no secret key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CredentialRow", into = "CredentialRow")]
pub struct ExportedCredential {
    /// What requests name.
    pub access_key: String,
    /// What signs them. Never logged.
    pub secret_key: Option<String>,
    /// The account that it speaks for.
    pub owner: Owner,
    /// When it was created.
    pub created: Timestamp,
    /// As whom in the account.
    pub user: Option<CredentialUser>,
    /// From when on it counts for nothing.
    pub expires: Option<Timestamp>,
}

impl ExportedCredential {
    pub(super) fn new(credential: Credential, secrets: bool) -> Self {
        Self {
            access_key: credential.access_key,
            secret_key: secrets.then_some(credential.secret_key),
            owner: credential.owner,
            created: credential.created,
            user: credential.user,
            expires: credential.expires,
        }
    }

    /// The credential, if its secret key travelled with it.
    pub(super) fn into_credential(self) -> Option<Credential> {
        Some(Credential {
            access_key: self.access_key,
            secret_key: self.secret_key?,
            owner: self.owner,
            created: self.created,
            user: self.user,
            expires: self.expires,
        })
    }
}

impl From<ExportedCredential> for CredentialRow {
    fn from(credential: ExportedCredential) -> Self {
        let whose = (credential.access_key, credential.owner);
        let limits = (credential.user, credential.expires);
        Self::new(whose, credential.created, limits).with_secret(credential.secret_key)
    }
}

impl TryFrom<CredentialRow> for ExportedCredential {
    type Error = &'static str;

    fn try_from(row: CredentialRow) -> Result<Self, Self::Error> {
        let (row, secret_key) = row.take_secret()?;
        Ok(Self {
            access_key: row.access_key,
            secret_key,
            owner: row.owner,
            created: row.created,
            user: row.user,
            expires: row.expires,
        })
    }
}

impl fmt::Debug for ExportedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedCredential")
            .field("access_key", &self.access_key)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// How many records of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Credentials.
    pub credentials: u64,
    /// Buckets.
    pub buckets: u64,
    /// Objects and delete markers that are current.
    pub objects: u64,
    /// Those that are not.
    #[serde(default, skip_serializing_if = "is_none")]
    pub versions: u64,
    /// Open uploads.
    pub uploads: u64,
    /// Their parts.
    pub parts: u64,
}

impl Counts {
    pub(super) fn add(&mut self, record: &Record) {
        match record {
            Record::Header(_) | Record::Trailer(_) => {}
            Record::Credential(_) => self.credentials += 1,
            Record::Bucket(_) => self.buckets += 1,
            Record::Object(_) => self.objects += 1,
            Record::Version(_) => self.versions += 1,
            Record::Upload(_) => self.uploads += 1,
            Record::Part(_) => self.parts += 1,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} buckets, {} objects, ", self.buckets, self.objects)?;
        if self.versions > 0 {
            write!(f, "{} versions, ", self.versions)?;
        }
        write!(
            f,
            "{} open uploads with {} parts, {} credentials",
            self.uploads, self.parts, self.credentials
        )
    }
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// That an export is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// How many records it has.
    pub counts: Counts,
    /// SHA-256 of all lines before this one, their ends included, in hex.
    pub sha256: String,
}
