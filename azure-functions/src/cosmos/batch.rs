//! Changes of rows, by themselves or several of one partition in one step.

use azure_core::http::Etag;
use azure_data_cosmos::options::{BatchDeleteOptions, BatchOptions, BatchReplaceOptions, Precondition};
use azure_data_cosmos::{CosmosError, TransactionalBatch};
use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};

use super::container::{Container, TRIES};
use super::error::{Access, Meaning, meaning_of, store_error};
use super::rows::Item;
use super::schema::RowKey;

/// Changes that one batch makes at most.
/// <https://learn.microsoft.com/azure/cosmos-db/transactional-batch>
pub(super) const BATCH: usize = 100;
/// The status of a batch that was not applied, although the SDK takes it for a success.
const NOT_APPLIED: u16 = 207;
/// The status of a change that another one of its batch kept from being made.
const FAILED_DEPENDENCY: u16 = 424;

/// One change of a row.
pub(super) enum Change {
    /// There is no such row yet.
    Create(Item),
    /// The row is still the one that was seen.
    Replace(Item, Etag),
    /// There is such a row.
    Delete(RowKey),
    /// The row is still the one that was seen, and goes.
    DeleteSeen(RowKey, Etag),
}

impl Container {
    /// Makes one change. Returns false when the row was not as the change wants it; nothing was changed then.
    pub(super) async fn change(&self, change: &Change) -> StoreResult<bool> {
        match change {
            Change::Create(item) => Ok(self.create(item).await?.is_some()),
            Change::Replace(item, seen) => Ok(self.replace(item, seen).await?.is_some()),
            Change::Delete(key) => self.delete(key, None).await,
            Change::DeleteSeen(key, seen) => self.delete(key, Some(seen)).await,
        }
    }

    /// Makes all changes, at most [`BATCH`], of one partition in one step. Returns false when some row was not as
    /// its change wants it; nothing was changed then.
    pub(super) async fn change_together(&self, partition: &str, changes: &[Change]) -> StoreResult<bool> {
        if changes.len() > BATCH {
            return Err(StoreError::internal("a batch of too many changes"));
        }
        let batch = batch(partition, changes).map_err(|error| store_error(&error, Access::Write))?;
        let mut tries = 1;
        loop {
            let sent = self.send("batch", Access::Write, || async {
                let options = BatchOptions::default().with_operation_options(self.writes.clone());
                let answer = self
                    .client
                    .execute_transactional_batch(batch.clone(), Some(options))
                    .await?;
                self.note("batch", answer.headers());
                if u16::from(answer.status().status_code()) != NOT_APPLIED {
                    return Ok(None);
                }
                let results = answer.into_model()?;
                let cause = results
                    .results()
                    .iter()
                    .find(|result| !result.is_success() && result.status_code() != FAILED_DEPENDENCY);
                Ok(Some(cause.map_or((0, None), |cause| {
                    (cause.status_code(), cause.substatus_code())
                })))
            });
            let Some((status, substatus)) = sent.await.map_err(|error| store_error(&error, Access::Write))?
            else {
                return Ok(true);
            };
            // A batch that answers was not applied, whatever kept it.
            let kind = match meaning_of(status, substatus) {
                Meaning::Exists | Meaning::Changed | Meaning::Absent => return Ok(false),
                Meaning::Throttled | Meaning::Unreached | Meaning::Unknown if tries < TRIES => {
                    tries += 1;
                    self.back_off(tries).await;
                    continue;
                }
                Meaning::Throttled | Meaning::Unreached | Meaning::Unknown => StoreErrorKind::Throttled,
                Meaning::Full => StoreErrorKind::Full,
                Meaning::Defect => StoreErrorKind::Internal,
            };
            let text = format!("a batch was refused with status {status}, substatus {substatus:?}");
            return Err(StoreError::new(kind, text));
        }
    }
}

fn batch(partition: &str, changes: &[Change]) -> Result<TransactionalBatch, CosmosError> {
    let mut batch = TransactionalBatch::new(partition.to_owned());
    for change in changes {
        batch = match change {
            Change::Create(item) => batch.create_item(item)?,
            Change::Replace(item, seen) => {
                let seen = Precondition::if_match(seen.clone());
                let options = BatchReplaceOptions::default().with_precondition(seen);
                batch.replace_item(item.id.clone(), item, Some(options))?
            }
            Change::Delete(key) => batch.delete_item(key.id.clone(), Some(BatchDeleteOptions::default())),
            Change::DeleteSeen(key, seen) => {
                let seen = Precondition::if_match(seen.clone());
                let options = BatchDeleteOptions::default().with_precondition(seen);
                batch.delete_item(key.id.clone(), Some(options))
            }
        };
    }
    Ok(batch)
}
