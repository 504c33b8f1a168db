//! The conformance suites over every store that needs nothing but this machine. A store joins with a factory
//! and a line here.

use std::sync::Arc;

use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_tests::blob_conformance::BlobFixture;
use bleepstore_tests::clock::ManualClock;
use bleepstore_tests::decorators::PassThrough;
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::samples::NOW;

use self::aws::blobs_in_s3;
use self::azurite::blobs_in_azure;
use self::cosmos::cosmos_metadata;
use self::dynamo::dynamo_metadata;
use self::firestore::firestore_metadata;
use self::gcs::blobs_in_gcs;
use self::local::{blobs_in_files, jsonl_metadata, sqlite_metadata};

mod aws;
mod azurite;
mod cosmos;
mod cosmos_faults;
mod cosmos_steps;
mod cosmos_versions;
mod decorators;
mod dynamo;
mod firestore;
mod gcs;
mod local;

async fn memory_metadata() -> MetadataFixture {
    MetadataFixture::new(Arc::new(MemoryMetadata::default()))
}

/// The limits of a store that takes no bodies in its records and few extents.
async fn memory_metadata_with_small_rows() -> MetadataFixture {
    MetadataFixture::new(Arc::new(MemoryMetadata::new(0, 4)))
}

async fn intercepted_metadata() -> MetadataFixture {
    let inner = Arc::new(MemoryMetadata::default());
    MetadataFixture::new(Arc::new(bleepstore_tests::decorators::intercepted_metadata(
        inner,
        Arc::new(PassThrough),
    )))
}

async fn memory_blobs() -> BlobFixture {
    let clock = Arc::new(ManualClock::at(NOW));
    BlobFixture::new(Arc::new(MemoryBlobs::new(clock.clone())), clock)
}

async fn intercepted_blobs() -> BlobFixture {
    let clock = Arc::new(ManualClock::at(NOW));
    let inner = Arc::new(MemoryBlobs::new(clock.clone()));
    BlobFixture::new(
        Arc::new(bleepstore_tests::decorators::intercepted_blobs(
            inner,
            Arc::new(PassThrough),
        )),
        clock,
    )
}

/// Runs a suite on a store, in a module named for the store.
macro_rules! conformance {
    ($($suite:ident: $($store:ident)+;)+) => {
        $($(mod $store { bleepstore_tests::$suite!(super::$store); })+)+
    };
}

conformance! {
    metadata_conformance: memory_metadata memory_metadata_with_small_rows intercepted_metadata sqlite_metadata
        jsonl_metadata dynamo_metadata firestore_metadata cosmos_metadata;
    blob_conformance: memory_blobs intercepted_blobs blobs_in_files blobs_in_s3 blobs_in_gcs blobs_in_azure;
}

mod moto_metadata {
    bleepstore_tests::metadata_conformance!(super::dynamo::moto_metadata, super::dynamo::left_out_on_moto);
}
