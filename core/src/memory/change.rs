//! What can change in the rows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{
    Bucket, BucketId, BucketName, CommitId, Credential, EventMark, EventPlace, EventQueue, EventRow,
    ObjectKey, ObjectRecord, Part, RetiredManifest, Sequence, Upload, UploadId,
};
use crate::ports::StoreRecord;
use crate::rows::StoredReceipt;

/// One row as it is from now on, or the name of one that is gone.
///
/// A change says what a row becomes, not what is done to it: applied a second time it changes nothing, and the
/// last change of a row decides. Its serialised form is stored: it may gain variants, and loses none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The store's record of itself.
    Store(StoreRecord),
    /// The store's record of itself once it has moved, upon which release 0.1 refuses the whole log.
    MovedStore(StoreRecord),
    /// A credential.
    Credential(Credential),
    /// The credential with this access key is gone.
    CredentialGone(String),
    /// A bucket.
    Bucket(Bucket),
    /// The bucket of this name is gone.
    BucketGone(BucketName),
    /// An object. Shared, since a store may keep its rows twice.
    Object(#[serde(with = "shared")] Arc<ObjectRecord>),
    /// The object under this key in this creation of a bucket is gone.
    ObjectGone(BucketId, ObjectKey),
    /// A version that is not current. Shared as objects are.
    Version(#[serde(with = "shared")] Arc<ObjectRecord>),
    /// The version of that place that is not current, of this key in this creation of a bucket, is gone.
    VersionGone(BucketId, ObjectKey, Sequence),
    /// An upload, without its parts: they stay as they are.
    Upload(Upload),
    /// The upload and all of its parts are gone.
    UploadGone(UploadId),
    /// A part of an upload. Nothing where the upload is gone. Shared as objects are.
    Part(UploadId, #[serde(with = "shared")] Arc<Part>),
    /// A receipt.
    Receipt(StoredReceipt),
    /// The receipt of this upload of this key in this creation of a bucket is gone.
    ReceiptGone(BucketId, ObjectKey, UploadId),
    /// A retired manifest.
    Retired(RetiredManifest),
    /// The manifest that this commit had written is no longer kept.
    RetiredGone(CommitId),
    /// An event that waits. Shared as objects are.
    Event(#[serde(with = "shared")] Arc<EventRow>),
    /// The event of that place in this queue is gone.
    EventGone(EventQueue, EventPlace),
    /// The mark of a key's last event.
    EventMark(EventMark),
    /// The mark of this key in this creation of a bucket is gone.
    EventMarkGone(BucketId, ObjectKey),
}

/// What is shared in memory is written as if it were not.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}
