//! Multipart uploads and retired manifests.

use async_trait::async_trait;
use bleepstore_core::model::{CommitId, Part, PartNumber, RetiredManifest, Timestamp, Token, UploadId};
use bleepstore_core::ports::{Page, StoreError, StoreResult};
use bleepstore_core::rows::{UploadStore, scan_range};
use bleepstore_core::uploads_in_steps;

use super::DynamoMetadata;
use super::condition::Condition;
use super::rows::{self, Item};
use super::schema::{self, PARTS, RETIRED_DIGITS, RowKey};
use super::table::Range;

uploads_in_steps!(DynamoMetadata);

#[async_trait]
impl UploadStore for DynamoMetadata {
    async fn open_again(&self, upload: UploadId, token: Token) -> StoreResult<()> {
        let values = [(":state", rows::text(rows::OPEN))];
        self.table
            .update(
                &RowKey::upload(upload),
                "SET upload_state = :state REMOVE completing_by",
                values,
                &Condition::completing_by(token),
            )
            .await?;
        Ok(())
    }

    async fn parts_after(
        &self,
        upload: UploadId,
        after: Option<PartNumber>,
        limit: usize,
    ) -> StoreResult<Page<Part, PartNumber>> {
        let range = Range {
            partition: schema::upload_partition(upload),
            prefix: PARTS.to_owned(),
            after: after.map(schema::part_sort_key),
        };
        let read = |item: &Item| rows::detail_of(item).map(Some);
        let (items, last) = scan_range(&self.table, range, limit, read).await?;
        let next = items
            .last()
            .map(|part: &Part| part.number)
            .filter(|_| last.is_some());
        Ok(Page { items, next })
    }

    async fn keep_retired(&self, retired: &RetiredManifest) -> StoreResult<()> {
        let later = Condition::absent_or_expires_before(retired.expires.millis());
        self.table.put(rows::retired(retired)?, Some(&later)).await?;
        Ok(())
    }

    async fn retired_after(
        &self,
        after: Option<CommitId>,
        now: Timestamp,
        limit: usize,
    ) -> StoreResult<Page<RetiredManifest, CommitId>> {
        let after = after.map(|commit| commit.to_string());
        let mut items: Vec<RetiredManifest> = Vec::new();
        // How many rows were read, and the last of them.
        let (mut rows_read, mut last_read) = (0, None);
        for digit in RETIRED_DIGITS {
            let passed = after.as_deref().filter(|after| &after[..1] >= digit);
            if passed.is_some_and(|after| &after[..1] > digit) {
                continue;
            }
            if rows_read >= limit {
                return Ok(Page {
                    items,
                    next: last_read,
                });
            }
            let range = Range {
                partition: schema::retired_partition(digit),
                prefix: String::new(),
                after: passed.map(str::to_owned),
            };
            let read = |item: &Item| rows::detail_of(item).map(Some);
            let (found, last) = scan_range(&self.table, range, limit - rows_read, read).await?;
            rows_read += found.len();
            last_read = found
                .last()
                .map(|last: &RetiredManifest| last.commit_id)
                .or(last_read);
            items.extend(found.into_iter().filter(|retired| retired.expires >= now));
            if let Some(last) = last {
                let next = Some(last.parse().map_err(StoreError::corrupt)?);
                return Ok(Page { items, next });
            }
        }
        Ok(Page { items, next: None })
    }
}
