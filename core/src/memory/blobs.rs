//! Blobs in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

use super::metadata::page;
use crate::model::{BlobRef, Timestamp};
use crate::ports::{
    BlobEntry, BlobPage, BlobRead, BlobStore, BodyStream, Clock, DeleteOutcome, OwnerRecord, StoreError,
    StoreResult, WriteError,
};

/// A blob store in memory. It holds every byte that was written to it.
pub struct MemoryBlobs {
    contents: Mutex<Contents>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Contents {
    blobs: BTreeMap<BlobRef, Blob>,
    owner: Option<OwnerRecord>,
}

struct Blob {
    bytes: Bytes,
    created: Timestamp,
}

impl MemoryBlobs {
    /// An empty store that dates blobs by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            contents: Mutex::default(),
            clock,
        }
    }

    /// The contents. A panic elsewhere cannot leave them half changed: every change is one call.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryBlobs({} blobs)", self.contents().blobs.len())
    }
}

#[async_trait]
impl BlobStore for MemoryBlobs {
    async fn write(
        &self,
        blob: &BlobRef,
        mut body: BodyStream,
        _size_hint: Option<u64>,
    ) -> Result<u64, WriteError> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(WriteError::Body)?);
        }
        let size = bytes.len() as u64;
        let created = self.clock.now();
        match self.contents().blobs.entry(*blob) {
            Entry::Occupied(_) => Err(StoreError::internal(format!("blob {blob} was written before")).into()),
            Entry::Vacant(free) => {
                free.insert(Blob {
                    bytes: bytes.freeze(),
                    created,
                });
                Ok(size)
            }
        }
    }

    async fn read(&self, blob: &BlobRef, range: Range<u64>) -> StoreResult<BlobRead> {
        let contents = self.contents();
        let Some(found) = contents.blobs.get(blob) else {
            return Ok(BlobRead::Missing);
        };
        let bytes = slice(&found.bytes, range)
            .ok_or_else(|| StoreError::corrupt(format!("blob {blob} is shorter than its record says")))?;
        Ok(BlobRead::Found(stream::once(async { Ok(bytes) }).boxed()))
    }

    async fn delete(&self, blobs: &[BlobRef]) -> Vec<DeleteOutcome> {
        let mut contents = self.contents();
        blobs
            .iter()
            .map(|blob| {
                contents.blobs.remove(blob);
                DeleteOutcome {
                    blob: *blob,
                    result: Ok(()),
                }
            })
            .collect()
    }

    async fn scan(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        let contents = self.contents();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = contents
            .blobs
            .range((start, Bound::Unbounded))
            .map(|(blob, found)| BlobEntry {
                blob: *blob,
                size: found.bytes.len() as u64,
                created: found.created,
            });
        let page = page(entries, limit, |last| last.blob);
        Ok(BlobPage {
            blobs: page.items,
            next: page.next,
        })
    }

    async fn owner(&self) -> StoreResult<Option<OwnerRecord>> {
        Ok(self.contents().owner)
    }

    async fn set_owner(&self, owner: &OwnerRecord) -> StoreResult<()> {
        self.contents().owner = Some(*owner);
        Ok(())
    }
}

/// These bytes, sharing the blob's memory; `None` when the blob does not have them all.
fn slice(bytes: &Bytes, range: Range<u64>) -> Option<Bytes> {
    let start = usize::try_from(range.start).ok()?;
    let end = usize::try_from(range.end).ok()?;
    (start <= end && end <= bytes.len()).then(|| bytes.slice(start..end))
}
