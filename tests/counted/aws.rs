//! What each S3 operation costs on AWS: calls, units and requests, counted in the SDK's clients over MiniStack, and
//! compared with the table in `docs/cost.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bleepstore_aws::dynamo::DynamoMetadata;
use bleepstore_aws::s3_blobs::S3Blobs;
use bleepstore_core::Ports;
use bleepstore_http::{OsEntropy, SystemClock};
use bleepstore_tests::billing::{CostDocument, Meter, Usage};
use bleepstore_tests::emulators::{BLOB_BUCKET, MiniStack, TABLE};
use bleepstore_tests::http::{S3, start_server};

use super::operations::{Row, calls, every_operation};

const PRICES: &str = "### AWS: prices";
const ASSUMPTIONS: &str = "### AWS: assumptions";
const OPERATIONS: &str = "### AWS: operations";

#[test]
fn each_operation_costs_what_the_document_says() {
    let cloud = MiniStack::start().expect("MiniStack starts");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(cloud.provision()).expect("a table and a bucket");
    let meter = Meter::default();
    let (dynamodb, s3) = (meter.dynamodb(&cloud.dynamodb()), meter.s3(&cloud.s3()));
    let endpoint = start_server(|| {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
        let metadata = DynamoMetadata::new(dynamodb, TABLE.to_owned(), clock.clone(), entropy.clone());
        Ports {
            metadata: Arc::new(metadata),
            blobs: Arc::new(S3Blobs::new(s3, BLOB_BUCKET)),
            clock,
            entropy,
        }
    });
    let counter = meter.clone();
    let rows = every_operation(S3 { endpoint }, move || counter.take());
    assert_eq!(meter.disagreements(), [""; 0]);
    let document = CostDocument::read();
    document.assert_table(OPERATIONS, rows.iter().map(|row| row.cells(&document)).collect());
}

impl Row<Usage> {
    /// As the document has it.
    fn cells(&self, document: &CostDocument) -> Vec<String> {
        let Usage { dynamodb, units, s3 } = &self.usage;
        let milliseconds = self.busy(document);
        let dollars = self.dollars(document, milliseconds);
        vec![
            self.operation.to_owned(),
            calls(dynamodb),
            units.read.to_string(),
            units.write.to_string(),
            calls(s3),
            format!("{milliseconds:.0}"),
            format!("{dollars:.2}"),
        ]
    }

    /// How long a function is busy with it, as assumed.
    fn busy(&self, document: &CostDocument) -> f64 {
        let assumed = |name| document.number(ASSUMPTIONS, name);
        let count = |calls: &BTreeMap<String, usize>| calls.values().sum::<usize>() as f64;
        let calls = count(&self.usage.dynamodb) * assumed("ms of a DynamoDB call")
            + count(&self.usage.s3) * assumed("ms of an S3 request");
        self.milliseconds(calls, document, ASSUMPTIONS)
    }

    /// The price of a million of them.
    fn dollars(&self, document: &CostDocument, milliseconds: f64) -> f64 {
        let price = |name| document.number(PRICES, name);
        let gigabyte_seconds =
            milliseconds / 1e3 * document.number(ASSUMPTIONS, "MB of a function's memory") / 1024.0;
        let mut dollars = self.usage.units.read as f64 * price("DynamoDB read unit")
            + self.usage.units.write as f64 * price("DynamoDB write unit")
            + gigabyte_seconds * price("Lambda GB-second")
            + price("Lambda request");
        for (operation, count) in &self.usage.s3 {
            dollars += *count as f64 * price(class(operation));
        }
        dollars
    }
}

/// Which of S3's prices an operation has.
fn class(operation: &str) -> &'static str {
    match operation {
        "PutObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "CompleteMultipartUpload"
        | "ListObjectsV2" => "S3 PUT, COPY, POST or LIST",
        "GetObject" => "S3 GET",
        "DeleteObject" | "AbortMultipartUpload" => "S3 DELETE",
        _ => panic!("no price for {operation}"),
    }
}
