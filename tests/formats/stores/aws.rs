//! DynamoDB's items, and the objects of S3.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bleepstore_aws::dynamo::DynamoMetadata;
use bleepstore_aws::s3_blobs::S3Blobs;
use bleepstore_core::Ports;
use bleepstore_core::ports::Clock;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tests::emulators::{BLOB_BUCKET, MiniStack, TABLE, create_lasting_table};
use serde_json::{Map, Value, json};

use super::{OBJECTS, Opened, Source, Store, runtime, unused};
use crate::fixture::Fixture;
use crate::released::Deployed;

/// The file of the items: one on a line, its attributes typed as DynamoDB's own JSON types them.
const ITEMS: &str = "items.jsonl";

/// A table and a bucket on MiniStack.
pub(crate) struct DynamoDb(MiniStack);

type Item = HashMap<String, AttributeValue>;

/// The cloud that all fixtures are put into.
fn shared() -> &'static MiniStack {
    static MINISTACK: OnceLock<MiniStack> = OnceLock::new();
    MINISTACK.get_or_init(|| MiniStack::start().expect("MiniStack starts"))
}

impl Store for DynamoDb {
    const NAME: &'static str = "dynamodb";

    async fn open(fixture: &Fixture, clock: Arc<dyn Clock>) -> Opened {
        let (table, bucket) = (unused("fixture"), unused("fixture"));
        let (dynamodb, s3) = (shared().dynamodb(), shared().s3());
        // From the usual table what has expired by now would be gone.
        create_lasting_table(&dynamodb, &table).await.unwrap();
        for item in fixture.lines(ITEMS) {
            let put = dynamodb
                .put_item()
                .table_name(&table)
                .set_item(Some(parsed(&item)));
            put.send().await.unwrap();
        }
        s3.create_bucket().bucket(&bucket).send().await.unwrap();
        for (name, bytes) in fixture.tree(OBJECTS) {
            let put = s3.put_object().bucket(&bucket).key(name);
            put.body(bytes.into()).send().await.unwrap();
        }
        Opened {
            metadata: Arc::new(DynamoMetadata::new(dynamodb, table, clock, Arc::new(OsEntropy))),
            blobs: Arc::new(S3Blobs::new(s3, bucket)),
            holding: Box::new(()),
        }
    }
}

impl Source for DynamoDb {
    const PIECES: usize = 6;

    fn start() -> Self {
        let cloud = MiniStack::start().unwrap();
        runtime().block_on(cloud.provision()).unwrap();
        Self(cloud)
    }

    fn deployed(&self) -> Deployed {
        Deployed {
            variables: self.0.variables(),
            server: "bootstrap",
            in_functions: false,
            tool: "bleepstore-admin",
            arguments: vec!["--store".to_owned(), "aws".to_owned()],
        }
    }

    async fn opened_today(&self, work: impl AsyncFnOnce(Ports)) {
        let ports = Ports {
            metadata: Arc::new(self.0.metadata()),
            blobs: Arc::new(S3Blobs::new(self.0.s3(), BLOB_BUCKET)),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
        };
        work(ports).await;
    }

    fn keep(&self, fixture: &Fixture) {
        runtime().block_on(async {
            let scan = self.0.dynamodb().scan().table_name(TABLE).into_paginator();
            let items: Vec<Item> = scan.items().send().try_collect().await.unwrap();
            let lines: Vec<Value> = items.iter().map(document).collect();
            fixture.keep_lines(ITEMS, &lines);
            let s3 = self.0.s3();
            let listed = s3.list_objects_v2().bucket(BLOB_BUCKET).send().await.unwrap();
            assert_eq!(listed.is_truncated(), Some(false));
            for object in listed.contents() {
                let name = object.key().unwrap();
                let got = s3
                    .get_object()
                    .bucket(BLOB_BUCKET)
                    .key(name)
                    .send()
                    .await
                    .unwrap();
                let bytes = got.body.collect().await.unwrap().to_vec();
                fixture.keep_bytes(&format!("{OBJECTS}/{name}"), &bytes);
            }
        });
    }
}

fn document(item: &Item) -> Value {
    let attributes = item.iter().map(|(name, value)| (name.clone(), typed(value)));
    Map::from_iter(attributes).into()
}

fn typed(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        other => panic!("an attribute of a type that no release stored: {other:?}"),
    }
}

fn parsed(item: &Value) -> Item {
    let attributes = item.as_object().unwrap().iter();
    attributes
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap();
    match kind.as_str() {
        "S" => AttributeValue::S(text().to_owned()),
        "N" => AttributeValue::N(text().to_owned()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "B" => AttributeValue::B(STANDARD.decode(text()).unwrap().into()),
        other => panic!("an attribute of type {other}"),
    }
}
