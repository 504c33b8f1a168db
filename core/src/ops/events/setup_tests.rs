use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::model::{Acl, BucketLayout, DocumentKind, ErrorCode, Operation, StoreId, StoredDocument};
use crate::ops::tests::scene::{Scene, account, caller, context};
use crate::ops::{Destinations, open_bucket, set_bucket_document};
use crate::ports::StoreRecord;

/// Notes what it is told, and says that of each.
struct Sink {
    told: Mutex<Vec<Delivery>>,
    outcomes: Vec<Result<(), SinkError>>,
}

#[async_trait]
impl EventSink for Sink {
    fn at_once(&self) -> usize {
        1
    }

    async fn deliver(&self, deliveries: &[Delivery]) -> Vec<Result<(), SinkError>> {
        self.told.lock().unwrap().extend_from_slice(deliveries);
        self.outcomes.clone()
    }

    fn place(&self) -> String {
        "test".to_owned()
    }
}

fn sink(outcomes: &[Result<(), SinkError>]) -> Arc<Sink> {
    Arc::new(Sink {
        told: Mutex::default(),
        outcomes: outcomes.to_vec(),
    })
}

struct Stage {
    context: Context,
    bucket: Bucket,
}

impl Stage {
    async fn with(sinks: &[(&str, &Arc<Sink>)]) -> Self {
        let named = |(name, sink): &(&str, &Arc<Sink>)| {
            let sink: Arc<dyn EventSink> = Arc::clone(sink) as _;
            (name.parse().unwrap(), sink)
        };
        let mut context = context(100);
        context.destinations = Arc::new(Destinations::new(sinks.iter().map(named).collect()));
        let record = StoreRecord::new(StoreId::from_bytes([9; 16]));
        let metadata = &context.ports.metadata;
        assert!(metadata.swap_store_record(None, &record).await.unwrap());
        let bucket = Bucket {
            region: "us-east-1".to_owned(),
            ..Scene::new(Acl::default(), Acl::default()).bucket
        };
        assert!(metadata.create_bucket(&bucket).await.is_ok());
        Self { context, bucket }
    }

    async fn prepare(&self, configuration: &Value, tests: bool) -> Result<(), S3Error> {
        let caller = caller(account('b'));
        prepare_notification(&self.context, &caller, &self.bucket, configuration, tests).await
    }

    async fn format(&self) -> Format {
        let record = self.context.ports.metadata.store_record().await.unwrap();
        record.unwrap().format
    }
}

fn configuration(arns: &[&str]) -> Value {
    let rule = |(number, arn): (usize, &&str)| {
        let (form, name) = match arn.split_once(":lambda:") {
            Some(_) => ("function", arn.rsplit(':').next()),
            None => ("queue", arn.rsplit(':').next()),
        };
        json!({
            "id": number.to_string(), "form": form, "arn": arn, "destination": name,
            "events": ["s3:ObjectCreated:*"],
        })
    };
    json!({ "rules": arns.iter().enumerate().map(rule).collect::<Vec<_>>() })
}

#[tokio::test]
async fn each_destination_is_sent_one_test_and_then_the_format_rises() {
    let (one, two, other) = (sink(&[Ok(())]), sink(&[Ok(())]), sink(&[]));
    let stage = Stage::with(&[("one", &one), ("two", &two), ("other", &other)]).await;
    let arns = [
        "arn:aws:sqs:us-east-1:1:one",
        "arn:aws:sqs:::one",
        "arn:aws:lambda:::function:two",
    ];
    stage.prepare(&configuration(&arns), true).await.unwrap();
    assert_eq!(stage.format().await, Format::EVENTS);
    assert!(other.told.lock().unwrap().is_empty());
    let told = [one, two].map(|sink| sink.told.lock().unwrap().clone());
    let [[one], [two]] = told.each_ref().map(Vec::as_slice) else {
        panic!("{told:?}");
    };
    assert_ne!(one.id, two.id);
    assert_eq!(one.id.len(), 32);
    assert_eq!((one.name.as_str(), one.key.as_str()), ("TestEvent", ""));
    let document: Value = serde_json::from_str(&one.document).unwrap();
    let now = stage.context.ports.clock.now();
    assert_eq!(
        document,
        json!({
            "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": now.iso_8601_millis(),
            "Bucket": "bucket", "RequestId": "", "HostId": "bleepstore-",
        })
    );
}

#[tokio::test]
async fn no_test_is_sent_where_none_is_asked_for() {
    let one = sink(&[]);
    let stage = Stage::with(&[("one", &one)]).await;
    let configuration = configuration(&["arn:aws:sqs:::one"]);
    stage.prepare(&configuration, false).await.unwrap();
    assert!(one.told.lock().unwrap().is_empty());
    assert_eq!(stage.format().await, Format::EVENTS);
}

#[tokio::test]
async fn what_a_destination_says_of_its_test_is_not_told_and_the_format_stays() {
    let good = sink(&[Ok(())]);
    for bad in [
        sink(&[Err(SinkError::refused("no"))]),
        sink(&[Err(SinkError::unavailable("later"))]),
        sink(&[]),
    ] {
        let stage = Stage::with(&[("good", &good), ("bad", &bad)]).await;
        let before = stage.format().await;
        let arns = ["arn:aws:sqs:::good", "arn:aws:sqs:::bad"];
        let error = stage.prepare(&configuration(&arns), true).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert_eq!(
            error.message,
            "Unable to validate the following destination configurations"
        );
        let expected = [
            ("ArgumentName1", "arn:aws:sqs:::bad".to_owned()),
            ("ArgumentValue1", NO_PERMISSION.to_owned()),
        ];
        assert_eq!(error.fields, expected);
        assert_eq!(stage.format().await, before);
    }
}

#[tokio::test]
async fn a_destination_is_there_and_in_the_buckets_region() {
    let one = sink(&[Ok(())]);
    let stage = Stage::with(&[("one", &one)]).await;
    let arns = [
        "arn:aws:sqs:::one",
        "arn:aws:sqs:::two",
        "arn:aws:lambda:::function:three",
    ];
    for tests in [true, false] {
        let error = stage.prepare(&configuration(&arns), tests).await.unwrap_err();
        let values: Vec<_> = error.fields.iter().map(|(_, value)| value.as_str()).collect();
        let expected = [
            arns[1],
            "The destination queue does not exist",
            arns[2],
            "Not authorized to invoke function [arn:aws:lambda:::function:three]",
        ];
        assert_eq!(values, expected);
        let elsewhere = configuration(&["arn:aws:sqs:eu-west-1::one"]);
        let error = stage.prepare(&elsewhere, tests).await.unwrap_err();
        assert_eq!(
            error.message,
            "The notification destination service region is not valid for the bucket location constraint"
        );
    }
    assert!(one.told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn event_bridge_is_a_destination_of_that_name_and_gets_no_test() {
    let bridge = sink(&[]);
    let all = json!({ "event_bridge": true });
    let error = Stage::with(&[]).await.prepare(&all, true).await.unwrap_err();
    assert_eq!(
        (error.code, error.message.as_ref()),
        (
            ErrorCode::NotImplemented,
            "BleepStore does not implement EventBridgeConfiguration without a destination named eventbridge."
        )
    );
    let stage = Stage::with(&[("eventbridge", &bridge)]).await;
    stage.prepare(&all, true).await.unwrap();
    assert!(bridge.told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_bucket_that_notifies_has_the_layout_of_those_and_keeps_it() {
    let stage = Stage::with(&[]).await;
    let operation = Operation::PutBucketNotificationConfiguration;
    let (context, caller) = (&stage.context, caller(account('b')));
    for value in [Some(json!({ "event_bridge": true })), None] {
        let opened = open_bucket(context, &caller, operation, &stage.bucket.name)
            .await
            .unwrap();
        let document = (DocumentKind::Notification, value.clone());
        set_bucket_document(context, &caller, operation, opened, document, |_, _| Ok(()))
            .await
            .unwrap();
        let found = context.ports.metadata.bucket(&stage.bucket.name).await.unwrap();
        let found = found.unwrap();
        assert_eq!(found.layout, BucketLayout::EVENTS);
        let stored = value.map(StoredDocument::Inline);
        assert_eq!(found.documents.get(DocumentKind::Notification), stored.as_ref());
    }
}
