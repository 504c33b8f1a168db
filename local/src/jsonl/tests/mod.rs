//! What is particular to this store; the port's rules are in the conformance suite.

mod compaction;
mod groups;
mod opening;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bleepstore_core::memory::{Journal, Rows};
use bleepstore_core::ports::{BucketIndex, CreateBucketOutcome};

use super::compaction::SHORTEST;
use super::{JsonlMetadata, OpenError};
use crate::files::faulty::Faulty;
use crate::group_commit::Fatal;
use crate::sample_rows::bucket;

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.jsonl");
    (folder, path)
}

async fn create_bucket(store: &JsonlMetadata) {
    let created = store.create_bucket(&bucket()).await.unwrap();
    assert_eq!(created, CreateBucketOutcome::Created);
}

async fn open_with_bucket(path: &Path) -> JsonlMetadata {
    let store = JsonlMetadata::open(path).unwrap();
    create_bucket(&store).await;
    store
}

/// A store on files that can be made to fail, and what it said when it could not go on.
struct OnFaulty {
    store: JsonlMetadata,
    files: Arc<Faulty>,
    reasons: Arc<Mutex<Vec<String>>>,
}

impl OnFaulty {
    fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, Arc::default(), SHORTEST)
    }

    fn open_with(path: &Path, files: Arc<Faulty>, shortest: u64) -> Result<Self, OpenError> {
        let reasons = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&reasons);
        let fatal: Fatal = Box::new(move |reason| heard.lock().unwrap().push(reason.to_owned()));
        let store = JsonlMetadata::open_with(path, Arc::new(Arc::clone(&files)), shortest, fatal)?;
        Ok(Self {
            store,
            files,
            reasons,
        })
    }

    fn reasons(&self) -> Vec<String> {
        self.reasons.lock().unwrap().clone()
    }
}

/// All rows that a log holds, and that it can be opened.
fn rows_in(path: &Path) -> Rows {
    JsonlMetadata::open(path).unwrap().rows().clone()
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}
