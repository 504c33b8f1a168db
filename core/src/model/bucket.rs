//! Buckets.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Acl, BucketDocuments, BucketId, BucketLayout, BucketName, DocumentKind, Owner, StoredDocument, Timestamp,
    Token,
};

/// Counts the changes of a bucket's row. An update names the revision that it was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Where a bucket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BucketState {
    /// It serves requests.
    Active,
    /// Somebody is looking whether it is empty, in a store that cannot do that in one step. It
    /// still serves requests; a write cancels the deletion.
    Deleting(Token),
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Bucket {
    /// Its name, unique in the store.
    pub name: BucketName,
    /// This creation of it.
    pub id: BucketId,
    /// Who created it.
    pub owner: Owner,
    /// Who may do what with it.
    #[serde(default, skip_serializing_if = "Acl::is_private")]
    pub acl: Acl,
    /// What its owner has configured. In rows of release 0.1 this is `states_ownership`.
    #[serde(
        default,
        alias = "states_ownership",
        skip_serializing_if = "BucketDocuments::is_empty"
    )]
    pub documents: BucketDocuments,
    /// The location constraint it was created with.
    pub region: String,
    /// When it was created.
    pub created: Timestamp,
    /// Where it is in its life.
    pub state: BucketState,
    /// Counts the changes of this row.
    pub revision: Revision,
    /// How its rows are laid out in the store.
    pub layout: BucketLayout,
}

impl Bucket {
    /// Its Amazon Resource Name.
    pub fn arn(&self) -> String {
        bucket_arn(&self.name, &self.region)
    }

    /// Puts a document in the place of that kind, or takes it away. Returns what was there.
    pub fn set_document(
        &mut self,
        kind: DocumentKind,
        stored: Option<StoredDocument>,
    ) -> Option<StoredDocument> {
        let displaced = self.documents.set(kind, stored);
        self.raise_layout();
        displaced
    }

    /// Programs of release 0.1 would lose documents by writing the row anew, so that they must not read it.
    fn raise_layout(&mut self) {
        if !self.documents.is_empty() {
            self.layout = self.layout.max(BucketLayout::DOCUMENTS);
        }
    }
}

impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The derived function, which is no method.
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Bucket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bucket = Self::deserialize(deserializer)?;
        // What release 0.1 stored as a field of its own is written as a document from here on.
        bucket.raise_layout();
        Ok(bucket)
    }
}

/// The Amazon Resource Name of the bucket of that name, which is said to be in `region`.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
pub fn bucket_arn(name: &BucketName, region: &str) -> String {
    let partition = match region.split('-').take(2).collect::<Vec<_>>().as_slice() {
        ["cn", _] => "aws-cn",
        ["us", "gov"] => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:s3:::{name}")
}
