//! The calls: what each sends, which are sent again, and how long they may take.
//!
//! The SDK tries again by itself what a store of commits must not: it holds that a create or a replace may be
//! repeated after an answer that was lost. A record that was overwritten meanwhile would come back, naming
//! bytes that are gone. So its retries are off where options can do that, and the client is made so that the
//! rest cannot happen ([`super::connect`]). What it still repeats was refused before it took effect: 449,
//! and what went to a wrong replica or region.

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use azure_core::http::Etag;
use azure_data_cosmos::models::{ItemResponse, ResponseHeaders};
use azure_data_cosmos::options::{
    AvailabilityStrategy, EndToEndOperationLatencyPolicy, ItemReadOptions, ItemWriteOptions,
    MaxItemCountHint, OperationOptions, Precondition, QueryOptions, ReadConsistencyStrategy,
    ThrottlingRetryOptions,
};
use azure_data_cosmos::{ContainerClient, CosmosError, FeedScope, Query};
use bleepstore_core::model::{BucketId, hex};
use bleepstore_core::ports::{Clock, Entropy, StoreError, StoreErrorKind, StoreResult, back_off};
use bleepstore_core::rows::RangeReads;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;

use super::charges::RequestCharges;
use super::error::{Access, Meaning, meaning, retry_after, store_error};
use super::rows::Item;
use super::schema::{RowKey, order_of_notes};

/// How long one try of a read may take. Reads take milliseconds; a lost packet must not hold a request.
const READ_TRY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a write may take. It is longer than a read's, since giving up leaves its outcome open.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is sent at most.
pub(super) const TRIES: u32 = 5;
/// The longest wait that a throttled call obeys; if the service asks for more, the caller is told at once.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Rows that are read at the same time.
pub(super) const READS_AT_ONCE: usize = 16;
/// Rows that one query returns at most.
const PAGE: usize = 1_000;
/// Pages without a row that are read past. The service ends a page when its time or its request units are used up,
/// whatever it has found until then: <https://learn.microsoft.com/azure/cosmos-db/nosql/query/pagination>.
const EMPTY_PAGES: usize = 32;

const RANGE: &str = "SELECT * FROM c WHERE c.k >= @from AND c.k < @to ORDER BY c.k";

/// A container and the ways to call it.
pub(super) struct Container {
    pub(super) client: ContainerClient,
    reads: OperationOptions,
    pub(super) writes: OperationOptions,
    charges: Arc<RequestCharges>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Rows of one partition, ascending: those that are ordered by `from` or more and by less than `to`.
#[derive(Clone, Debug)]
pub(super) struct Range {
    partition: String,
    from: String,
    to: String,
}

/// What one query found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows<T = Item> {
    pub(super) items: Vec<T>,
    /// Whether there may be more after them.
    pub(super) more: bool,
}

impl Range {
    /// All listed rows of a partition whose hex starts with that of `prefix`.
    pub(super) fn of_prefix(partition: impl Into<String>, prefix: &str) -> Self {
        let from = hex(prefix);
        Self {
            partition: partition.into(),
            // Greater than any digit.
            to: format!("{from}g"),
            from,
        }
    }

    /// All listed rows of a partition.
    pub(super) fn all(partition: impl Into<String>) -> Self {
        Self::of_prefix(partition, "")
    }

    /// The notes of renames in a creation of a bucket.
    pub(super) fn of_notes(partition: impl Into<String>, bucket: BucketId) -> Self {
        let from = order_of_notes(bucket);
        Self {
            partition: partition.into(),
            // Greater than the digits of commit ids.
            to: format!("{from}g"),
            from,
        }
    }

    /// The rows that are ordered by something which starts with this, and goes on with hex digits.
    pub(super) fn of_order(partition: impl Into<String>, from: String) -> Self {
        Self {
            partition: partition.into(),
            to: format!("{from}g"),
            from,
        }
    }

    /// What of the range is ordered by `from` or more.
    pub(super) fn from(mut self, from: String) -> Self {
        self.from = self.from.max(from);
        self
    }

    /// What of the range is after a row that is ordered by `order`.
    pub(super) fn after(self, order: &str) -> Self {
        // Less than any digit, and than the slash.
        self.from(format!("{order}!"))
    }

    /// What of the range is after every row whose hex starts with that of `prefix`.
    pub(super) fn after_prefix(self, prefix: &str) -> Self {
        self.from(hex(prefix) + "g")
    }

    #[cfg(test)]
    pub(super) fn holds(&self, order: &str) -> bool {
        (self.from.as_str()..self.to.as_str()).contains(&order)
    }
}

impl Container {
    pub(super) fn new(client: ContainerClient, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let mut reads = options(READ_TRY_TIMEOUT);
        // The SDK refuses it on an account whose consistency is not Strong.
        reads.read_consistency_strategy = Some(ReadConsistencyStrategy::GlobalStrong);
        Self {
            client,
            reads,
            writes: options(WRITE_TIMEOUT),
            charges: Arc::default(),
            clock,
            entropy,
        }
    }

    pub(super) const fn charges(&self) -> &Arc<RequestCharges> {
        &self.charges
    }

    pub(super) async fn back_off(&self, attempt: u32) {
        back_off(self.clock.as_ref(), self.entropy.as_ref(), attempt).await;
    }

    /// The row under a key.
    pub(super) async fn get(&self, key: &RowKey) -> StoreResult<Option<Item>> {
        match self.try_get(key).await {
            Ok(item) => Ok(item),
            Err(error) => Err(store_error(&error, Access::Read)),
        }
    }

    /// What the rows under these keys hold, in their order; those that are absent are left out.
    pub(super) async fn get_many<T: DeserializeOwned>(&self, keys: Vec<RowKey>) -> StoreResult<Vec<T>> {
        let found: Vec<Option<Item>> = stream::iter(keys)
            .map(|key| async move { self.get(&key).await })
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        found.iter().flatten().map(Item::detail).collect()
    }

    /// [`Self::get`] with the SDK's own error.
    pub(super) async fn try_get(&self, key: &RowKey) -> Result<Option<Item>, CosmosError> {
        let read = self.send("read", Access::Read, || async {
            let options = ItemReadOptions::default().with_operation_options(self.reads.clone());
            let read = self.client.read_item(key.pk.clone(), &key.id, Some(options));
            let found = read.await?;
            self.note("read", found.headers());
            found.into_model::<Item>()
        });
        match read.await {
            Ok(item) => Ok(Some(item)),
            Err(error) if meaning(&error) == Meaning::Absent => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a row where there is none. Returns what it is known by; `None` when there is one.
    pub(super) async fn create(&self, item: &Item) -> StoreResult<Option<Etag>> {
        let create = self.send("create", Access::Write, || async {
            let options = self.write_options(None);
            let create = self
                .client
                .create_item(item.pk.clone(), &item.id, item, Some(options));
            self.written("create", create.await?)
        });
        refused_if(create.await, &[Meaning::Exists])
    }

    /// Writes a row over the one that was seen. Returns what it is known by now; `None` when another is there,
    /// or none.
    pub(super) async fn replace(&self, item: &Item, seen: &Etag) -> StoreResult<Option<Etag>> {
        let replace = self.send("replace", Access::Write, || async {
            let options = self.write_options(Some(seen));
            let replace = self
                .client
                .replace_item(item.pk.clone(), &item.id, item, Some(options));
            self.written("replace", replace.await?)
        });
        refused_if(replace.await, &[Meaning::Changed, Meaning::Absent])
    }

    /// Writes a row over whatever is there.
    pub(super) async fn put(&self, item: &Item) -> StoreResult<()> {
        let put = self.send("upsert", Access::Write, || async {
            let options = self.write_options(None);
            let put = self
                .client
                .upsert_item(item.pk.clone(), &item.id, item, Some(options));
            self.written("upsert", put.await?)
        });
        match put.await {
            Ok(_) => Ok(()),
            Err(error) => Err(store_error(&error, Access::Write)),
        }
    }

    /// Removes a row, if it still is the one that was seen. Returns false when another is there, or none.
    pub(super) async fn delete(&self, key: &RowKey, seen: Option<&Etag>) -> StoreResult<bool> {
        let delete = self.send("delete", Access::Write, || async {
            let options = self.write_options(seen);
            let delete = self.client.delete_item(key.pk.clone(), &key.id, Some(options));
            self.note("delete", delete.await?.headers());
            Ok(())
        });
        let deleted = refused_if(delete.await, &[Meaning::Changed, Meaning::Absent])?;
        Ok(deleted.is_some())
    }

    /// One query of at most `limit` rows.
    pub(super) async fn query(&self, range: &Range, limit: usize) -> StoreResult<Rows> {
        if range.from >= range.to {
            return Ok(Rows {
                items: Vec::new(),
                more: false,
            });
        }
        let found = self.send("query", Access::Read, || self.first_page(range, limit));
        found.await.map_err(|error| store_error(&error, Access::Read))
    }

    /// The first page of a query that has a row. The next one is a query of its own, from where this one ended: the
    /// SDK's continuation tokens lead past empty pages, and nowhere else.
    async fn first_page(&self, range: &Range, limit: usize) -> Result<Rows, CosmosError> {
        let limit = u32::try_from(limit.clamp(1, PAGE)).unwrap_or(1);
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        let options = QueryOptions::default()
            .with_operation_options(self.reads.clone())
            .with_max_item_count(MaxItemCountHint::Limit(limit));
        let query = Query::from(RANGE)
            .with_parameter("@from", &range.from)?
            .with_parameter("@to", &range.to)?;
        let scope = FeedScope::partition(range.partition.clone());
        let query = self.client.query_items::<Item>(query, scope, Some(options));
        let pages = query.await?.into_pages().map_ok(|page| {
            self.note("query", page.headers());
            Rows {
                more: page.headers().continuation().is_some(),
                items: page.into_items(),
            }
        });
        past_empty(pages).await
    }

    fn write_options(&self, seen: Option<&Etag>) -> ItemWriteOptions {
        let options = ItemWriteOptions::default().with_operation_options(self.writes.clone());
        match seen {
            Some(seen) => options.with_precondition(Precondition::if_match(seen.clone())),
            None => options,
        }
    }

    /// What a row is known by that was written.
    fn written(&self, call: &'static str, answer: ItemResponse) -> Result<Etag, CosmosError> {
        self.note(call, answer.headers());
        Ok(answer.headers().etag().cloned().unwrap_or_else(|| Etag::from("")))
    }

    /// Notes what an answer cost.
    pub(super) fn note(&self, call: &'static str, headers: &ResponseHeaders) {
        let charge = headers.request_charge().map_or(0.0, |charge| charge.value());
        self.charges.add(call, charge);
    }

    /// Sends a call, a write again only while it was certainly not applied.
    pub(super) async fn send<T, F>(
        &self,
        call: &'static str,
        access: Access,
        send: impl Fn() -> F,
    ) -> Result<T, CosmosError>
    where
        F: Future<Output = Result<T, CosmosError>>,
    {
        let mut tries = 1;
        loop {
            let error = match send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if let Some(answer) = error.response() {
                let charge = answer.headers().request_charge.as_ref();
                self.charges
                    .add(call, charge.map_or(0.0, |charge| charge.value()));
            }
            let wait = retry_after(&error).unwrap_or_default();
            if tries == TRIES || !meaning(&error).may_resend(access) || wait > LONGEST_WAIT {
                return Err(error);
            }
            tries += 1;
            self.clock.sleep(wait).await;
            self.back_off(tries).await;
        }
    }
}

/// The place of a row is what it is ordered by.
impl RangeReads for Container {
    type Range = Range;
    type Row = Item;
    type Position = String;

    async fn read(&self, range: &Range, limit: usize) -> StoreResult<(Vec<Item>, Option<String>)> {
        let rows = self.query(range, limit).await?;
        if !rows.more {
            return Ok((rows.items, None));
        }
        let Some(last) = rows.items.last() else {
            return Err(StoreError::new(
                StoreErrorKind::Throttled,
                "a query found no row on many pages, and did not end",
            ));
        };
        let last = last.order()?.to_owned();
        Ok((rows.items, Some(last)))
    }

    fn after(range: Range, position: &String) -> Range {
        range.after(position)
    }
}

/// The first page that has a row, or that has nothing after it; the last of so many where all are empty.
async fn past_empty<T, E>(pages: impl Stream<Item = Result<Rows<T>, E>>) -> Result<Rows<T>, E> {
    let mut pages = pin!(pages.take(EMPTY_PAGES));
    let mut read = Rows {
        items: Vec::new(),
        more: false,
    };
    while let Some(page) = pages.try_next().await? {
        read = page;
        if !read.items.is_empty() || !read.more {
            break;
        }
    }
    Ok(read)
}

/// Options that leave one try to the SDK.
fn options(timeout: Duration) -> OperationOptions {
    let mut throttling = ThrottlingRetryOptions::default();
    throttling.max_retry_count = Some(0);
    let mut options = OperationOptions::default();
    options.end_to_end_latency_policy = Some(EndToEndOperationLatencyPolicy::new(timeout));
    options.throttling_retry_options = Some(throttling);
    options.max_failover_retry_count = Some(0);
    options.availability_strategy = Some(AvailabilityStrategy::Disabled);
    options.hedging_enabled = Some(false);
    // Strong reads need no session.
    options.session_capturing_disabled = Some(true);
    options
}

/// `None` for a write that was refused because the row was not as it wanted it.
fn refused_if<T>(answer: Result<T, CosmosError>, refusals: &[Meaning]) -> StoreResult<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if refusals.contains(&meaning(&error)) => Ok(None),
        Err(error) => Err(store_error(&error, Access::Write)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads pages, each with its rows and whether there is more after it; what was found, and how many were read.
    async fn read(pages: Vec<(Vec<u32>, bool)>) -> (Rows<u32>, usize) {
        let all = pages.len();
        let mut left = stream::iter(
            pages
                .into_iter()
                .map(|(items, more)| Ok::<_, ()>(Rows { items, more })),
        );
        let rows = past_empty(&mut left).await.unwrap();
        (rows, all - left.count().await)
    }

    const fn found(items: Vec<u32>, more: bool) -> Rows<u32> {
        Rows { items, more }
    }

    #[tokio::test]
    async fn an_empty_page_with_more_after_it_is_read_past() {
        let pages = vec![
            (vec![], true),
            (vec![], true),
            (vec![1, 2], true),
            (vec![3], false),
        ];
        assert_eq!(read(pages).await, (found(vec![1, 2], true), 3));
    }

    #[tokio::test]
    async fn an_empty_page_with_nothing_after_it_is_the_end() {
        assert_eq!(
            read(vec![(vec![], true), (vec![], false)]).await,
            (found(vec![], false), 2)
        );
        assert_eq!(read(vec![]).await, (found(vec![], false), 0));
    }

    #[tokio::test]
    async fn so_many_empty_pages_are_read_and_no_more() {
        let pages = vec![(vec![], true); EMPTY_PAGES + 5];
        assert_eq!(read(pages).await, (found(vec![], true), EMPTY_PAGES));
    }

    #[tokio::test]
    async fn a_page_that_fails_fails_the_query() {
        let pages = stream::iter([Ok(found(vec![], true)), Err("throttled")]);
        assert_eq!(past_empty(pages).await, Err("throttled"));
    }
}
