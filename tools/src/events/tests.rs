use std::sync::Arc;

use async_trait::async_trait;
use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
use bleepstore_core::model::{BucketId, BucketName, EventFacts, EventName, ObjectKey};
use bleepstore_core::ports::{Clock, Entropy};
use clap::{FromArgMatches, Parser};

use super::*;

struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(5_000)
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

impl Entropy for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn event(number: u8, key: &str, dead: bool) -> EventRow {
    EventRow {
        id: EventId::from_bytes([number; 16]),
        destination: "queue".parse().unwrap(),
        dead,
        sequence: number.into(),
        bucket: BucketId::from_bytes([1; 16]),
        key: ObjectKey::new(key).unwrap(),
        version: None,
        name: EventName::CreatedByPut,
        retried: None,
        facts: EventFacts {
            rule: Some("rule".to_owned()),
            time: Timestamp::from_millis(1_000),
            region: "us-east-1".to_owned(),
            bucket_name: BucketName::new("bucket").unwrap(),
            bucket_owner: "owner".to_owned(),
            requester: "AWS:somebody".to_owned(),
            source: None,
            request_id: "0123456789ABCDEF".to_owned(),
            size: Some(12),
            etag: Some("tag".to_owned()),
        },
    }
}

async fn stores(events: &[EventRow]) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(Still);
    let ports = Ports {
        metadata: Arc::new(MemoryMetadata::new(0, 100)),
        blobs: Arc::new(MemoryBlobs::new(clock.clone())),
        clock,
        entropy: Arc::new(Still),
    };
    ports.metadata.put_events(events).await.unwrap();
    ports
}

#[derive(Parser)]
struct Line<A: Args> {
    #[command(flatten)]
    args: A,
}

fn parsed<A: Args + FromArgMatches>(words: &[&str]) -> std::result::Result<A, clap::Error> {
    let words = ["tool"].iter().chain(words);
    Line::<A>::try_parse_from(words).map(|line| line.args)
}

async fn list(ports: &Ports, words: &[&str]) -> String {
    let args: ListArgs = parsed(words).unwrap();
    let mut text = String::new();
    let queue = queue(&args.destination, args.dead);
    listed(ports, &queue, &args, |more| {
        text += more;
        Ok(())
    })
    .await
    .unwrap();
    text
}

#[tokio::test]
async fn events_are_listed_in_order_each_on_a_line() {
    let ports = stores(&[
        event(2, "b\n\u{1b}", false),
        event(1, "a b", false),
        event(3, "c", true),
    ])
    .await;
    let first = "1970-01-01T00:00:01.000Z  ObjectCreated:Put  bucket/a b  -  0000000000000001  01010101010101010101010101010101\n";
    let second = "1970-01-01T00:00:01.000Z  ObjectCreated:Put  bucket/b\\n\\u{1b}  -  0000000000000002  02020202020202020202020202020202\n";
    assert_eq!(
        list(&ports, &["queue"]).await,
        format!("{first}{second}2 events wait for queue\n")
    );
    assert_eq!(
        list(&ports, &["queue", "--limit", "1"]).await,
        format!("{first}more than 1 events wait for queue: --limit lists more of them\n")
    );
    assert_eq!(
        list(&ports, &["queue", "--limit", "2"]).await,
        format!("{first}{second}2 events wait for queue\n")
    );
    assert!(
        list(&ports, &["queue", "--dead"])
            .await
            .ends_with("1 events were given up for queue\n")
    );
    assert_eq!(
        list(&ports, &["other", "--dead"]).await,
        "0 events were given up for other\n"
    );
}

#[tokio::test]
async fn programs_read_an_event_a_line() {
    let mut put_back = event(1, "b\n", false);
    put_back.retried = Some(Timestamp::from_millis(2_000));
    let ports = stores(&[put_back]).await;
    let text = list(&ports, &["queue", "--json"]).await;
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let wanted = json!({
        "id": "01010101010101010101010101010101",
        "destination": "queue",
        "dead": false,
        "time": "1970-01-01T00:00:01.000Z",
        "event": "ObjectCreated:Put",
        "bucket": "bucket",
        "key": "b\n",
        "version": null,
        "sequencer": "0000000000000001",
        "size": 12,
        "etag": "tag",
        "rule": "rule",
        "region": "us-east-1",
        "bucket_owner": "owner",
        "requester": "AWS:somebody",
        "source": null,
        "request_id": "0123456789ABCDEF",
        "retried": "1970-01-01T00:00:02.000Z",
    });
    assert_eq!(lines, [wanted, json!({ "events": 1, "more": false })]);
}

#[tokio::test]
async fn events_are_put_back_and_dropped_and_one_that_is_not_there_is_said_to_be_missing() {
    let ports = stores(&[event(1, "a", true), event(2, "a", true), event(3, "a", false)]).await;
    let one = "01010101010101010101010101010101";
    let args: RetryArgs = parsed(&["queue", "--id", one]).unwrap();
    retry(&ports, &args).await.unwrap();
    let again = retry(&ports, &args).await.unwrap_err().to_string();
    assert_eq!(
        again,
        format!("there is no event {one} that was given up for queue")
    );
    retry(&ports, &parsed(&["queue"]).unwrap()).await.unwrap();
    retry(&ports, &parsed(&["queue"]).unwrap()).await.unwrap();
    assert!(
        list(&ports, &["queue"])
            .await
            .ends_with("3 events wait for queue\n")
    );
    let args: DropArgs = parsed(&["queue", "--id", one]).unwrap();
    drop_them(&ports, &args).await.unwrap();
    let again = drop_them(&ports, &args).await.unwrap_err().to_string();
    assert_eq!(again, format!("there is no event {one} that waits for queue"));
    drop_them(&ports, &parsed(&["queue", "--all"]).unwrap())
        .await
        .unwrap();
    assert_eq!(list(&ports, &["queue"]).await, "0 events wait for queue\n");
}

#[test]
fn what_is_dropped_is_said_and_names_are_checked() {
    let one = "01010101010101010101010101010101";
    for bad in [
        &["queue"][..],
        &["queue", "--id", one, "--all"],
        &["queue", "--id", "1"],
        &["Queue", "--all"],
        &["a_b", "--all"],
        &["--all"],
    ] {
        assert!(parsed::<DropArgs>(bad).is_err(), "{bad:?}");
    }
    assert!(parsed::<ListArgs>(&["queue", "--limit", "0"]).is_err());
    assert!(parsed::<RetryArgs>(&["Queue"]).is_err());
    assert!(parsed::<DropArgs>(&["queue", "--dead", "--all"]).is_ok());
}
