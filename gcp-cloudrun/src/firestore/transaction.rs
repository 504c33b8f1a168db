//! Transactions: what they read, what is decided on it, and when they start again.

use std::mem;

use bleepstore_core::ports::StoreResult;
use firestore::gcloud_sdk::google::firestore::v1::batch_get_documents_request::ConsistencySelector as GetSelector;
use firestore::gcloud_sdk::google::firestore::v1::run_query_request::ConsistencySelector as QuerySelector;
use firestore::gcloud_sdk::google::firestore::v1::transaction_options::{Mode, ReadWrite};
use firestore::gcloud_sdk::google::firestore::v1::{Document, TransactionOptions, Write};
use tonic::Status;

use super::calls::{Documents, TRANSACTION_TRIES};
use super::error::{Access, Meaning, meaning, store_error};
use super::query::Query;
use super::schema::Path;

/// What a transaction does with what it read.
pub(super) enum Decision<T> {
    /// It writes this, and if that is applied the answer is this.
    Write(Vec<Write>, T),
    /// It changes nothing.
    Keep(T),
}

/// What a transaction reads once it knows what it read first.
#[derive(Default)]
pub(super) struct Second {
    /// These documents, which differ.
    pub(super) paths: Vec<Path>,
    /// The first documents of this query, as many.
    pub(super) query: Option<(Query, usize)>,
}

/// What became of one attempt at a transaction.
enum Attempt<T> {
    Ended(T),
    /// It was certainly not applied.
    Lost(Status),
}

impl Documents {
    /// Reads documents and decides on them in one serializable step: what is written is written only if none of
    /// them has changed since. `decide` is called again when another change came between. Those that change one of
    /// the documents `turns` take turns.
    pub(super) async fn transact<T, const N: usize>(
        &self,
        turns: &[&Path],
        paths: [&Path; N],
        decide: impl Fn([Option<Document>; N]) -> StoreResult<Decision<T>> + Send + Sync,
    ) -> StoreResult<T> {
        self.transact_over(turns, paths.map(Some), None, |found, _| decide(found))
            .await
    }

    /// [`Self::transact`], which does not read the documents that are `None` here, and reads the first document of a
    /// query, which must not have changed either.
    pub(super) async fn transact_over<T, const N: usize>(
        &self,
        turns: &[&Path],
        paths: [Option<&Path>; N],
        query: Option<&Query>,
        decide: impl Fn([Option<Document>; N], Option<Document>) -> StoreResult<Decision<T>> + Send + Sync,
    ) -> StoreResult<T> {
        let second = |_: &[Option<Document>; N]| {
            Ok(Second {
                paths: Vec::new(),
                query: query.map(|query| (query.clone(), 1)),
            })
        };
        let decide = |found, mut first: Vec<Document>| decide(found, first.pop());
        self.transact_in_two(turns, paths, second, decide).await
    }

    /// [`Self::transact`], which does not read the documents that are `None` here, and then reads what `second` names.
    /// Of these, those that are there come to `decide` too.
    pub(super) async fn transact_in_two<T, const N: usize>(
        &self,
        turns: &[&Path],
        paths: [Option<&Path>; N],
        second: impl Fn(&[Option<Document>; N]) -> StoreResult<Second> + Send + Sync,
        decide: impl Fn([Option<Document>; N], Vec<Document>) -> StoreResult<Decision<T>> + Send + Sync,
    ) -> StoreResult<T> {
        let mut held = Vec::with_capacity(turns.len());
        for path in turns {
            held.push(self.turns.take(path).await?);
        }
        let answer = self.transact_in_turn(paths, &second, &decide).await;
        drop(held);
        answer
    }

    async fn transact_in_turn<T, const N: usize>(
        &self,
        paths: [Option<&Path>; N],
        second: &(impl Fn(&[Option<Document>; N]) -> StoreResult<Second> + Send + Sync),
        decide: &(impl Fn([Option<Document>; N], Vec<Document>) -> StoreResult<Decision<T>> + Send + Sync),
    ) -> StoreResult<T> {
        let names = paths.map(|path| path.map(|path| self.name(path)));
        let mut transaction = Vec::new();
        let mut tries = 0;
        loop {
            self.back_off(tries).await;
            tries += 1;
            let attempt = self.attempt(&names, &mut transaction, (second, decide));
            match attempt.await? {
                Attempt::Ended(answer) => return Ok(answer),
                Attempt::Lost(status) if tries == TRANSACTION_TRIES => {
                    return Err(store_error(status, Access::Read));
                }
                Attempt::Lost(status) => tracing::debug!(%status, tries, "a transaction starts again"),
            }
        }
    }

    /// One attempt. `transaction` is the one that lost before, if any, and then this one.
    async fn attempt<T, const N: usize>(
        &self,
        names: &[Option<String>; N],
        transaction: &mut Vec<u8>,
        (second, decide): (
            &(impl Fn(&[Option<Document>; N]) -> StoreResult<Second> + Sync),
            &(impl Fn([Option<Document>; N], Vec<Document>) -> StoreResult<Decision<T>> + Sync),
        ),
    ) -> StoreResult<Attempt<T>> {
        let retried = mem::take(transaction);
        let mode = Mode::ReadWrite(ReadWrite {
            retry_transaction: retried,
            ..ReadWrite::default()
        });
        let begin = GetSelector::NewTransaction(TransactionOptions { mode: Some(mode) });
        let found = match self.try_get(names, Some(begin), transaction).await {
            Ok(found) => found,
            Err(status) => return self.lose(status, transaction).await,
        };
        let rest = match second(&found) {
            Ok(second) => self.read_more(second, transaction).await,
            Err(error) => {
                self.roll_back(transaction.clone()).await;
                return Err(error);
            }
        };
        let rest = match rest {
            Ok(rest) => rest,
            Err(status) => return self.lose(status, transaction).await,
        };
        let ended = match decide(found, rest) {
            Ok(Decision::Write(writes, answer)) => match self.try_commit(writes, transaction.clone()).await {
                Ok(()) => return Ok(Attempt::Ended(answer)),
                Err(status) if meaning(&status).may_resend() => Ok(Attempt::Lost(status)),
                Err(status) => Err(store_error(status, Access::Write)),
            },
            Ok(Decision::Keep(answer)) => Ok(Attempt::Ended(answer)),
            Err(error) => Err(error),
        };
        // Also after a commit that failed: what was not applied by now then never will be, and leaves no locks.
        self.roll_back(transaction.clone()).await;
        ended
    }

    /// What becomes of an attempt that could not read.
    async fn lose<T>(&self, status: Status, transaction: &[u8]) -> StoreResult<Attempt<T>> {
        self.roll_back(transaction.to_vec()).await;
        match meaning(&status) {
            Meaning::Defect => Err(store_error(status, Access::Read)),
            _ => Ok(Attempt::Lost(status)),
        }
    }

    /// The documents of a transaction's second read that are there.
    async fn read_more(&self, second: Second, transaction: &[u8]) -> Result<Vec<Document>, Status> {
        let mut found = Vec::new();
        if !second.paths.is_empty() {
            let names = second.paths.iter().map(|path| self.name(path)).collect();
            let within = GetSelector::Transaction(transaction.to_vec());
            let read = self.try_get_named(names, Some(within), &mut Vec::new()).await?;
            found.extend(read.into_values());
        }
        if let Some((query, limit)) = &second.query {
            let within = QuerySelector::Transaction(transaction.to_vec());
            self.try_query(query, *limit, Some(within), &mut found).await?;
        }
        Ok(found)
    }
}
