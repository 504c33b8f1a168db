//! The calls: what each sends, which are sent again, how long they may take, and how many there were.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::ports::{Clock, Entropy, StoreResult, back_off};
use bleepstore_core::rows::RangeReads;
use firestore::FirestoreDb;
use firestore::gcloud_sdk::GoogleAuthMiddleware;
use firestore::gcloud_sdk::google::firestore::v1::batch_get_documents_request::ConsistencySelector as GetSelector;
use firestore::gcloud_sdk::google::firestore::v1::batch_get_documents_response::Result as GetResult;
use firestore::gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use firestore::gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use firestore::gcloud_sdk::google::firestore::v1::run_query_request::{
    ConsistencySelector as QuerySelector, QueryType,
};
use firestore::gcloud_sdk::google::firestore::v1::write::Operation;
use firestore::gcloud_sdk::google::firestore::v1::{
    BatchGetDocumentsRequest, CommitRequest, Document, Precondition, RollbackRequest, RunQueryRequest, Write,
};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Code, Request, Status};

use super::error::{Access, Meaning, meaning, store_error};
use super::query::Query;
use super::routing::{parameters, request};
use super::rows::Fields;
use super::schema::Path;
use super::turns::Turns;
use super::usage::Counters;

/// How long one read of documents may take. It waits for locks where the database is pessimistic.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one query may take, with all its documents.
const QUERY_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a commit may take. It is longer than it should ever be, since giving up leaves its outcome open.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the end of a transaction may take, for which its request waits.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a change waits for others of this process to change the same document.
const TURN_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a read is tried.
const READ_TRIES: u32 = 4;
/// How often a change is tried that was certainly not applied.
const CHANGE_TRIES: u32 = 20;
/// The same of a transaction, which other processes may lock out again and again: it takes some ten seconds.
pub(super) const TRANSACTION_TRIES: u32 = 40;
/// How many documents one commit writes or deletes where nothing says how many belong together.
pub(super) const WRITES: usize = 500;

/// A database and what was asked of it.
pub(super) struct Documents {
    db: FirestoreDb,
    /// What every call says of the database.
    parameters: Option<MetadataValue<Ascii>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(super) turns: Turns,
    pub(super) counters: Counters,
}

impl Documents {
    pub(super) fn new(db: FirestoreDb, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            parameters: parameters(db.get_database_path()),
            db,
            clock,
            entropy,
            turns: Turns::new(TURN_TIMEOUT),
            counters: Counters::default(),
        }
    }

    /// The full name of a document.
    pub(super) fn name(&self, path: &Path) -> String {
        format!("{}/{path}", self.db.get_documents_path())
    }

    /// The name of the database.
    pub(super) fn database(&self) -> &str {
        self.db.get_database_path()
    }

    /// A call of this database, which ends in time.
    fn within<T>(&self, message: T, limit: Duration) -> Request<T> {
        request(message, self.parameters.as_ref(), limit)
    }

    fn client(&self) -> FirestoreClient<GoogleAuthMiddleware> {
        self.db.client().get()
    }

    pub(super) async fn back_off(&self, attempt: u32) {
        back_off(self.clock.as_ref(), self.entropy.as_ref(), attempt).await;
    }

    /// A write of a whole document over whatever is there.
    pub(super) fn put(&self, path: &Path, fields: Fields) -> Write {
        Write {
            operation: Some(Operation::Update(Document {
                name: self.name(path),
                fields,
                ..Document::default()
            })),
            ..Write::default()
        }
    }

    /// A deletion, of a document that need not be there.
    pub(super) fn delete(&self, path: &Path) -> Write {
        deletion(self.name(path))
    }

    /// The documents at these paths, which differ, as they are now.
    pub(super) async fn get<const N: usize>(&self, paths: [&Path; N]) -> StoreResult<[Option<Document>; N]> {
        let names = paths.map(|path| Some(self.name(path)));
        let mut tries = 1;
        loop {
            match self.try_get(&names, None, &mut Vec::new()).await {
                Ok(found) => return Ok(found),
                Err(status) if tries < READ_TRIES && meaning(&status) != Meaning::Defect => {
                    tries += 1;
                    self.back_off(tries).await;
                }
                Err(status) => return Err(store_error(status, Access::Read)),
            }
        }
    }

    /// Creates a document. Returns whether it did: false when there is one.
    pub(super) async fn create(&self, path: &Path, fields: Fields) -> StoreResult<bool> {
        self.change_if(self.put(path, fields), false).await
    }

    /// Writes a document over the one that is there. Returns whether it did: false when there is none.
    pub(super) async fn replace(&self, path: &Path, fields: Fields) -> StoreResult<bool> {
        self.change_if(self.put(path, fields), true).await
    }

    /// Deletes a document. Returns whether it was there.
    pub(super) async fn remove(&self, path: &Path) -> StoreResult<bool> {
        self.change_if(self.delete(path), true).await
    }

    /// Changes one document if it is there, or if it is not. Returns whether it did.
    async fn change_if(&self, write: Write, exists: bool) -> StoreResult<bool> {
        let write = Write {
            current_document: Some(Precondition {
                condition_type: Some(ConditionType::Exists(exists)),
            }),
            ..write
        };
        let refusal = if exists {
            Code::NotFound
        } else {
            Code::AlreadyExists
        };
        let mut tries = 1;
        loop {
            let Err(status) = self.try_commit(vec![write.clone()], Vec::new()).await else {
                return Ok(true);
            };
            match status.code() {
                code if code == refusal || code == Code::FailedPrecondition => return Ok(false),
                _ if tries < CHANGE_TRIES && meaning(&status).may_resend() => {
                    tries += 1;
                    self.back_off(tries).await;
                }
                _ => return Err(store_error(status, Access::Write)),
            }
        }
    }

    /// Deletes the documents of these names, at most [`WRITES`], whatever they hold.
    pub(super) async fn delete_all(&self, names: Vec<String>) -> StoreResult<()> {
        self.write_all(names.into_iter().map(deletion).collect()).await
    }

    /// Makes these writes, at most [`WRITES`], whatever the documents hold.
    pub(super) async fn write_all(&self, writes: Vec<Write>) -> StoreResult<()> {
        let mut tries = 1;
        loop {
            match self.try_commit(writes.clone(), Vec::new()).await {
                Ok(()) => return Ok(()),
                // Writing or deleting twice is doing it once.
                Err(status) if tries < READ_TRIES && meaning(&status) != Meaning::Defect => {
                    tries += 1;
                    self.back_off(tries).await;
                }
                Err(status) => return Err(store_error(status, Access::Write)),
            }
        }
    }

    /// The first `limit` documents of a query. One whose stream breaks off goes on after what has arrived: only
    /// a stream that ends well, or the limit, is the end.
    pub(super) async fn run(&self, mut query: Query, limit: usize) -> StoreResult<Vec<Document>> {
        let mut found = Vec::new();
        let mut tries = 1;
        loop {
            let wanted = limit - found.len();
            match self.try_query(&query, wanted, None, &mut found).await {
                Ok(()) => return Ok(found),
                Err(_) if found.len() >= limit => return Ok(found),
                Err(status) if tries < READ_TRIES && meaning(&status) != Meaning::Defect => {
                    tries += 1;
                    self.back_off(tries).await;
                    if let Some(last) = found.last() {
                        query = query.behind(last);
                    }
                }
                Err(status) => return Err(store_error(status, Access::Read)),
            }
        }
    }

    /// Ends a transaction without a change, so that its locks are not in the way of others.
    pub(super) async fn roll_back(&self, transaction: Vec<u8>) {
        if transaction.is_empty() {
            return;
        }
        self.counters.round_trip();
        let rollback = RollbackRequest {
            database: self.database().to_owned(),
            transaction,
            ..RollbackRequest::default()
        };
        let rollback = self.within(rollback, ROLLBACK_TIMEOUT);
        if let Err(status) = self.client().rollback(rollback).await {
            tracing::debug!(%status, "a transaction was not rolled back, and ends by itself");
        }
    }

    /// The documents of these names. What is `None` is not asked for, and none is found.
    pub(super) async fn try_get<const N: usize>(
        &self,
        names: &[Option<String>; N],
        selector: Option<GetSelector>,
        transaction: &mut Vec<u8>,
    ) -> Result<[Option<Document>; N], Status> {
        let documents: Vec<String> = names.iter().flatten().cloned().collect();
        let mut found = self.try_get_named(documents, selector, transaction).await?;
        Ok(names.each_ref().map(|name| found.remove(name.as_ref()?)))
    }

    /// The documents of these names that are there, by their names.
    pub(super) async fn try_get_named(
        &self,
        documents: Vec<String>,
        selector: Option<GetSelector>,
        transaction: &mut Vec<u8>,
    ) -> Result<HashMap<String, Document>, Status> {
        self.counters.round_trip();
        let asked = documents.len();
        let get = BatchGetDocumentsRequest {
            database: self.database().to_owned(),
            documents,
            consistency_selector: selector,
            ..BatchGetDocumentsRequest::default()
        };
        let answer = self
            .client()
            .batch_get_documents(self.within(get, READ_TIMEOUT))
            .await?;
        let mut answers = answer.into_inner();
        let mut found = HashMap::new();
        let mut answered = 0;
        while let Some(answer) = answers.message().await? {
            if !answer.transaction.is_empty() {
                *transaction = answer.transaction;
            }
            answered += usize::from(answer.result.is_some());
            if let Some(GetResult::Found(document)) = answer.result {
                found.insert(document.name.clone(), document);
            }
        }
        self.counters.read(answered);
        if answered < asked {
            return Err(Status::unavailable("Firestore left documents of a batch unread"));
        }
        Ok(found)
    }

    pub(super) async fn try_commit(&self, writes: Vec<Write>, transaction: Vec<u8>) -> Result<(), Status> {
        self.counters.round_trip();
        let deletions = writes.iter().filter(|write| is_deletion(write)).count();
        let puts = writes.len() - deletions;
        let commit = CommitRequest {
            database: self.database().to_owned(),
            writes,
            transaction,
            ..CommitRequest::default()
        };
        self.client().commit(self.within(commit, COMMIT_TIMEOUT)).await?;
        self.counters.wrote(puts, deletions);
        Ok(())
    }

    pub(super) async fn try_query(
        &self,
        query: &Query,
        limit: usize,
        selector: Option<QuerySelector>,
        found: &mut Vec<Document>,
    ) -> Result<(), Status> {
        self.counters.round_trip();
        let documents = self.db.get_documents_path();
        let run = RunQueryRequest {
            parent: match &query.parent {
                Some(path) => format!("{documents}/{path}"),
                None => documents.clone(),
            },
            query_type: Some(QueryType::StructuredQuery(query.structured(limit))),
            consistency_selector: selector,
            ..RunQueryRequest::default()
        };
        let before = found.len();
        let answer = self.client().run_query(self.within(run, QUERY_TIMEOUT)).await?;
        let mut answers = answer.into_inner();
        let ended = loop {
            match answers.message().await {
                Ok(Some(answer)) => found.extend(answer.document),
                Ok(None) => break Ok(()),
                Err(status) => break Err(status),
            }
        };
        // A query that finds nothing is billed as one read.
        self.counters.read((found.len() - before).max(1));
        ended
    }
}

/// The place of a document is told by the document.
impl RangeReads for Documents {
    type Range = Query;
    type Row = Document;
    type Position = Document;

    async fn read(&self, query: &Query, limit: usize) -> StoreResult<(Vec<Document>, Option<Document>)> {
        let found = self.run(query.clone(), limit).await?;
        let last = found.last().filter(|_| found.len() >= limit).cloned();
        Ok((found, last))
    }

    fn after(query: Query, last: &Document) -> Query {
        query.behind(last)
    }
}

fn deletion(name: String) -> Write {
    Write {
        operation: Some(Operation::Delete(name)),
        ..Write::default()
    }
}

fn is_deletion(write: &Write) -> bool {
    matches!(write.operation, Some(Operation::Delete(_)))
}
