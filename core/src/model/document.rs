//! What the owner of a bucket configures as a document of its own.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Extent, ObjectOwnership};

/// A kind of document. A bucket has at most one of each. What one says is stored as JSON, of a type of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// What pages of other origins may do.
    Cors,
    /// Which events go where.
    Notification,
    /// Whom the objects in a bucket belong to.
    OwnershipControls,
    /// Who may do what with the bucket and its objects, whatever their access control lists say.
    Policy,
    /// What is not granted to everybody, whatever lists and policy say.
    PublicAccessBlock,
    /// The bucket's tags.
    Tagging,
    /// What the bucket is as a website.
    Website,
}

impl DocumentKind {
    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::Cors,
        Self::Notification,
        Self::OwnershipControls,
        Self::Policy,
        Self::PublicAccessBlock,
        Self::Tagging,
        Self::Website,
    ];

    /// What rows and people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cors => "cors",
            Self::Notification => "notification",
            Self::OwnershipControls => "ownership_controls",
            Self::Policy => "policy",
            Self::PublicAccessBlock => "public_access_block",
            Self::Tagging => "tagging",
            Self::Website => "website",
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredDocument {
    /// Here.
    Inline(Value),
    /// In a blob, which it has for itself.
    Blob(Extent),
}

impl StoredDocument {
    /// The blob that it lies in, where it lies in one.
    pub const fn blob(&self) -> Option<&Extent> {
        match self {
            Self::Inline(_) => None,
            Self::Blob(extent) => Some(extent),
        }
    }

    fn inline_length(&self) -> usize {
        match self {
            Self::Inline(value) => value.to_string().len(),
            Self::Blob(_) => 0,
        }
    }
}

/// The documents of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct BucketDocuments(BTreeMap<DocumentKind, StoredDocument>);

impl BucketDocuments {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The document of that kind.
    pub fn get(&self, kind: DocumentKind) -> Option<&StoredDocument> {
        self.0.get(&kind)
    }

    /// All of them, in the order of their kinds.
    pub fn iter(&self) -> impl Iterator<Item = (DocumentKind, &StoredDocument)> {
        self.0.iter().map(|(kind, stored)| (*kind, stored))
    }

    /// The blobs that they lie in, as far as they lie in any.
    pub fn blobs(&self) -> impl Iterator<Item = (DocumentKind, &Extent)> {
        self.iter()
            .filter_map(|(kind, stored)| Some((kind, stored.blob()?)))
    }

    /// How many bytes of JSON they are in the row, without that of `kind`.
    pub fn inline_length_beside(&self, kind: DocumentKind) -> usize {
        let others = self.iter().filter(|(other, _)| *other != kind);
        others.map(|(_, stored)| stored.inline_length()).sum()
    }

    /// Whether release 0.1 can say as much: that objects belong to who wrote them, or nothing.
    pub(super) fn are_known_to_release_0_1(&self) -> bool {
        let known = |(kind, stored): (DocumentKind, &StoredDocument)| {
            kind == DocumentKind::OwnershipControls && *stored == object_writer()
        };
        self.iter().all(known)
    }

    /// Puts a document in the place of that kind, or takes it away. Returns what was there.
    pub(super) fn set(
        &mut self,
        kind: DocumentKind,
        stored: Option<StoredDocument>,
    ) -> Option<StoredDocument> {
        match stored {
            Some(stored) => self.0.insert(kind, stored),
            None => self.0.remove(&kind),
        }
    }
}

/// Release 0.1 has `true` in place of the map, where the owner of a bucket has stated that objects belong to who wrote them.
impl<'de> Deserialize<'de> for BucketDocuments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Documents)
    }
}

fn object_writer() -> StoredDocument {
    StoredDocument::Inline(Value::from(ObjectOwnership::ObjectWriter.as_str()))
}

struct Documents;

impl<'de> Visitor<'de> for Documents {
    type Value = BucketDocuments;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the documents of a bucket")
    }

    fn visit_bool<E: serde::de::Error>(self, states_ownership: bool) -> Result<BucketDocuments, E> {
        let mut documents = BucketDocuments::default();
        if states_ownership {
            documents.set(DocumentKind::OwnershipControls, Some(object_writer()));
        }
        Ok(documents)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BucketDocuments, A::Error> {
        let mut documents = BucketDocuments::default();
        while let Some((kind, stored)) = map.next_entry()? {
            documents.set(kind, Some(stored));
        }
        Ok(documents)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Bucket, BucketLayout};

    fn row(more: Value) -> Value {
        let mut row = json!({"name": "abc", "id": "0".repeat(32), "owner": {"id": "o", "display_name": "o"},
            "region": "us-east-1", "created": 0, "state": "Active", "revision": 3, "layout": 1});
        if let (Value::Object(row), Value::Object(more)) = (&mut row, more) {
            row.extend(more);
        }
        row
    }

    fn read(row: Value) -> Bucket {
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn a_bucket_without_documents_is_written_as_release_0_1_writes_it() {
        let bucket = read(row(json!({})));
        assert_eq!(serde_json::to_value(&bucket).unwrap(), row(json!({})));
        assert!(bucket.documents.is_empty());
        assert!(read(row(json!({"states_ownership": false}))).documents.is_empty());
    }

    #[test]
    fn what_release_0_1_knows_of_ownership_is_written_as_that_does() {
        let old = row(json!({"states_ownership": true}));
        let mut bucket = read(old.clone());
        let kind = DocumentKind::OwnershipControls;
        assert_eq!(bucket.documents.get(kind), Some(&object_writer()));
        assert_eq!(serde_json::to_value(&bucket).unwrap(), old);
        bucket.set_document(kind, None);
        assert_eq!(serde_json::to_value(&bucket).unwrap(), row(json!({})));
        bucket.set_document(kind, Some(object_writer()));
        assert_eq!(serde_json::to_value(&bucket).unwrap(), old);
        // A bucket that has been beyond release 0.1 stays there.
        bucket.layout = BucketLayout::DOCUMENTS;
        let written = serde_json::to_value(&bucket).unwrap();
        assert_eq!(
            written["documents"],
            json!({"ownership_controls": {"inline": "ObjectWriter"}})
        );
        assert_eq!(read(written), bucket);
    }

    #[test]
    fn the_layout_rises_with_the_first_document_that_release_0_1_would_drop_and_stays() {
        let mut bucket = read(row(json!({})));
        let kind = DocumentKind::OwnershipControls;
        let stored = StoredDocument::Inline(json!("BucketOwnerEnforced"));
        assert_eq!(bucket.set_document(kind, Some(stored.clone())), None);
        assert_eq!(bucket.layout, BucketLayout::DOCUMENTS);
        let written = serde_json::to_value(&bucket).unwrap();
        // An object, where release 0.1 expects a number.
        assert!(written["layout"].is_object());
        assert_eq!(read(written), bucket);
        assert_eq!(bucket.set_document(kind, None), Some(stored));
        assert_eq!(bucket.layout, BucketLayout::DOCUMENTS);
    }

    #[test]
    fn a_document_that_is_not_known_is_refused() {
        for documents in [
            json!({"fortunes": {"inline": 1}}),
            json!({"ownership_controls": {"sealed": 1}}),
            json!([]),
            json!(1),
        ] {
            let row = row(json!({"documents": documents}));
            assert!(serde_json::from_value::<Bucket>(row.clone()).is_err(), "{row}");
        }
    }

    #[test]
    fn every_kind_is_called_as_in_rows() {
        for kind in DocumentKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.name()));
        }
    }
}
