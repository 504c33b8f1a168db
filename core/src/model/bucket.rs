//! Buckets.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    Acl, BucketDocuments, BucketId, BucketLayout, BucketName, DocumentKind, Owner, StoredDocument, Timestamp,
    Token, Versioning,
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its name, unique in the store.
    pub name: BucketName,
    /// This creation of it.
    pub id: BucketId,
    /// Who created it.
    pub owner: Owner,
    /// Who may do what with it.
    #[serde(default)]
    pub acl: Acl,
    /// What its owner has configured. In rows of release 0.1 this is `states_ownership`.
    #[serde(default, alias = "states_ownership")]
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
    /// Whether it keeps the versions of its objects; none where it never did.
    #[serde(default)]
    pub versioning: Option<Versioning>,
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

    /// Begins to keep versions, or ceases to. It never again is a bucket that never did.
    pub fn set_versioning(&mut self, versioning: Versioning) {
        self.versioning = Some(versioning);
        self.layout = self.layout.max(BucketLayout::VERSIONS);
    }

    /// Programs of release 0.1 would lose a document by writing the row anew, so that they must not read it.
    fn raise_layout(&mut self) {
        if !self.documents.are_known_to_release_0_1() {
            self.layout = self.layout.max(BucketLayout::DOCUMENTS);
        }
        // Programs that do not know of events would change objects and tell nothing.
        if self.documents.get(DocumentKind::Notification).is_some() {
            self.layout = self.layout.max(BucketLayout::EVENTS);
        }
    }
}

/// In the first layout it is the row of release 0.1, which has one thing to say of documents.
impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            name,
            id,
            owner,
            acl,
            documents,
            region,
            created,
            state,
            revision,
            layout,
            versioning,
        } = self;
        let mut row = serializer.serialize_map(None)?;
        row.serialize_entry("name", name)?;
        row.serialize_entry("id", id)?;
        row.serialize_entry("owner", owner)?;
        if !acl.is_private() {
            row.serialize_entry("acl", acl)?;
        }
        match *layout {
            _ if documents.is_empty() => {}
            BucketLayout::FIRST => row.serialize_entry("states_ownership", &true)?,
            _ => row.serialize_entry("documents", documents)?,
        }
        row.serialize_entry("region", region)?;
        row.serialize_entry("created", created)?;
        row.serialize_entry("state", state)?;
        row.serialize_entry("revision", revision)?;
        row.serialize_entry("layout", layout)?;
        if let Some(versioning) = versioning {
            row.serialize_entry("versioning", versioning)?;
        }
        row.end()
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
