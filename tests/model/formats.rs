//! A format that rises beside others who change the store's record, or collect.

use std::sync::Arc;

use bleepstore_core::memory::MemoryMetadata;
use bleepstore_core::model::{BlobRef, Format};
use bleepstore_core::ops::{GcError, GcOptions, Pairing, collect_round, pair_stores, raise_format};
use bleepstore_core::ports::{MetadataStore, Ports, StoreIndex as _, StoreRecord};
use bleepstore_tests::decorators::{Gate, PassThrough};
use bleepstore_tests::deployment::Deployment;
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::samples::Samples;
use futures_util::future::join;

async fn record(store: &Deployment) -> StoreRecord {
    store.metadata.store_record().await.unwrap().unwrap()
}

/// What a slice of gc does.
async fn advance(metadata: &dyn MetadataStore, cursor: BlobRef) -> StoreRecord {
    let record = metadata.store_record().await.unwrap().unwrap();
    let advanced = StoreRecord {
        gc_cursor: Some(cursor),
        ..record
    };
    assert!(
        metadata
            .swap_store_record(Some(&record), &advanced)
            .await
            .unwrap()
    );
    advanced
}

/// One that has read the record waits while another finishes the move and the record goes on: it puts nothing old back.
#[tokio::test]
async fn a_rise_that_comes_late_leaves_the_record_as_it_is_by_then() {
    let samples = Samples::new(SeededEntropy::new(5));
    let cursor = samples.blob(samples.bucket().id);
    // It reads what is in the new place, then the record, then writes: at the first and the last it is late here.
    for read in ["record_at", "swap_record_at"] {
        let store = Deployment::in_memory(0, 1, Arc::new(PassThrough)).await;
        let gate = Gate::new();
        let late = store.beside(gate.clone());
        let mut held = match read {
            "record_at" => gate.hold_answer(read),
            _ => gate.hold(read),
        };
        let rise = raise_format(&late.context.ports, Format::FENCED);
        let meanwhile = async {
            held.arrived().await;
            raise_format(&store.context.ports, Format::FENCED).await.unwrap();
            let advanced = advance(store.metadata.as_ref(), cursor).await;
            held.release();
            advanced
        };
        let (raised, advanced) = join(rise, meanwhile).await;
        raised.unwrap();
        assert_eq!(record(&store).await, advanced, "late at {read}");
    }
}

/// As an old backup of the metadata that is put back beside the bytes of today.
#[tokio::test]
async fn an_old_copy_of_the_metadata_never_passes_for_the_owner_by_rising() {
    let store = Deployment::in_memory(0, 1_000, Arc::new(PassThrough)).await;
    let ports = &store.context.ports;
    let old = ports.metadata.store_record().await.unwrap().unwrap();
    raise_format(ports, Format::LATEST).await.unwrap();
    let copy = MemoryMetadata::new(0, 1_000);
    assert!(copy.swap_store_record(None, &old).await.unwrap());
    let copy = Ports {
        metadata: Arc::new(copy),
        ..ports.clone()
    };
    assert_eq!(pair_stores(&copy).await.unwrap(), Pairing::Foreign);
    let refused = raise_format(&copy, Format::LATEST).await.unwrap_err();
    assert!(refused.to_string().contains("an old copy"), "{refused}");
    assert_eq!(pair_stores(&copy).await.unwrap(), Pairing::Foreign);
    let collected = collect_round(&copy, &GcOptions::default()).await;
    assert!(matches!(collected, Err(GcError::NotOwned)));
}
