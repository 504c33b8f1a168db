//! Listing the container.

use azure_storage_blob::models::{BlobContainerClientListBlobsOptions, BlobItem, ListBlobsResponse};
use bleepstore_core::model::{BlobRef, Timestamp};
use bleepstore_core::ports::{BlobEntry, BlobPage, StoreError, StoreResult};
use bleepstore_core::remote::{BLOB_OBJECTS, blob_object, parse_blob_object};
use futures_util::TryStreamExt;

use super::AzureBlobs;

/// How many blobs one page of a listing has at most.
const LIST_LIMIT: usize = 5_000;

impl AzureBlobs {
    /// The next blobs after `after`. Where a page ends, and at partitions of the service's own, more pages follow by a
    /// marker, which says nothing to others; the next scan starts from a name.
    pub(super) async fn scan_page(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        let maxresults = i32::try_from(limit.clamp(1, LIST_LIMIT)).map_err(StoreError::internal)?;
        let mut options = BlobContainerClientListBlobsOptions {
            maxresults: Some(maxresults),
            prefix: Some(BLOB_OBJECTS.to_owned()),
            // The name that a listing starts from is listed too: this is the first one after that of `after`.
            start_from: after.map(|after| format!("{}0", blob_object(after))),
            ..BlobContainerClientListBlobsOptions::default()
        };
        loop {
            let listing = self.list(&options).await?;
            let mut blobs: Vec<BlobEntry> = listing.blob_items.iter().filter_map(entry).collect();
            // Azurite knows no start and lists from the beginning.
            blobs.retain(|entry| after.is_none_or(|after| entry.blob > *after));
            let Some(marker) = listing.next_marker.filter(|marker| !marker.is_empty()) else {
                return Ok(BlobPage { blobs, next: None });
            };
            if let Some(last) = blobs.last() {
                let next = Some(last.blob);
                return Ok(BlobPage { blobs, next });
            }
            options.marker = Some(marker);
        }
    }

    /// One page of a listing.
    async fn list(
        &self,
        options: &BlobContainerClientListBlobsOptions<'_>,
    ) -> StoreResult<ListBlobsResponse> {
        let list = || async {
            let listing = self.container.client().list_blobs(Some(options.clone()))?;
            match listing.into_pages().try_next().await? {
                Some(page) => page.into_model(),
                None => Ok(ListBlobsResponse::default()),
            }
        };
        self.container.answer(list).await
    }
}

/// A listed item as a blob; `None` for what is not one of this store's.
fn entry(item: &BlobItem) -> Option<BlobEntry> {
    let properties = item.properties.as_ref()?;
    // The creation of a blob is that of its first block; it is written when its list is committed.
    let written = properties.last_modified?.unix_timestamp_nanos() / 1_000_000;
    Some(BlobEntry {
        blob: parse_blob_object(item.name.as_deref()?)?,
        size: properties.content_length?,
        created: Timestamp::from_millis(i64::try_from(written).ok()?),
    })
}
