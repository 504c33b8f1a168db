//! The calls: what each sends, which are sent again, and how long they may take.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use bleepstore_core::ports::{Clock, Entropy, StoreError, StoreErrorKind, StoreResult, back_off};
use bleepstore_core::rows::RangeReads;

use super::condition::Condition;
use super::error::{Access, may_resend, store_error};
use super::rows::{self, Item};
use super::schema::{PARTITION_KEY, RowKey, SORT_KEY};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long one try of a read may take. Reads take milliseconds; a lost packet must not hold a request.
const READ_TRY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a read may take with all its tries.
const READ_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a write may take. It is longer than a read's, since giving up leaves its outcome open.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the SDK tries a read.
const READ_TRIES: u32 = 4;
/// How often a write that was certainly not applied is sent.
const WRITE_TRIES: u32 = 5;
/// How often what a batch left over is sent again.
pub(super) const BATCH_TRIES: u32 = 10;
/// How many rows one BatchGetItem takes.
const BATCH_GET: usize = 100;

/// A table and the two ways to call it.
pub(super) struct Table {
    reads: Client,
    pub(super) writes: Client,
    pub(super) name: String,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// The answer to a write under a condition.
#[derive(Debug)]
pub(super) enum Written {
    /// It was applied. The row before it, or after it where the call says so.
    Applied(Option<Item>),
    /// The condition does not hold of this row, or of none.
    Refused(Option<Item>),
}

impl Written {
    pub(super) const fn is_applied(&self) -> bool {
        matches!(self, Self::Applied(_))
    }
}

/// A read of rows of one partition, ascending.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub(super) partition: String,
    /// What the sort keys start with; may be empty.
    pub(super) prefix: String,
    /// Only rows after this sort key, which starts with the prefix. It need not exist.
    pub(super) after: Option<String>,
}

/// Rows that a query evaluated.
pub(super) struct Rows {
    pub(super) items: Vec<Item>,
    /// The sort key to go on after; `None` at the end.
    pub(super) last: Option<String>,
}

impl Table {
    pub(super) fn new(
        client: &Client,
        name: String,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let connect = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
        let reads = client
            .config()
            .to_builder()
            .retry_config(RetryConfig::standard().with_max_attempts(READ_TRIES))
            .timeout_config(
                connect
                    .clone()
                    .operation_attempt_timeout(READ_TRY_TIMEOUT)
                    .operation_timeout(READ_TIMEOUT)
                    .build(),
            );
        let writes = client
            .config()
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(connect.operation_timeout(WRITE_TIMEOUT).build());
        Self {
            reads: Client::from_conf(reads.build()),
            writes: Client::from_conf(writes.build()),
            name,
            clock,
            entropy,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn back_off(&self, attempt: u32) {
        back_off(self.clock.as_ref(), self.entropy.as_ref(), attempt).await;
    }

    /// The row under a key.
    pub(super) async fn get(&self, key: &RowKey) -> StoreResult<Option<Item>> {
        let get = self
            .reads
            .get_item()
            .table_name(&self.name)
            .set_key(Some(rows::key(key)))
            .consistent_read(true);
        let found = get.send().await.map_err(read_error)?;
        Ok(found.item)
    }

    /// The rows under these keys, which differ, in any order; those that are absent are left out.
    pub(super) async fn get_many(&self, keys: &[RowKey]) -> StoreResult<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(BATCH_GET) {
            self.get_batch(chunk, &mut found).await?;
        }
        Ok(found)
    }

    async fn get_batch(&self, keys: &[RowKey], found: &mut Vec<Item>) -> StoreResult<()> {
        let mut wanted: Vec<Item> = keys.iter().map(rows::key).collect();
        for attempt in 0..BATCH_TRIES {
            self.back_off(attempt).await;
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build()
                .map_err(StoreError::internal)?;
            let get = self.reads.batch_get_item().request_items(&self.name, keys);
            let answer = get.send().await.map_err(read_error)?;
            found.extend(
                answer
                    .responses
                    .into_iter()
                    .flatten()
                    .flat_map(|(_, items)| items),
            );
            let left = answer
                .unprocessed_keys
                .and_then(|mut left| left.remove(&self.name));
            match left {
                Some(left) if !left.keys().is_empty() => wanted = left.keys,
                _ => return Ok(()),
            }
        }
        Err(StoreError::new(
            StoreErrorKind::Throttled,
            "DynamoDB keeps leaving keys of a batch unread",
        ))
    }

    /// Writes a row over whatever is under its key. [`Written::Applied`] has the row before.
    pub(super) async fn put(&self, item: Item, condition: Option<&Condition>) -> StoreResult<Written> {
        let put = self
            .writes
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .set_condition_expression(expression(condition))
            .set_expression_attribute_values(values(condition));
        match self.send(|| put.clone().send()).await {
            Ok(done) => Ok(Written::Applied(done.attributes)),
            Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => {
                match answer.into_err() {
                    PutItemError::ConditionalCheckFailedException(failed) => {
                        Ok(Written::Refused(failed.item))
                    }
                    other => Err(StoreError::internal(other)),
                }
            }
            Err(error) => Err(store_error(error, Access::Write)),
        }
    }

    /// Changes some attributes of a row: `update` is an update expression over `values`.
    /// [`Written::Applied`] has the row after it.
    pub(super) async fn update<const N: usize>(
        &self,
        key: &RowKey,
        update: &str,
        values: [(&str, AttributeValue); N],
        condition: &Condition,
    ) -> StoreResult<Written> {
        let mut all = condition.values.clone();
        all.extend(values.map(|(name, value)| (name.to_owned(), value)));
        let update = self
            .writes
            .update_item()
            .table_name(&self.name)
            .set_key(Some(rows::key(key)))
            .update_expression(update)
            .return_values(ReturnValue::AllNew)
            .condition_expression(&condition.expression)
            .set_expression_attribute_values((!all.is_empty()).then_some(all));
        match self.send(|| update.clone().send()).await {
            Ok(done) => Ok(Written::Applied(done.attributes)),
            Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => {
                match answer.into_err() {
                    UpdateItemError::ConditionalCheckFailedException(failed) => {
                        Ok(Written::Refused(failed.item))
                    }
                    other => Err(StoreError::internal(other)),
                }
            }
            Err(error) => Err(store_error(error, Access::Write)),
        }
    }

    /// Removes a row. [`Written::Applied`] has the row that was removed, if there was one.
    pub(super) async fn delete(&self, key: &RowKey, condition: Option<&Condition>) -> StoreResult<Written> {
        let delete = self
            .writes
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(rows::key(key)))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .set_condition_expression(expression(condition))
            .set_expression_attribute_values(values(condition));
        match self.send(|| delete.clone().send()).await {
            Ok(done) => Ok(Written::Applied(done.attributes)),
            Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => {
                match answer.into_err() {
                    DeleteItemError::ConditionalCheckFailedException(failed) => {
                        Ok(Written::Refused(failed.item))
                    }
                    other => Err(StoreError::internal(other)),
                }
            }
            Err(error) => Err(store_error(error, Access::Write)),
        }
    }

    /// One query of at most `limit` rows.
    pub(super) async fn query(&self, range: &Range, limit: usize) -> StoreResult<Rows> {
        let mut query = self
            .reads
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX).max(1))
            .expression_attribute_values(":partition", rows::text(&range.partition));
        query = if range.prefix.is_empty() {
            query.key_condition_expression("PK = :partition")
        } else {
            query
                .key_condition_expression("PK = :partition AND begins_with(SK, :prefix)")
                .expression_attribute_values(":prefix", rows::text(&range.prefix))
        };
        if let Some(after) = &range.after {
            query = query
                .exclusive_start_key(PARTITION_KEY, rows::text(&range.partition))
                .exclusive_start_key(SORT_KEY, rows::text(after));
        }
        let answer = query.send().await.map_err(read_error)?;
        let last = answer.last_evaluated_key.as_ref();
        Ok(Rows {
            last: last
                .map(|key| rows::text_of(key, SORT_KEY).map(str::to_owned))
                .transpose()?,
            items: answer.items.unwrap_or_default(),
        })
    }

    /// Sends a write, and again only while it was certainly not applied.
    pub(super) async fn send<T, E, F>(&self, call: impl Fn() -> F) -> Result<T, SdkError<E, HttpResponse>>
    where
        E: ProvideErrorMetadata + Error + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut tries = 1;
        loop {
            match call().await {
                Err(error) if tries < WRITE_TRIES && may_resend(&error) => {
                    tries += 1;
                    self.back_off(tries).await;
                }
                answer => return answer,
            }
        }
    }
}

/// The place of a row is its sort key. A page that is empty is not the end.
impl RangeReads for Table {
    type Range = Range;
    type Row = Item;
    type Position = String;

    async fn read(&self, range: &Range, limit: usize) -> StoreResult<(Vec<Item>, Option<String>)> {
        let rows = self.query(range, limit).await?;
        Ok((rows.items, rows.last))
    }

    fn after(range: Range, position: &String) -> Range {
        Range {
            after: Some(position.clone()),
            ..range
        }
    }
}

fn read_error<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    store_error(error, Access::Read)
}

pub(super) fn expression(condition: Option<&Condition>) -> Option<String> {
    condition.map(|condition| condition.expression.clone())
}

pub(super) fn values(condition: Option<&Condition>) -> Option<Item> {
    condition
        .map(|condition| condition.values.clone())
        .filter(|values| !values.is_empty())
}
