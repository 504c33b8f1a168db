//! Firestore, as Google's emulator shows it: in pessimistic mode, where the service is set to optimistic.

use std::sync::{Arc, OnceLock};

use bleepstore_tests::emulators::{FirestoreEmulator, firestore_store, unused_project};
use bleepstore_tests::metadata_conformance::{MetadataFixture, store_record};

use super::local::SystemClock;

/// The emulator that all tests of this process share.
fn emulator() -> &'static FirestoreEmulator {
    static EMULATOR: OnceLock<FirestoreEmulator> = OnceLock::new();
    EMULATOR.get_or_init(|| FirestoreEmulator::start().unwrap_or_else(|missing| panic!("{missing}")))
}

/// Each rule has a project of its own. Firestore removes what expires by itself.
pub(super) async fn firestore_metadata() -> MetadataFixture {
    empty_metadata().await.in_a_shared_store()
}

async fn empty_metadata() -> MetadataFixture {
    let endpoint = emulator().endpoint();
    let store = firestore_store(&endpoint, &unused_project(), Arc::new(SystemClock)).await;
    MetadataFixture::new(Arc::new(store))
}

#[tokio::test]
async fn the_store_record_is_swapped_from_what_was_expected_only() {
    store_record::the_store_record_is_swapped_from_what_was_expected_only(empty_metadata().await).await;
}

#[tokio::test]
async fn of_racing_swaps_of_the_store_record_one_wins() {
    store_record::of_racing_swaps_of_the_store_record_one_wins(empty_metadata().await).await;
}
