//! The blob store of the Azure deployment, on azurite.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bleepstore_azure::azure_blobs::{AzureBlobSettings, AzureBlobs, BlobIdentity};
use bleepstore_core::ports::{BlobStore, StoreErrorKind};
use bleepstore_core::remote::blob_object;
use bleepstore_http::SystemClock;
use bleepstore_tests::blob_conformance::{BlobFixture, body};
use bleepstore_tests::emulators::{Azurite, azure_blob_settings};

/// The emulator that all tests of this process share.
fn azurite() -> &'static Azurite {
    static EMULATOR: OnceLock<Azurite> = OnceLock::new();
    EMULATOR.get_or_init(|| Azurite::start().expect("azurite starts"))
}

/// A container name that was never used before: each process has an emulator of its own.
fn unused_container() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("container-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Each test has a container of its own. Blob Storage dates blobs in whole seconds.
pub(super) async fn blobs_in_azure() -> BlobFixture {
    store().await.1
}

async fn store() -> (String, BlobFixture) {
    let container = unused_container();
    azurite().create_container(&container).await.unwrap();
    let store = AzureBlobs::new(settings(&container)).unwrap();
    let fixture = BlobFixture::new(Arc::new(store), Arc::new(SystemClock));
    (container, fixture.with_clock_slack(Duration::from_secs(1)))
}

fn settings(container: &str) -> AzureBlobSettings {
    azure_blob_settings(azurite().endpoint(), container).unwrap()
}

#[tokio::test]
async fn many_deletions_at_once_have_an_outcome_each() {
    blobs_in_azure().await.assert_outcome_of_each_deletion(200).await;
}

#[tokio::test]
async fn without_the_container_every_call_fails_and_nothing_looks_missing() {
    let f = blobs_in_azure().await;
    let store = AzureBlobs::new(settings(&unused_container())).unwrap();
    f.assert_unusable(&store).await;
}

/// Blocks that no list names show neither in a listing nor as a blob, which the emulator and Azure have in common.
#[tokio::test]
async fn blobs_of_others_in_the_container_are_not_ours() {
    let (container, f) = store().await;
    let blob = f.fresh();
    let sas = azurite().sas().unwrap();
    for (name, query) in [
        (blob_object(&blob), "comp=block&blockid=MDAwMDAwMDA%3D&"),
        ("blobs/notes.txt".to_owned(), ""),
        ("other/notes.txt".to_owned(), ""),
    ] {
        let url = format!("{}/{container}/{name}?{query}{sas}", azurite().endpoint());
        let put = reqwest::Client::new()
            .put(url)
            .header("x-ms-blob-type", "BlockBlob")
            .header("x-ms-version", "2020-10-02")
            .body("bytes");
        assert_eq!(put.send().await.unwrap().status().as_u16(), 201);
    }
    f.assert_absent(&blob).await;
    let page = f.store.scan(None, 1).await.unwrap();
    assert_eq!((page.blobs.len(), page.next), (0, None));
}

#[tokio::test]
async fn a_signature_that_does_not_fit_is_told_at_once() {
    let f = blobs_in_azure().await;
    let sas = azurite().sas().unwrap().replace("sig=", "sig=AAAA");
    let store = AzureBlobs::new(AzureBlobSettings {
        identity: BlobIdentity::Sas(sas),
        ..settings(&unused_container())
    });
    let store = store.unwrap();
    let error = store.scan(None, 1).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Internal, "{error}");
    let written = store.write(&f.fresh(), body([Ok(f.bytes(1))]), None).await;
    assert!(written.is_err());
}
