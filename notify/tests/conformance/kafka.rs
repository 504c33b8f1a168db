//! Kafka: librdkafka's own cluster for tests, which is a part of that library and speaks Kafka's protocol over sockets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bleepstore_core::ports::{Delivery, SinkErrorKind};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::suite::{self, Destination, Received};

const PARTITIONS: i32 = 3;

struct Kafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Kafka {
    fn new() -> Self {
        let cluster = MockCluster::new(2).unwrap();
        cluster.create_topic("events", PARTITIONS, 2).unwrap();
        Self { cluster }
    }

    fn url(&self, topic: &str) -> String {
        format!("kafka://{}/{topic}", self.cluster.bootstrap_servers())
    }

    fn topic(&self, name: &'static str) -> Topic {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", "tests")
            .set("enable.partition.eof", "true")
            // It comes back soon after brokers that were away: by itself it waits for up to 10 seconds.
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "100")
            .create()
            .unwrap();
        Topic {
            consumer,
            name,
            next: BTreeMap::new(),
        }
    }
}

struct Topic {
    consumer: BaseConsumer,
    name: &'static str,
    /// Where each partition is read on.
    next: BTreeMap<i32, i64>,
}

/// A record, with the partition it is in.
struct Record {
    partition: i32,
    key: String,
    at: Option<i64>,
    received: Received,
}

impl Topic {
    /// Reads each partition to its end.
    fn records(&mut self) -> Vec<Record> {
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            let from = Offset::Offset(self.next.get(&partition).copied().unwrap_or_default());
            list.add_partition_offset(self.name, partition, from).unwrap();
        }
        self.consumer.assign(&list).unwrap();
        let mut records = Vec::new();
        let mut ended = 0;
        let deadline = Instant::now() + Duration::from_secs(60);
        while ended < PARTITIONS {
            assert!(Instant::now() < deadline, "the topic has no end");
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    self.next.insert(message.partition(), message.offset() + 1);
                    let header = message.headers().unwrap().get(0);
                    assert_eq!(header.key, "id");
                    records.push(Record {
                        partition: message.partition(),
                        key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
                        at: message.timestamp().to_millis(),
                        received: Received {
                            id: Some(String::from_utf8(header.value.unwrap().to_vec()).unwrap()),
                            document: String::from_utf8(message.payload().unwrap().to_vec()).unwrap(),
                        },
                    });
                }
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                // The consumer, too, notices that brokers were away.
                Some(Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown,
                ))) => {}
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        records
    }
}

impl Destination for Topic {
    async fn received(&mut self) -> Vec<Received> {
        self.records().into_iter().map(|record| record.received).collect()
    }
}

#[tokio::test]
async fn kafka_conforms() {
    let kafka = Kafka::new();
    let mut topic = kafka.topic("events");
    suite::conforms(&suite::sink(&kafka.url("events")), &mut topic).await;
    suite::survives_bad_peers(|port| format!("kafka://127.0.0.1:{port}/events")).await;
    suite::survives_bad_peers(|port| format!("kafkas://u:s3cret-w0rd@127.0.0.1:{port}/events?sasl=plain"))
        .await;
}

#[tokio::test]
async fn kafka_has_each_key_where_its_own_client_puts_it() {
    let kafka = Kafka::new();
    kafka.cluster.create_topic("others", PARTITIONS, 2).unwrap();
    let events: Vec<Delivery> = (0..60)
        .map(|number| suite::event(&format!("k{}", "x".repeat(number)), ""))
        .collect();
    let sink = suite::sink(&kafka.url("events"));
    assert_eq!(sink.deliver(&events).await, vec![Ok(()); 60]);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka.cluster.bootstrap_servers())
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    for event in &events {
        let key = event.group();
        let headers = rdkafka::message::OwnedHeaders::new().insert(rdkafka::message::Header {
            key: "id",
            value: Some(&event.id),
        });
        let record = BaseRecord::to("others")
            .key(&key)
            .payload(&event.document)
            .headers(headers);
        producer.send(record).unwrap();
    }
    producer.flush(Duration::from_secs(10)).unwrap();
    let places = |topic: &'static str| -> BTreeMap<String, i32> {
        let records = kafka.topic(topic).records().into_iter();
        records.map(|record| (record.key, record.partition)).collect()
    };
    let ours = places("events");
    assert_eq!(ours.len(), 60);
    assert_eq!(ours, places("others"));
    assert!((0..PARTITIONS).all(|partition| ours.values().any(|other| *other == partition)));

    let at = |event: &Delivery| i64::try_from(event.at * 1000).unwrap();
    for record in kafka.topic("events").records() {
        let event = events.iter().find(|event| event.group() == record.key).unwrap();
        assert_eq!(record.at, Some(at(event)));
    }
}

#[tokio::test]
async fn kafka_may_be_stopped() {
    let kafka = Kafka::new();
    let mut topic = kafka.topic("events");
    let sink = suite::sink(&kafka.url("events"));
    for stays_down in [true, false] {
        suite::delivers(&*sink, &mut topic).await;
        kafka.cluster.broker_down(-1).unwrap();
        if stays_down {
            suite::is_unavailable(&*sink, "").await;
        }
        kafka.cluster.broker_up(-1).unwrap();
        suite::delivers(&*sink, &mut topic).await;
    }
    // It accepts, and does not answer in time.
    let hasty = suite::hasty_sink(&kafka.url("events"));
    suite::delivers(&*hasty, &mut topic).await;
    kafka.cluster.broker_round_trip_time(-1, suite::WAIT * 2).unwrap();
    let start = Instant::now();
    suite::is_unavailable(&*hasty, "no answer").await;
    assert!(start.elapsed() < suite::WAIT * 3);
    kafka.cluster.broker_round_trip_time(-1, Duration::ZERO).unwrap();
    assert_eq!(suite::deliver(&*hasty, &suite::event("key", "")).await, Ok(()));
}

#[tokio::test]
async fn kafka_says_what_is_wrong() {
    let kafka = Kafka::new();
    let mut topic = kafka.topic("events");
    suite::is_unavailable(&*suite::sink(&kafka.url("none")), "no topic none").await;

    let sink = suite::sink(&kafka.url("events"));
    suite::delivers(&*sink, &mut topic).await;
    let produce = |errors: &[RDKafkaRespErr]| kafka.cluster.request_errors(RDKafkaApiKey::Produce, errors);
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    produce(&[too_large]);
    suite::fails(&*sink, SinkErrorKind::Refused, "").await;
    suite::delivers(&*sink, &mut topic).await;
    // A batch that is too long is sent again as single records.
    let mut events = ["one", "two"].map(|text| suite::event("same", text));
    events[1].key = "same".to_owned();
    produce(&[too_large, too_large]);
    let outcomes = sink.deliver(&events).await;
    assert_eq!(outcomes[0].as_ref().unwrap_err().kind, SinkErrorKind::Refused);
    assert_eq!(outcomes[1], Ok(()));
    assert_eq!(topic.received().await.len(), 1);
    for error in [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
    ] {
        produce(&[error]);
        suite::is_unavailable(&*sink, "").await;
        suite::delivers(&*sink, &mut topic).await;
    }
    // Another broker leads: the first call may find the old one, and the next does not.
    for leader in [1, 2, 1] {
        for partition in 0..PARTITIONS {
            kafka
                .cluster
                .partition_leader("events", partition, Some(leader))
                .unwrap();
        }
        if let Err(error) = suite::deliver(&*sink, &suite::event("key", "")).await {
            assert_eq!(error.kind, SinkErrorKind::Unavailable, "{error}");
        }
        assert_eq!(suite::deliver(&*sink, &suite::event("key", "")).await, Ok(()));
    }
}
