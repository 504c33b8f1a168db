//! Cosmos DB, as the emulator of Microsoft's SDK shows it over loopback.

use std::sync::{Arc, OnceLock};

use azure_data_cosmos_driver::in_memory_emulator::ConsistencyLevel;
use bleepstore_azure::cosmos::{ConnectError, CosmosMetadata, connect};
use bleepstore_core::model::Bucket;
use bleepstore_core::ports::{Clock, Edit, KeyRange, KeyStart, MetadataStore, ObjectIndex};
use bleepstore_tests::emulators::CosmosEmulator;
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::metadata_conformance::MetadataFixture;
use bleepstore_tests::metadata_conformance::edits::ANY;
use futures_util::{StreamExt, stream};

use super::local::SystemClock;

/// All rules share one account, as buckets do.
pub(super) async fn cosmos_metadata() -> MetadataFixture {
    static EMULATOR: OnceLock<CosmosEmulator> = OnceLock::new();
    let emulator = EMULATOR.get_or_init(|| CosmosEmulator::start().unwrap());
    let store = store(emulator, Arc::new(SystemClock)).await;
    MetadataFixture::new(store).in_a_shared_store()
}

/// A store in an account, as another process has it.
pub(super) async fn store(emulator: &CosmosEmulator, clock: Arc<dyn Clock>) -> Arc<CosmosMetadata> {
    let entropy = Arc::new(SeededEntropy::unpredictable());
    let store = connect(&emulator.account(), clock, entropy).await;
    Arc::new(store.unwrap())
}

/// An account of its own.
pub(super) async fn own_metadata() -> (Arc<CosmosEmulator>, MetadataFixture) {
    let emulator = Arc::new(CosmosEmulator::start().unwrap());
    let store = store(&emulator, Arc::new(SystemClock)).await;
    let fixture = MetadataFixture::new(store).holding(Arc::clone(&emulator));
    (emulator, fixture)
}

bleepstore_tests::store_record_rules!(own_metadata().await.1);

#[tokio::test]
async fn an_account_that_is_not_strong_is_refused_at_start() {
    for level in [
        ConsistencyLevel::BoundedStaleness,
        ConsistencyLevel::Session,
        ConsistencyLevel::Eventual,
    ] {
        let emulator = CosmosEmulator::with_consistency(level).unwrap();
        let account = emulator.account();
        let entropy = Arc::new(SeededEntropy::new(1));
        let error = connect(&account, Arc::new(SystemClock), entropy)
            .await
            .unwrap_err();
        assert!(matches!(error, ConnectError::NotStrong(_)), "{error}");
        let told = format!(
            "the Cosmos DB account at {} must have the consistency level Strong: S3 reads what was written",
            account.endpoint
        );
        assert_eq!(error.to_string(), told);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_none_is_told_at_start() {
    let emulator = CosmosEmulator::start().unwrap();
    for (endpoint, told) in [
        ("not a url", "is not the endpoint of a Cosmos DB account"),
        ("http://cosmos.example/", "only permitted"),
    ] {
        let mut account = emulator.account();
        endpoint.clone_into(&mut account.endpoint);
        let entropy = Arc::new(SeededEntropy::new(1));
        let error = connect(&account, Arc::new(SystemClock), entropy)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}

/// The boundaries of UTF-8's lengths and of UTF-16's surrogates, and keys of 1,024 bytes that differ in their last
/// character. A comparison by UTF-16 code units has U+10000 before U+E000.
fn keys_of_every_length() -> Vec<String> {
    let characters = [
        '\u{0}',
        '\u{1}',
        '/',
        '0',
        '~',
        '\u{7f}',
        '\u{80}',
        '\u{7ff}',
        '\u{800}',
        '\u{d7ff}',
        '\u{e000}',
        '\u{fffd}',
        '\u{ffff}',
        '\u{10000}',
        '\u{10ffff}',
    ];
    let mut keys: Vec<String> = characters.iter().map(char::to_string).collect();
    for one in characters {
        for two in characters {
            keys.push(format!("{one}{two}"));
        }
        let fill = "k".repeat(1_024 - one.len_utf8());
        keys.push(format!("{fill}{one}"));
        keys.push(format!("{one}{fill}"));
    }
    keys.sort_unstable();
    keys
}

async fn scan(store: &dyn MetadataStore, bucket: &Bucket, mut range: KeyRange, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = store.scan_objects(bucket, &range, limit).await.unwrap();
        found.extend(page.items.iter().map(|item| item.key.as_str().to_owned()));
        match page.next {
            Some(next) => range.start = next,
            None => return found,
        }
    }
}

#[tokio::test]
async fn keys_of_every_length_of_utf8_are_listed_in_the_order_of_their_bytes() {
    let f = cosmos_metadata().await;
    let bucket = f.bucket().await;
    let keys = keys_of_every_length();
    stream::iter(&keys)
        .for_each_concurrent(16, |key| {
            let (f, bucket) = (&f, &bucket);
            async move { drop(f.put(bucket, key).await) }
        })
        .await;
    let all = KeyRange::default();
    assert_eq!(scan(f.store.as_ref(), &bucket, all, 100).await, keys);
    for start in [
        KeyStart::After("\u{ffff}".to_owned()),
        KeyStart::AfterPrefix("\u{d7ff}".to_owned()),
        KeyStart::AfterPrefix("k".repeat(1_000)),
    ] {
        let range = KeyRange {
            start,
            ..KeyRange::default()
        };
        let expected: Vec<&String> = keys.iter().filter(|key| range.admits(key)).collect();
        let found = scan(f.store.as_ref(), &bucket, range.clone(), 7).await;
        assert!(found.iter().eq(expected), "{range:?}");
    }
}

#[tokio::test]
async fn the_calls_of_a_store_and_their_request_units_are_summed() {
    let (emulator, f) = own_metadata().await;
    let store = store(&emulator, Arc::new(SystemClock)).await;
    let charges = store.charges();
    let (calls, units) = (charges.calls(), charges.request_units());
    let bucket = f.bucket().await;
    emulator.take_calls();
    let record = f.samples.record(&bucket, "a");
    store.edit(&Edit::put(&bucket, &record, ANY)).await.unwrap();
    let sent = emulator.take_calls();
    let names: Vec<&str> = sent.iter().map(|call| call.name).collect();
    assert_eq!(names, ["create", "read"]);
    assert_eq!(charges.calls() - calls, 2);
    assert!(charges.request_units() - units > 6.0, "{charges:?}");
}
