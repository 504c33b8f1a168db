//! What the objects in the bucket are called.

use bleepstore_core::model::BlobRef;

/// What the key of every blob starts with.
pub(super) const BLOBS: &str = "blobs/";

/// The key of the owner record: outside [`BLOBS`], so that no scan takes it for a blob.
pub(super) const OWNER: &str = "owner.json";

/// A blob's key. Keys order as blobs do: both ids are hex of one length.
pub(super) fn key(blob: &BlobRef) -> String {
    format!("{BLOBS}{blob}")
}

/// The blob that a key names.
pub(super) fn parse(key: &str) -> Option<BlobRef> {
    let (bucket, blob) = key.strip_prefix(BLOBS)?.split_once('/')?;
    Some(BlobRef {
        bucket: bucket.parse().ok()?,
        blob: blob.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use bleepstore_core::model::{BlobId, BucketId};

    use super::*;

    #[test]
    fn a_key_names_its_blob_and_nothing_else_does() {
        let blob = BlobRef {
            bucket: BucketId::from_bytes([1; 16]),
            blob: BlobId::from_bytes([255; 16]),
        };
        let text = "blobs/01010101010101010101010101010101/ffffffffffffffffffffffffffffffff";
        assert_eq!(key(&blob), text);
        assert_eq!(parse(text), Some(blob));
        for foreign in [
            OWNER,
            "blobs/",
            "blobs/01010101010101010101010101010101",
            &text[1..],
            &text[..70],
        ] {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
    }
}
