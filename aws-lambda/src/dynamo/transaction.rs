//! Changes of several rows in one step.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};

use super::condition::Condition;
use super::error::{Access, Cancellation, cancellation, store_error};
use super::rows::{self, Item};
use super::schema::RowKey;
use super::table::{Table, expression, values};

/// Changes that one transaction makes at most.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const TRANSACTION: usize = 100;

/// One change of a transaction.
pub(super) enum Change {
    /// The row is written if the condition holds of the one that is there.
    Put(Item, Condition),
    /// The row goes if the condition holds of it.
    Delete(RowKey, Condition),
}

impl Table {
    /// Makes all changes, at most [`TRANSACTION`], in one step. Returns false when some condition did not hold or a row was being
    /// changed; nothing was applied then.
    pub(super) async fn change_together(&self, changes: Vec<Change>) -> StoreResult<bool> {
        if changes.len() > TRANSACTION {
            return Err(StoreError::internal("a transaction of too many changes"));
        }
        let mut actions = Vec::with_capacity(changes.len());
        for change in changes {
            actions.push(match change {
                Change::Put(item, condition) => {
                    let put = Put::builder()
                        .table_name(&self.name)
                        .set_item(Some(item))
                        .set_condition_expression(expression(Some(&condition)))
                        .set_expression_attribute_values(values(Some(&condition)))
                        .build()
                        .map_err(StoreError::internal)?;
                    TransactWriteItem::builder().put(put).build()
                }
                Change::Delete(key, condition) => {
                    let delete = Delete::builder()
                        .table_name(&self.name)
                        .set_key(Some(rows::key(&key)))
                        .set_condition_expression(expression(Some(&condition)))
                        .set_expression_attribute_values(values(Some(&condition)))
                        .build()
                        .map_err(StoreError::internal)?;
                    TransactWriteItem::builder().delete(delete).build()
                }
            });
        }
        let write = self
            .writes
            .transact_write_items()
            .set_transact_items(Some(actions));
        let error = match self.send(|| write.clone().send()).await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        {
            let codes = cancelled
                .cancellation_reasons()
                .iter()
                .filter_map(|reason| reason.code());
            match cancellation(codes) {
                Cancellation::Contended => return Ok(false),
                Cancellation::Throttled => return Err(StoreError::new(StoreErrorKind::Throttled, error)),
                Cancellation::Defect => {}
            }
        }
        Err(store_error(error, Access::Write))
    }
}
