//! DynamoDB, as the emulator at `BLEEPSTORE_TEST_DYNAMODB` shows it (such as `http://127.0.0.1:4566`).
//!
//! MiniStack passes every rule. What moto 5.2.5 gets wrong: TransactWriteItems is not isolated. It copies the whole
//! table first and puts the copy back when it is cancelled, so that what others write meanwhile is lost or let through:
//! `of_a_racing_abort_and_publish_one_wins` fails. The copy also takes seconds once the table holds thousands of rows,
//! longer than a write may take, so that every rule that publishes fails behind the rules that fill the table; each of
//! them passes alone. `pages_of_1001_objects_have_no_gap_or_repeat_while_writes_go_on` takes minutes there.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use bleepstore_aws::dynamo::DynamoMetadata;
use bleepstore_aws::dynamo::schema::{PARTITION_KEY, SORT_KEY};
use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::metadata_conformance::{MetadataFixture, store_record};
use tokio::sync::OnceCell;

use super::local::SystemClock;

/// All rules share one table, as buckets do.
pub(super) async fn dynamo_metadata() -> MetadataFixture {
    static TABLE: OnceCell<String> = OnceCell::const_new();
    let client = client();
    let table = TABLE.get_or_init(|| create_table(&client)).await.clone();
    MetadataFixture::new(store(client, table)).in_a_shared_store()
}

/// A table of its own, for the rules about the store's one record of itself.
async fn empty_metadata() -> MetadataFixture {
    let client = client();
    let table = create_table(&client).await;
    MetadataFixture::new(store(client, table))
}

#[tokio::test]
async fn the_store_record_is_swapped_from_what_was_expected_only() {
    store_record::the_store_record_is_swapped_from_what_was_expected_only(empty_metadata().await).await;
}

#[tokio::test]
async fn of_racing_swaps_of_the_store_record_one_wins() {
    store_record::of_racing_swaps_of_the_store_record_one_wins(empty_metadata().await).await;
}

fn store(client: Client, table: String) -> Arc<DynamoMetadata> {
    let entropy = Arc::new(SeededEntropy::unpredictable());
    Arc::new(DynamoMetadata::new(client, table, Arc::new(SystemClock), entropy))
}

fn client() -> Client {
    let endpoint = std::env::var("BLEEPSTORE_TEST_DYNAMODB").expect(
        "with the feature `emulators`, BLEEPSTORE_TEST_DYNAMODB is the address of a DynamoDB emulator",
    );
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-north-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "static"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

async fn create_table(client: &Client) -> String {
    let name = format!("bleepstore-{:016x}", SeededEntropy::unpredictable().next_u64());
    let mut table = client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest);
    for (attribute, role) in [(PARTITION_KEY, KeyType::Hash), (SORT_KEY, KeyType::Range)] {
        let definition = AttributeDefinition::builder()
            .attribute_name(attribute)
            .attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder()
            .attribute_name(attribute)
            .key_type(role);
        table = table
            .attribute_definitions(definition.build().unwrap())
            .key_schema(key.build().unwrap());
    }
    table.send().await.unwrap();
    name
}
