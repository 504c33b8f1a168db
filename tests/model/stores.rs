//! Random sequences of calls to the stores of the local server, against the store in memory: the same answers, the same
//! scans. That on a log shares the store's logic, and is opened again between the sequences.

use bleepstore_core::memory::MemoryMetadata;
use bleepstore_core::model::{
    Bucket, CommitId, ObjectRecord, RowTag, Token, Upload, UploadState, WriteCondition,
};
use bleepstore_core::ports::{
    DeleteBucketOutcome, Edit, EditOutcome, Expect, KeyRange, KeyStart, MetadataStore, Page, StoreResult,
    UploadRange,
};
use bleepstore_local::jsonl::JsonlMetadata;
use bleepstore_local::sqlite::SqliteMetadata;
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::metadata_conformance::edits::{row, shared, without_bodies, without_body};
use bleepstore_tests::samples::{NOW, Samples, key, later};
use proptest::prelude::*;
use proptest::sample::Index;
use std::time::Duration;

use super::check;
use super::steps::{Body, Expected, KEYS, Retired, Step, Write, step};

/// What an edit expects, of the records that there are.
enum Wanted {
    Condition(WriteCondition, Option<CommitId>),
    Row(Option<RowTag>),
}

impl Wanted {
    fn expect(&self) -> Expect<'_> {
        match self {
            Self::Condition(condition, retired) => Expect::Condition {
                condition,
                retired: *retired,
            },
            Self::Row(tag) => Expect::Row(*tag),
        }
    }
}

/// Both stores, which have seen the same calls since they were new, and what this sequence has put into them.
struct Twins<'a> {
    memory: &'a dyn MetadataStore,
    tested: &'a dyn MetadataStore,
    samples: &'a Samples,
    names: [Bucket; 2],
    buckets: Vec<Bucket>,
    records: Vec<ObjectRecord>,
    uploads: Vec<Upload>,
    token: Token,
}

/// Makes a call to both stores and compares the answers; gives the answer.
macro_rules! both {
    ($twins:expr, $store:ident => $call:expr) => {{
        let $store = $twins.memory;
        let expected = $call;
        let $store = $twins.tested;
        assert_eq!($call, expected);
        expected
    }};
}

impl Twins<'_> {
    async fn take(&mut self, step: &Step) {
        match step {
            Step::CreateBucket(name) => {
                let bucket = self.samples.again(&self.names[*name]);
                both!(self, store => store.create_bucket(&bucket).await.unwrap());
                self.buckets.push(bucket);
            }
            Step::UpdateBucket(index, fresh) => {
                let mut bucket = index.get(&self.buckets).clone();
                let expected = bucket.revision;
                bucket.revision = if *fresh { expected } else { expected.next() };
                bucket.region = self.samples.unique();
                both!(self, store => store.update_bucket(&bucket, expected).await.unwrap());
            }
            Step::DeleteBucket(index) => {
                let bucket = index.get(&self.buckets).clone();
                let token = self.samples.token();
                let outcome = both!(self, store => {
                    store.delete_bucket(&bucket.name, bucket.id, token).await.unwrap()
                });
                if outcome == DeleteBucketOutcome::Deleted {
                    // What its uploads still do is left to the store.
                    self.uploads.retain(|upload| upload.bucket != bucket.id);
                }
            }
            Step::Commit(..) | Step::Remove(..) | Step::Rename(..) | Step::MarkShared(..) => {
                self.change_object(step).await;
            }
            Step::Retire(index) if !self.records.is_empty() => {
                let retired = self.samples.retired(index.get(&self.records));
                both!(self, store => store.retire(&retired).await.unwrap());
            }
            Step::Purge => {
                let now = later().plus(Duration::from_secs(1));
                both!(self, store => store.purge_expired(now, 1_000).await.unwrap());
            }
            Step::Begin(index, name) => {
                let upload = self.samples.upload(index.get(&self.buckets), KEYS[*name]);
                if both!(self, store => store.begin_upload(&upload).await.unwrap()) {
                    self.uploads.push(upload);
                }
            }
            step if !self.uploads.is_empty() => self.change_upload(step).await,
            _ => {}
        }
    }

    async fn change_object(&mut self, step: &Step) {
        match step {
            Step::Commit(index, name, write) => {
                let bucket = index.get(&self.buckets).clone();
                let record = self.record(&bucket, KEYS[*name], write);
                let found = self.found(&bucket, KEYS[*name]).await;
                let wanted = self.wanted(found.as_ref(), write);
                self.edit(&Edit::put(&bucket, &record, wanted.expect())).await;
                self.records.push(record);
            }
            Step::Remove(index, name, write) => {
                let bucket = index.get(&self.buckets).clone();
                let found = self.found(&bucket, KEYS[*name]).await;
                let wanted = self.wanted(found.as_ref(), write);
                self.edit(&Edit::remove(&bucket, &key(KEYS[*name]), wanted.expect()))
                    .await;
            }
            Step::Rename(index, from, to, write) if from != to => {
                let bucket = index.get(&self.buckets).clone();
                let Some(source) = self.found(&bucket, KEYS[*from]).await else {
                    return;
                };
                let record = self.samples.renamed(&source, KEYS[*to]);
                // What was read is not always what is there.
                let source = if write.shared { shared(&source) } else { source };
                let found = self.found(&bucket, KEYS[*to]).await;
                let wanted = self.wanted(found.as_ref(), write);
                self.edit(&Edit::put(&bucket, &record, wanted.expect()).moving(&source))
                    .await;
                self.records.push(record);
            }
            Step::MarkShared(index, name, of) => {
                let bucket = index.get(&self.buckets).clone();
                let found = self
                    .found(&bucket, KEYS[*name])
                    .await
                    .filter(|_| of.index(2) == 0);
                if let Some(record) = found.as_ref().or(self.pick(of)) {
                    let read = ObjectRecord {
                        bucket: bucket.id,
                        key: key(KEYS[*name]),
                        ..record.clone()
                    };
                    self.edit(&Edit::put(&bucket, &shared(&read), row(&read))).await;
                }
            }
            _ => {}
        }
    }

    async fn change_upload(&mut self, step: &Step) {
        match step {
            Step::Part(index, part) => {
                let upload = index.get(&self.uploads);
                let part = self.samples.part(upload, *part);
                both!(self, store => store.record_part(upload, &part).await.unwrap());
            }
            Step::BeginComplete(index) => {
                self.token = self.samples.token();
                let upload = index.get(&self.uploads);
                both!(self, store => store.begin_complete(upload, self.token, NOW).await.unwrap());
            }
            Step::Reopen(index, stale) => {
                let token = if *stale { self.samples.token() } else { self.token };
                let upload = index.get(&self.uploads);
                both!(self, store => store.reopen(upload, token).await.unwrap());
            }
            Step::Publish(index, write) => {
                let upload = index.get(&self.uploads);
                let bucket = self
                    .buckets
                    .iter()
                    .find(|bucket| bucket.id == upload.bucket)
                    .unwrap();
                let record = self.record(bucket, upload.key.as_str(), write);
                let found = self.found(bucket, upload.key.as_str()).await;
                let wanted = self.wanted(found.as_ref(), write);
                let receipt = self.samples.completed(upload, &record);
                let edit = Edit::put(bucket, &record, wanted.expect()).closing(&receipt);
                self.edit(&edit).await;
                self.records.push(record);
            }
            Step::Abort(index) => {
                let upload = index.get(&self.uploads);
                let receipt = self.samples.aborted(upload);
                both!(self, store => store.abort(upload, &receipt).await.unwrap());
            }
            Step::Receipt(index, expired) => {
                let upload = index.get(&self.uploads);
                let bucket = self
                    .buckets
                    .iter()
                    .find(|bucket| bucket.id == upload.bucket)
                    .unwrap();
                let now = if *expired {
                    later().plus(Duration::from_secs(1))
                } else {
                    later()
                };
                both!(self, store => store.receipt(bucket, &upload.key, upload.id, now).await.unwrap());
            }
            _ => {}
        }
    }

    fn pick(&self, index: &Index) -> Option<&ObjectRecord> {
        (!self.records.is_empty()).then(|| index.get(&self.records))
    }

    fn record(&self, bucket: &Bucket, name: &str, write: &Write) -> ObjectRecord {
        let record = match write.body {
            Body::Inline => self.samples.inline(bucket, name, "a body"),
            Body::Extents => self.samples.record(bucket, name),
            Body::Marker => self.samples.marker(bucket, name),
        };
        ObjectRecord {
            shared: write.shared,
            ..record
        }
    }

    /// Makes an edit in both stores.
    async fn edit(&self, edit: &Edit<'_>) -> EditOutcome {
        both!(self, store => without_bodies(store.edit(edit).await.unwrap()))
    }

    /// What is under a key.
    async fn found(&self, bucket: &Bucket, name: &str) -> Option<ObjectRecord> {
        self.memory.lookup(&bucket.name, &key(name)).await.unwrap().object
    }

    /// What an edit expects where `current` is under its key.
    fn wanted(&self, current: Option<&ObjectRecord>, write: &Write) -> Wanted {
        // Half of the picks are the record that is there, so that expectations are often met.
        let pick = |index: &Index| match (current, index.index(2)) {
            (Some(current), 0) => Some(current),
            _ => self.pick(index),
        };
        let condition = match &write.expected {
            Expected::Any => Some(WriteCondition::Any),
            Expected::IfAbsent => Some(WriteCondition::IfAbsent),
            Expected::IfPresent => Some(WriteCondition::IfPresent),
            Expected::IfMatch(index) => {
                pick(index).map(|record| WriteCondition::IfMatch(record.etag.clone()))
            }
            Expected::IfNoneMatch(index) => {
                pick(index).map(|record| WriteCondition::IfNoneMatch(record.etag.clone()))
            }
            Expected::Row(index, flipped) => {
                return Wanted::Row(pick(index).map(|record| RowTag {
                    shared: record.shared != *flipped,
                    ..record.tag()
                }));
            }
            Expected::NoRow => return Wanted::Row(None),
        };
        let retired = match &write.retired {
            Retired::None => None,
            Retired::Current => current,
            Retired::Any(index) => self.pick(index),
        };
        Wanted::Condition(
            condition.unwrap_or(WriteCondition::Any),
            retired.map(|record| record.commit_id),
        )
    }

    /// Everything that can be read, in pages of `limit`.
    async fn compare_scans(&self, limit: usize) {
        for bucket in &self.buckets {
            both!(self, store => store.bucket(&bucket.name).await.unwrap());
            for name in KEYS {
                both!(self, store => store.lookup(&bucket.name, &key(name)).await.unwrap());
            }
            for range in ranges() {
                both!(self, store => {
                    pages(range.start.clone(), async |start| {
                        let range = KeyRange { start, ..range.clone() };
                        store.scan_objects(bucket, &range, limit).await
                    })
                    .await
                });
            }
            both!(self, store => {
                let records = pages(KeyStart::Beginning, async |start| {
                    store.scan_records(bucket, &KeyRange::from(start), limit).await
                });
                records.await.into_iter().map(without_body).collect::<Vec<_>>()
            });
            let uploads = both!(self, store => {
                let all = UploadRange::default();
                pages(all.start, async |start| {
                    let range = UploadRange { start, ..UploadRange::default() };
                    store.scan_uploads(bucket, &range, limit).await
                })
                .await
            });
            for upload in uploads {
                both!(self, store => {
                    pages(None, async |after| some_next(store.scan_parts(&upload, after, limit).await)).await
                });
            }
        }
        for upload in &self.uploads {
            both!(self, store => {
                let mut found = store.lookup_upload(&upload.bucket_name, upload.id).await.unwrap();
                // The row of an upload that has ended may be gone.
                let ended = |upload: &Upload| {
                    matches!(upload.state, UploadState::Completed | UploadState::Aborted)
                };
                found.upload = found.upload.filter(|upload| !ended(upload));
                found
            });
        }
        both!(self, store => {
            pages(None, async |after| some_next(store.scan_retired(after, NOW, limit).await)).await
        });
    }
}

fn ranges() -> Vec<KeyRange> {
    let starts = [
        KeyStart::Beginning,
        KeyStart::After("a".to_owned()),
        KeyStart::AfterPrefix("a/".to_owned()),
    ];
    let prefixes = ["", "a", "a/"];
    let range = |prefix: &str, start: &KeyStart| KeyRange {
        prefix: prefix.to_owned(),
        start: start.clone(),
        ..KeyRange::default()
    };
    prefixes
        .iter()
        .flat_map(|prefix| starts.iter().map(|start| range(prefix, start)))
        .collect()
}

/// All pages of a scan. How they are cut is left to the store.
async fn pages<T, S>(start: S, read: impl AsyncFn(S) -> StoreResult<Page<T, S>>) -> Vec<T> {
    let mut items = Vec::new();
    let mut next = Some(start);
    while let Some(start) = next {
        let page = read(start).await.unwrap();
        items.extend(page.items);
        next = page.next;
    }
    items
}

/// A page whose start may be left out, as one that goes on at such a start.
fn some_next<T, S>(page: StoreResult<Page<T, S>>) -> StoreResult<Page<T, Option<S>>> {
    page.map(|page| Page {
        items: page.items,
        next: page.next.map(Some),
    })
}

impl<'a> Twins<'a> {
    fn new(memory: &'a dyn MetadataStore, tested: &'a dyn MetadataStore, samples: &'a Samples) -> Self {
        Self {
            memory,
            tested,
            samples,
            names: [samples.bucket(), samples.bucket()],
            buckets: Vec::new(),
            records: Vec::new(),
            uploads: Vec::new(),
            token: samples.token(),
        }
    }

    async fn take_all(&mut self, steps: &[Step]) {
        self.take(&Step::CreateBucket(0)).await;
        for step in steps {
            self.take(step).await;
        }
    }
}

fn sequences() -> impl Strategy<Value = (Vec<Step>, usize)> {
    (prop::collection::vec(step(), 1..60), 1..4_usize)
}

#[test]
fn sqlite_answers_every_call_as_the_store_in_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteMetadata::open(&folder.path().join("metadata.sqlite")).unwrap();
    let memory = MemoryMetadata::new(sqlite.inline_limit(), sqlite.layout_limit());
    let samples = Samples::new(SeededEntropy::new(1));
    check(sequences(), async |(steps, limit)| {
        let mut twins = Twins::new(&memory, &sqlite, &samples);
        twins.take_all(&steps).await;
        twins.compare_scans(limit).await;
    });
}

#[test]
fn jsonl_answers_every_call_as_the_store_in_memory_does_and_reads_all_of_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.jsonl");
    let limits = JsonlMetadata::open(&path).unwrap();
    let memory = MemoryMetadata::new(limits.inline_limit(), limits.layout_limit());
    drop(limits);
    let samples = Samples::new(SeededEntropy::new(1));
    check(sequences(), async |(steps, limit)| {
        let (jsonl, reopened);
        jsonl = JsonlMetadata::open(&path).unwrap();
        let mut twins = Twins::new(&memory, &jsonl, &samples);
        twins.take_all(&steps).await;
        jsonl.close().await.unwrap();
        reopened = JsonlMetadata::open(&path).unwrap();
        twins.tested = &reopened;
        twins.compare_scans(limit).await;
    });
}
