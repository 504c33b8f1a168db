//! Changes of many rows, each a step of its own.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::error::{Access, store_error};
use super::rows::{self, Item};
use super::schema::RowKey;
use super::table::{BATCH_TRIES, Table};

/// How many rows one BatchWriteItem takes.
const BATCH_WRITE: usize = 25;
/// Batches that are sent at the same time.
const BATCHES_AT_ONCE: usize = 8;

impl Table {
    /// Writes rows with different keys over whatever is there.
    pub(super) async fn put_all(&self, items: impl IntoIterator<Item = Item>) -> StoreResult<()> {
        let request = |item| {
            let put = PutRequest::builder().set_item(Some(item)).build();
            put.map(|put| WriteRequest::builder().put_request(put).build())
        };
        self.write_all(items.into_iter().map(request)).await
    }

    /// Removes the rows under these keys, which differ, whatever they hold.
    pub(super) async fn delete_all<'a>(&self, keys: impl IntoIterator<Item = &'a RowKey>) -> StoreResult<()> {
        let request = |key| {
            let delete = DeleteRequest::builder().set_key(Some(rows::key(key))).build();
            delete.map(|delete| WriteRequest::builder().delete_request(delete).build())
        };
        self.write_all(keys.into_iter().map(request)).await
    }

    async fn write_all(
        &self,
        requests: impl Iterator<Item = Result<WriteRequest, BuildError>>,
    ) -> StoreResult<()> {
        let requests: Vec<WriteRequest> = requests.collect::<Result<_, _>>().map_err(StoreError::internal)?;
        let batches: Vec<Vec<WriteRequest>> = requests
            .chunks(BATCH_WRITE)
            .map(<[WriteRequest]>::to_vec)
            .collect();
        stream::iter(batches)
            .map(|batch| self.write_batch(batch))
            .buffer_unordered(BATCHES_AT_ONCE)
            .try_collect::<()>()
            .await
    }

    /// Makes changes, at most [`BATCH_WRITE`] of them.
    async fn write_batch(&self, requests: Vec<WriteRequest>) -> StoreResult<()> {
        let mut left = requests;
        for attempt in 0..BATCH_TRIES {
            self.back_off(attempt).await;
            let write = self.writes.batch_write_item().request_items(&self.name, left);
            let answer = self.send(|| write.clone().send()).await;
            let answer = answer.map_err(|error| store_error(error, Access::Write))?;
            let rest = answer
                .unprocessed_items
                .and_then(|mut rest| rest.remove(&self.name));
            match rest {
                Some(rest) if !rest.is_empty() => left = rest,
                _ => return Ok(()),
            }
        }
        Err(StoreError::new(
            StoreErrorKind::Throttled,
            "DynamoDB keeps leaving rows of a batch unwritten",
        ))
    }
}
