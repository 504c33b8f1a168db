//! The blob store of the Google Cloud deployment, on fake-gcs-server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bleepstore_core::ports::{BlobStore, Clock};
use bleepstore_gcp::gcs_blobs::{GcsBlobs, GcsSettings, client_builder};
use bleepstore_gcp::tokens::AccessTokens;
use bleepstore_http::SystemClock;
use bleepstore_tests::blob_conformance::BlobFixture;
use bleepstore_tests::emulators::{FakeGcs, gcs_settings};
use reqwest::dns::{Name, Resolve, Resolving};

/// The emulator that all tests of this process share.
fn fake_gcs() -> &'static FakeGcs {
    static EMULATOR: OnceLock<FakeGcs> = OnceLock::new();
    EMULATOR.get_or_init(|| FakeGcs::start().expect("fake-gcs-server starts"))
}

/// A bucket name that was never used before.
fn unused_bucket() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemClock.now().millis();
    format!("t{now}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Each test has a bucket of its own.
pub(super) async fn blobs_in_gcs() -> BlobFixture {
    store(|settings| settings).await
}

async fn store(change: impl FnOnce(GcsSettings) -> GcsSettings) -> BlobFixture {
    let bucket = unused_bucket();
    fake_gcs().create_bucket(&bucket).await.unwrap();
    let settings = change(gcs_settings(fake_gcs().endpoint(), &bucket).unwrap());
    let store = GcsBlobs::new(settings, AccessTokens::fixed("emulated")).unwrap();
    let fixture = BlobFixture::new(Arc::new(store), Arc::new(SystemClock));
    fixture.with_clock_slack(Duration::from_millis(1))
}

/// Larger than one part of a resumable upload.
const SEVERAL_PARTS: usize = (20 << 20) + 1;

#[tokio::test]
async fn many_deletions_at_once_have_an_outcome_each() {
    blobs_in_gcs().await.assert_outcome_of_each_deletion(200).await;
}

#[tokio::test]
async fn without_the_bucket_every_call_fails_and_nothing_looks_missing() {
    let f = blobs_in_gcs().await;
    let settings = gcs_settings(fake_gcs().endpoint(), &unused_bucket()).unwrap();
    let store = GcsBlobs::new(settings, AccessTokens::fixed("emulated")).unwrap();
    f.assert_unusable(&store).await;
}

/// Knows no host, and keeps who was asked for.
#[derive(Clone, Default)]
struct NoHosts(Arc<Mutex<Vec<String>>>);

impl Resolve for NoHosts {
    fn resolve(&self, name: Name) -> Resolving {
        self.0.lock().unwrap().push(name.as_str().to_owned());
        Box::pin(async { Err("there are no hosts".into()) })
    }
}

/// Loopback addresses need no name; everything of Google has one.
#[tokio::test]
async fn with_a_fixed_token_nothing_but_the_endpoint_is_asked_for() {
    let hosts = NoHosts::default();
    let f = store(|settings| GcsSettings {
        http: client_builder()
            .unwrap()
            .dns_resolver(hosts.clone())
            .build()
            .unwrap(),
        ..settings
    })
    .await;
    let (blob, bytes) = (f.fresh(), f.bytes(SEVERAL_PARTS));
    f.write(&blob, &bytes).await;
    assert_eq!(f.read(&blob, 0..3).await, Some(bytes.slice(..3)));
    assert_eq!(f.scan(blob.bucket, 10).await.len(), 1);
    assert!(
        f.store
            .delete(&[blob, blob])
            .await
            .iter()
            .all(|outcome| outcome.result.is_ok())
    );
    assert_eq!(f.store.owner().await.unwrap(), None);
    assert_eq!(*hosts.0.lock().unwrap(), <[String; 0]>::default());
    // That a name would have been noticed.
    let named = GcsSettings {
        http: client_builder()
            .unwrap()
            .dns_resolver(hosts.clone())
            .build()
            .unwrap(),
        clock: Arc::new(bleepstore_tests::clock::SkippingClock::at(
            bleepstore_tests::samples::NOW,
        )),
        ..gcs_settings("http://storage.invalid".to_owned(), "bucket").unwrap()
    };
    let named = GcsBlobs::new(named, AccessTokens::fixed("emulated")).unwrap();
    assert!(named.owner().await.is_err());
    assert_eq!(hosts.0.lock().unwrap()[0], "storage.invalid");
}

/// An emulator's address is not one for real tokens, and an address is needed at all.
#[tokio::test]
async fn an_endpoint_is_an_http_address() {
    for endpoint in ["", "127.0.0.1:80", "ftp://127.0.0.1", "mailto:a@b"] {
        let settings = gcs_settings(endpoint.to_owned(), "bucket").unwrap();
        let store = GcsBlobs::new(settings, AccessTokens::fixed("emulated"));
        assert!(store.is_err(), "{endpoint}");
    }
    let address: SocketAddr = ([127, 0, 0, 1], 1).into();
    let settings = gcs_settings(format!("http://{address}"), "bucket").unwrap();
    assert!(GcsBlobs::new(settings, AccessTokens::fixed("emulated")).is_ok());
}
