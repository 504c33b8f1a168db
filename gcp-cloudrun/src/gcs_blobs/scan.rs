//! Listing the bucket.

use bleepstore_core::model::{BlobRef, Timestamp};
use bleepstore_core::ports::{BlobEntry, BlobPage, StoreError, StoreResult};
use bleepstore_core::protocol::date::parse_iso_8601;
use bleepstore_core::remote::{BLOB_OBJECTS, FailedCall, blob_object, parse_blob_object};
use http::Method;
use serde::Deserialize;

use super::GcsBlobs;
use super::calls::Request;

/// How many objects one page of a listing has at most.
const LIST_LIMIT: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    #[serde(default)]
    items: Vec<Item>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    name: String,
    size: String,
    time_created: String,
}

impl GcsBlobs {
    /// The next blobs after `after`.
    pub(super) async fn scan_page(&self, after: Option<&BlobRef>, limit: usize) -> StoreResult<BlobPage> {
        let limit = limit.clamp(1, LIST_LIMIT).to_string();
        let mut pages = self.calls.objects(None)?;
        pages
            .query_pairs_mut()
            .append_pair("prefix", BLOB_OBJECTS)
            .append_pair("maxResults", &limit)
            .append_pair("fields", "items(name,size,timeCreated),nextPageToken");
        if let Some(after) = after {
            // The offset itself is listed too: this is the first name after that of `after`.
            let start = format!("{}0", blob_object(after));
            pages.query_pairs_mut().append_pair("startOffset", &start);
        }
        let mut page = pages.clone();
        loop {
            let answer = self.calls.answer(&Request::new(Method::GET, page)).await?;
            let listing: Listing = serde_json::from_slice(&answer.body).map_err(StoreError::corrupt)?;
            let blobs: Vec<BlobEntry> = listing.items.iter().filter_map(entry).collect();
            let Some(token) = listing.next_page_token else {
                return Ok(BlobPage { blobs, next: None });
            };
            if let Some(last) = blobs.last() {
                let next = Some(last.blob);
                return Ok(BlobPage { blobs, next });
            }
            page = pages.clone();
            page.query_pairs_mut().append_pair("pageToken", &token);
        }
    }

    /// Fails where there is no bucket. To a request for an object, Cloud Storage answers the same `404` whether the
    /// object is missing or the bucket; and what is missing in a bucket that is named wrongly must not look deleted.
    pub(super) async fn bucket_exists(&self) -> StoreResult<()> {
        let mut url = self.calls.objects(None)?;
        url.query_pairs_mut()
            .append_pair("maxResults", "1")
            .append_pair("fields", "nextPageToken");
        let answered: Result<_, FailedCall> = self.calls.answer(&Request::new(Method::GET, url)).await;
        answered?;
        Ok(())
    }
}

/// A listed object as a blob; `None` for what is not one of this store's.
fn entry(item: &Item) -> Option<BlobEntry> {
    let created: Timestamp = parse_iso_8601(&item.time_created)?;
    Some(BlobEntry {
        blob: parse_blob_object(&item.name)?,
        size: item.size.parse().ok()?,
        created,
    })
}
