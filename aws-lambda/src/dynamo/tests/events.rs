//! Events in the transactions of edits.

use bleepstore_core::model::{EventFacts, EventId, EventMark, EventName, EventRow};
use bleepstore_core::ports::EventIndex;

use super::*;

fn event() -> EventRow {
    let bucket = bucket();
    EventRow {
        id: EventId::from_bytes([4; 16]),
        destination: "queue".parse().unwrap(),
        dead: false,
        retried: None,
        sequence: 0,
        bucket: bucket.id,
        key: record().key,
        version: None,
        name: EventName::CreatedByPut,
        facts: EventFacts {
            rule: None,
            time: Timestamp::from_millis(7),
            region: bucket.region,
            bucket_name: bucket.name,
            bucket_owner: bucket.owner.id,
            requester: "AWS:somebody".to_owned(),
            source: None,
            request_id: "0123456789ABCDEF".to_owned(),
            size: Some(0),
            etag: None,
        },
    }
}

/// The mark that says this, as DynamoDB sends it.
fn mark_row(sequence: u64) -> Value {
    let mark = EventMark {
        bucket: bucket().id,
        key: record().key,
        sequence,
        expires: Timestamp::from_millis(0),
    };
    let sent = rows::event_mark(&mark).unwrap().into_iter();
    let sent = sent.map(|(name, value)| match value {
        AttributeValue::N(digits) => (name, json!({"N": digits})),
        value => (name, json!({"S": value.as_s().unwrap()})),
    });
    Value::Object(sent.collect())
}

fn met(rows: &[Value]) -> Answer {
    ok(json!({"Responses": {"table": rows}}))
}

fn cancelled() -> Answer {
    let code = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let reasons = json!([{"Code": "None"}, {"Code": "None"}, {"Code": "ConditionalCheckFailed"}]);
    Answer::Json(400, json!({"__type": code, "CancellationReasons": reasons}))
}

async fn told(script: &Script) -> Result<EditOutcome, StoreErrorKind> {
    let (bucket, record, events) = (bucket(), record(), [event()]);
    edit(script, &Edit::put(&bucket, &record, ANYTHING).telling(&events)).await
}

/// Another event of the key came between.
#[tokio::test]
async fn an_event_is_put_with_its_object_if_the_mark_of_its_key_is_the_one_that_was_read() {
    let last = 1 << 60;
    let script = Script::new([
        met(&[]),
        cancelled(),
        met(&[mark_row(last)]),
        ok(json!({})),
        ok(json!({"Item": bucket_row(None)})),
    ]);
    assert_eq!(told(&script).await, Ok(COMMITTED));
    let calls = ["BatchGetItem", "TransactWriteItems"];
    assert_eq!(script.sent(), [&calls[..], &calls[..], &["GetItem"]].concat());
    let keys = script.body(0)["RequestItems"]["table"]["Keys"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 2);
    let absent = "attribute_not_exists(PK)";
    for (call, condition) in [(1, absent), (3, "event_sequence = :sequence")] {
        let actions = script.body(call)["TransactItems"].clone();
        assert_eq!(actions.as_array().unwrap().len(), 3);
        assert_eq!(actions[0]["Put"]["Item"]["PK"]["S"], "OBJECT#bucket");
        assert_eq!(actions[1]["Put"]["ConditionExpression"], absent);
        assert_eq!(actions[2]["Put"]["ConditionExpression"], condition);
    }
    let actions = script.body(3)["TransactItems"].clone();
    let (event, mark) = (&actions[1]["Put"], &actions[2]["Put"]);
    let lane = script.store().event_lane(bucket().id, &record().key);
    assert_eq!(event["Item"]["PK"]["S"], format!("EVENTS#{lane}#queue"));
    let place = format!("{:016x}{}", last + 1, "04".repeat(16));
    assert_eq!(event["Item"]["SK"]["S"], place);
    assert_eq!(
        mark["ExpressionAttributeValues"],
        json!({":sequence": {"N": last.to_string()}})
    );
    assert_eq!(mark["Item"]["event_sequence"]["N"], (last + 1).to_string());
    // A day after the time that the sequence stands for, which is ahead of the clock.
    assert_eq!(mark["Item"]["expires_at"]["N"], "1152921591007");
}

#[tokio::test]
async fn a_writer_whose_bucket_is_gone_takes_its_events_back() {
    let script = Script::new([
        met(&[]),
        ok(json!({})),
        ok(json!({})),
        ok(json!({})),
        ok(json!({})),
    ]);
    assert_eq!(told(&script).await, Ok(EditOutcome::NoSuchBucket));
    let calls = [
        "BatchGetItem",
        "TransactWriteItems",
        "GetItem",
        "DeleteItem",
        "BatchWriteItem",
    ];
    assert_eq!(script.sent(), calls);
    let written = script.body(1)["TransactItems"][1]["Put"]["Item"].clone();
    let removed = script.body(4)["RequestItems"]["table"].clone();
    let key = json!({"PK": written["PK"], "SK": written["SK"]});
    assert_eq!(removed, json!([{"DeleteRequest": {"Key": key}}]));
}

#[tokio::test]
async fn a_transaction_of_too_many_changes_is_an_error_and_not_sent() {
    let script = Script::new([met(&[])]);
    let events: Vec<EventRow> = (0..99)
        .map(|number| EventRow {
            id: EventId::from_bytes([number; 16]),
            ..event()
        })
        .collect();
    let (bucket, record) = (bucket(), record());
    let put = Edit::put(&bucket, &record, ANYTHING);
    assert_eq!(
        edit(&script, &put.telling(&events)).await,
        Err(StoreErrorKind::Internal)
    );
    assert_eq!(script.sent(), ["BatchGetItem"]);
}

#[tokio::test]
async fn rows_of_events_go_in_batches_that_name_each_once() {
    let left =
        json!({"table": [{"DeleteRequest": {"Key": {"PK": {"S": "EVENTS#00#queue"}, "SK": {"S": "0"}}}}]});
    let script = Script::new([
        ok(json!({"UnprocessedItems": left})),
        ok(json!({})),
        ok(json!({})),
        ok(json!({})),
    ]);
    let store = script.store();
    store.remove_events(&[event(), event()]).await.unwrap();
    store.put_events(&[event(), event()]).await.unwrap();
    let dead = EventRow {
        dead: true,
        ..event()
    };
    store.put_events(&[dead]).await.unwrap();
    assert_eq!(script.sent(), ["BatchWriteItem"; 4]);
    for call in 0..4 {
        let sent = script.body(call)["RequestItems"]["table"].clone();
        assert_eq!(sent.as_array().unwrap().len(), 1);
    }
    let put = script.body(3)["RequestItems"]["table"][0]["PutRequest"]["Item"].clone();
    assert!(put["PK"]["S"].as_str().unwrap().starts_with("DEAD#"), "{put}");
}
