//! Buckets.

use serde::{Deserialize, Serialize};

use super::{Acl, BucketId, BucketLayout, BucketName, Owner, Timestamp, Token};

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
#[serde(deny_unknown_fields)]
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
    /// Whether its owner has said that objects belong to who wrote them (`ObjectWriter`). They do in every bucket; this is
    /// only what is shown again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub states_ownership: bool,
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
