//! DynamoDB, as MiniStack and moto show it, or the emulator at `BLEEPSTORE_TEST_DYNAMODB` (such as
//! `http://127.0.0.1:4566`). MiniStack passes every rule.

use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::Client;
use bleepstore_aws::dynamo::DynamoMetadata;
use bleepstore_tests::emulators::{Moto, create_table, dynamodb_client};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::metadata_conformance::MetadataFixture;
use tokio::sync::OnceCell;

use super::aws::ministack;
use super::local::SystemClock;

/// All rules share one table, as buckets do.
pub(super) async fn dynamo_metadata() -> MetadataFixture {
    static TABLE: OnceCell<String> = OnceCell::const_new();
    let client = client();
    let table = TABLE.get_or_init(|| new_table(&client)).await.clone();
    MetadataFixture::new(store(client, table)).in_a_shared_store()
}

/// Each rule has a table of its own: a transaction copies the whole table in moto, which takes seconds once it holds
/// thousands of rows.
pub(super) async fn moto_metadata() -> MetadataFixture {
    static MOTO: OnceLock<Moto> = OnceLock::new();
    let moto = MOTO.get_or_init(|| Moto::start().expect("moto starts"));
    let client = dynamodb_client(&moto.endpoint());
    let table = new_table(&client).await;
    MetadataFixture::new(store(client, table))
}

/// Rules that moto 5.2.5 takes too long for, or that have no meaning there. What it gets wrong is its isolation: it
/// decides on conditions and writes without a lock, and a cancelled transaction takes back what others wrote meanwhile.
/// Here its requests take turns ([`Moto`]); otherwise, now and then, rules about races fail.
const LEFT_OUT_ON_MOTO: [(&str, &str); 3] = [
    (
        "a_purge_removes_what_has_expired_and_nothing_else",
        "DynamoDB purges by itself: in a table of its own there is nothing to count",
    ),
    (
        "pages_of_1001_objects_have_no_gap_or_repeat_while_writes_go_on",
        "it takes minutes: each query sorts and filters the whole table",
    ),
    (
        "pages_of_parts_have_no_gap_or_repeat",
        "with its 1,001 parts a query may take longer than a read waits",
    ),
];

pub(super) fn left_out_on_moto(rule: &str) -> Option<&'static str> {
    let known = LEFT_OUT_ON_MOTO.iter().find(|(name, _)| *name == rule);
    known.map(|(_, reason)| *reason)
}

/// A table of its own, for the rules about the store's one record of itself.
async fn empty_metadata() -> MetadataFixture {
    let client = client();
    let table = new_table(&client).await;
    MetadataFixture::new(store(client, table))
}

bleepstore_tests::store_record_rules!(empty_metadata().await);

fn store(client: Client, table: String) -> Arc<DynamoMetadata> {
    let entropy = Arc::new(SeededEntropy::unpredictable());
    Arc::new(DynamoMetadata::new(client, table, Arc::new(SystemClock), entropy))
}

fn client() -> Client {
    match std::env::var("BLEEPSTORE_TEST_DYNAMODB") {
        Ok(endpoint) => dynamodb_client(&endpoint),
        Err(_) => ministack().dynamodb(),
    }
}

async fn new_table(client: &Client) -> String {
    let name = format!("bleepstore-{:016x}", SeededEntropy::unpredictable().next_u64());
    create_table(client, &name).await.unwrap();
    name
}
