//! Reading the documents of buckets: from the row, or from blobs, which a process keeps for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::Context;
use crate::digest::crc64nvme;
use crate::model::{BlobRef, Bucket, DocumentKind, ErrorCode, Extent, S3Error, StoredDocument};
use crate::ports::{BlobRead, Ports, StoreError, StoreResult, exactly};

/// How often a bucket whose document was replaced under the request is read again.
const READS: u32 = 8;

/// The longest document, in bytes of what is stored of it.
pub(super) const LONGEST: u64 = 1 << 20;

/// How many bytes of documents a process keeps before it starts anew.
const KEPT: usize = 4 << 20;

/// Documents that were read from their blobs. A blob never changes, so that a document is as new as the row that names
/// its blob.
#[derive(Default)]
pub struct DocumentCache(Mutex<HashMap<BlobRef, Bytes>>);

impl DocumentCache {
    fn get(&self, blob: &BlobRef) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(blob).cloned()
    }

    fn keep(&self, blob: BlobRef, document: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length: usize = kept.values().map(Bytes::len).sum();
        if length + document.len() > KEPT {
            kept.clear();
        }
        kept.insert(blob, document);
    }
}

/// The document of that kind of a bucket, as it is stored: JSON. `None` where there is none. It is as new as
/// `bucket`, or newer where that was changed meanwhile.
pub async fn bucket_document(
    context: &Context,
    bucket: &Bucket,
    kind: DocumentKind,
) -> Result<Option<Bytes>, S3Error> {
    let mut stored = bucket.documents.get(kind).cloned();
    for _ in 0..READS {
        let extent = match &stored {
            None => return Ok(None),
            Some(StoredDocument::Inline(value)) => return Ok(Some(Bytes::from(value.to_string()))),
            Some(StoredDocument::Blob(extent)) => extent,
        };
        if let Some(kept) = context.documents.get(&extent.blob) {
            return Ok(Some(kept));
        }
        if let Some(read) = read_document(&context.ports, extent).await? {
            context.documents.keep(extent.blob, read.clone());
            return Ok(Some(read));
        }
        // It was replaced since the row was read, or is lost.
        let found = context.ports.metadata.bucket(&bucket.name).await?;
        let found = found.filter(|found| found.id == bucket.id);
        let gone = || S3Error::new(ErrorCode::NoSuchBucket).with("BucketName", &bucket.name);
        let found = found.ok_or_else(gone)?;
        if found.documents.get(kind) == stored.as_ref() {
            let (name, blob) = (&bucket.name, extent.blob);
            return Err(
                StoreError::corrupt(format!("the {kind} of bucket {name} are lost: blob {blob}")).into(),
            );
        }
        stored = found.documents.get(kind).cloned();
    }
    Err(ErrorCode::SlowDown.into())
}

/// The bytes of a document; `None` where its blob is gone.
async fn read_document(ports: &Ports, extent: &Extent) -> StoreResult<Option<Bytes>> {
    let corrupt = |what: &str| StoreError::corrupt(format!("the document in blob {} {what}", extent.blob));
    if extent.length > LONGEST {
        return Err(corrupt("is too long"));
    }
    let BlobRead::Found(pieces) = ports.blobs.read(&extent.blob, extent.range()).await? else {
        return Ok(None);
    };
    let pieces: Vec<Bytes> = exactly(extent.length, pieces).try_collect().await?;
    let document = Bytes::from(pieces.concat());
    if crc64nvme(&document) != extent.blob_crc64nvme {
        return Err(corrupt("is damaged"));
    }
    Ok(Some(document))
}
