//! Google Cloud on loopback: the Firestore emulator and fake-gcs-server.

use std::io;
use std::sync::Arc;

use bleepstore_core::ports::StoreResult;
use bleepstore_gcp::firestore::FirestoreMetadata;
use bleepstore_http::SystemClock;

use super::firestore::{FirestoreEmulator, firestore_store, unused_project};
use super::{FakeGcs, REGION};

/// The bucket of the bytes.
const BLOB_BUCKET: &str = "bleepstore-blobs";

/// Both emulators with nothing in them. They end when this is dropped, or with this process.
pub struct GoogleCloud {
    firestore: FirestoreEmulator,
    storage: FakeGcs,
    project: String,
}

impl GoogleCloud {
    /// Starts both on free ports. Says what to install where the Firestore emulator is missing.
    pub fn start() -> io::Result<Self> {
        Ok(Self {
            firestore: FirestoreEmulator::start()?,
            storage: FakeGcs::start()?,
            project: unused_project(),
        })
    }

    /// Makes the bucket as `infra/gcp` does; a database needs no making here.
    pub async fn provision(&self) -> StoreResult<()> {
        self.storage.create_bucket(BLOB_BUCKET).await
    }

    /// The metadata of a program that has these [`Self::variables`].
    pub async fn metadata(&self) -> FirestoreMetadata {
        firestore_store(&self.firestore.endpoint(), &self.project, Arc::new(SystemClock)).await
    }

    /// What a program needs in its environment to use it instead of Google Cloud.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("FIRESTORE_EMULATOR_HOST", self.firestore.address().to_string()),
            ("STORAGE_EMULATOR_HOST", self.storage.endpoint()),
            ("BLEEPSTORE_PROJECT", self.project.clone()),
            ("BLEEPSTORE_BLOB_BUCKET", BLOB_BUCKET.to_owned()),
            ("BLEEPSTORE_REGION", REGION.to_owned()),
        ]
    }
}
