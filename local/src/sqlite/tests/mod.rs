//! What is particular to this store; the port's rules are in the conformance suite.

mod events;
mod groups;
mod opening;
mod rows;

use std::path::{Path, PathBuf};

use bleepstore_core::ports::{BucketIndex, CreateBucketOutcome};

use super::SqliteMetadata;
use crate::sample_rows::{bucket, get, inline, object, put, put_if, remove};

async fn open_with_bucket(path: &Path) -> SqliteMetadata {
    let store = SqliteMetadata::open(path).unwrap();
    let created = store.create_bucket(&bucket()).await.unwrap();
    assert_eq!(created, CreateBucketOutcome::Created);
    store
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.sqlite");
    (folder, path)
}
