//! Kafka, and what speaks as it does, such as Redpanda: a record for each event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::ports::Delivery;
use futures_util::future::join_all;
use rskafka::BackoffConfig;
use rskafka::chrono::DateTime;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rskafka::record::Record;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::kept::{Broker, Failure, Outcomes};
use crate::murmur2;
use crate::tls::Tls;
use crate::url::{Host, Url};

const PORT: u16 = 9092;

/// Brokers measure a batch as they do a single record, and take a megabyte where they are not told otherwise.
const LONGEST_BATCH: usize = 256 * 1024;

/// How long it is believed how many partitions there are: as Kafka's own client does.
const OLDEST: Duration = Duration::from_secs(5 * 60);

/// A topic. `Ok` is said of what the leader and all replicas that were in sync have (`acks=all`): how many these are at
/// least is the topic's `min.insync.replicas`.
pub(crate) struct Kafka {
    hosts: Vec<Host>,
    tls: Option<Tls>,
    topic: String,
    sasl: Option<SaslConfig>,
    password: Option<String>,
}

/// What is known of the topic, and the connections to its partitions' leaders, made as they are needed.
pub(crate) struct Topic {
    since: Instant,
    client: Client,
    partitions: Vec<OnceCell<PartitionClient>>,
}

impl Kafka {
    pub(crate) fn new(url: Url, tls: Option<Tls>) -> Result<Self, String> {
        let [mechanism] = url.parameters(["sasl"])?;
        let topic = url.path()?.ok_or("it must name a topic (kafka://HOST/TOPIC)")?;
        let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if topic.len() > 249 || topic == "." || topic == ".." || !topic.bytes().all(is_of_names) {
            return Err("its topic is no name of one: 1 to 249 of a-z, A-Z, 0-9, ., _ and -".to_owned());
        }
        let password = url.password.clone();
        let sasl = match (mechanism.as_deref(), url.user.clone(), url.password.clone()) {
            (None, None, None) => None,
            (Some(mechanism), Some(user), Some(password)) => {
                let credentials = Credentials::new(user, password);
                Some(match mechanism {
                    "plain" => SaslConfig::Plain(credentials),
                    "scram-sha-256" => SaslConfig::ScramSha256(credentials),
                    "scram-sha-512" => SaslConfig::ScramSha512(credentials),
                    _ => return Err("sasl is none of plain, scram-sha-256 and scram-sha-512".to_owned()),
                })
            }
            (None, ..) => {
                return Err("a user needs ?sasl=plain, scram-sha-256 or scram-sha-512".to_owned());
            }
            (Some(_), ..) => return Err("sasl needs a user and a password".to_owned()),
        };
        Ok(Self {
            hosts: url.hosts().to_vec(),
            tls,
            topic,
            sasl,
            password,
        })
    }

    fn hosts(&self) -> Vec<String> {
        self.hosts.iter().map(|host| host.written(PORT)).collect()
    }

    /// Sends records to one partition.
    async fn produce(
        &self,
        topic: &Topic,
        partition: usize,
        deliveries: &[&Delivery],
    ) -> Result<(), Failure> {
        let cell = topic.partitions.get(partition);
        let cell = cell.ok_or_else(|| Failure::unavailable("its topic has no partitions"))?;
        let leader = cell
            .get_or_try_init(|| async {
                let number = i32::try_from(partition).unwrap_or_default();
                let handling = UnknownTopicHandling::Error;
                topic.client.partition_client(&self.topic, number, handling).await
            })
            .await
            .map_err(|error| failure(&error))?;
        let records = deliveries.iter().map(|delivery| record(delivery)).collect();
        let produced = leader.produce(records, Compression::NoCompression).await;
        produced.map(drop).map_err(|error| failure(&error))
    }

    /// Sends a batch, or each of its records alone where they are too long together.
    async fn produce_batch(&self, topic: &Topic, batch: &Batch<'_>, outcomes: &Outcomes) {
        let deliveries: Vec<&Delivery> = batch.deliveries.iter().map(|(_, delivery)| *delivery).collect();
        let outcome = self.produce(topic, batch.partition, &deliveries).await;
        if deliveries.len() > 1 && matches!(outcome, Err(Failure::Said(_))) {
            for (index, delivery) in &batch.deliveries {
                outcomes.set(*index, self.produce(topic, batch.partition, &[delivery]).await);
            }
            return;
        }
        for (index, _) in &batch.deliveries {
            outcomes.set(*index, outcome.clone());
        }
    }
}

#[async_trait]
impl Broker for Kafka {
    type Connection = Arc<Topic>;

    const AT_ONCE: usize = 100;

    fn place(&self) -> String {
        let scheme = if self.tls.is_some() { "kafkas" } else { "kafka" };
        format!("{scheme}://{}/{}", self.hosts().join(","), self.topic)
    }

    fn secret(&self) -> Option<&str> {
        self.password.as_deref()
    }

    async fn connect(&self) -> Result<Arc<Topic>, String> {
        // What is to be tried again is not for the client to say: the first failure is the caller's to know.
        let once = BackoffConfig {
            init_backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(1),
            deadline: Some(Duration::ZERO),
            ..BackoffConfig::default()
        };
        let mut builder = ClientBuilder::new(self.hosts())
            .client_id("bleepstore")
            .backoff_config(once);
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(tls.config().await?);
        }
        if let Some(sasl) = &self.sasl {
            builder = builder.sasl_config(sasl.clone());
        }
        let client = builder.build().await.map_err(|error| error.to_string())?;
        let topics = client.list_topics().await.map_err(|error| error.to_string())?;
        let topic = topics.into_iter().find(|topic| topic.name == self.topic);
        let topic = topic.filter(|topic| !topic.partitions.is_empty());
        let topic = topic.ok_or_else(|| format!("there is no topic {}", self.topic))?;
        Ok(Arc::new(Topic {
            since: Instant::now(),
            client,
            partitions: topic.partitions.iter().map(|_| OnceCell::new()).collect(),
        }))
    }

    async fn send(&self, topic: Arc<Topic>, deliveries: &[&Delivery], outcomes: &Outcomes) {
        // Nothing is lost but what was known, which is asked for again.
        if topic.since.elapsed() > OLDEST {
            return outcomes.fill(&Failure::Lost("what is known of its topic is too old".to_owned()));
        }
        let batches = batches(deliveries, topic.partitions.len());
        let sending = batches
            .iter()
            .map(|batch| self.produce_batch(&topic, batch, outcomes));
        join_all(sending).await;
    }
}

/// Events for one partition, each with its index in the call.
struct Batch<'a> {
    partition: usize,
    length: usize,
    deliveries: Vec<(usize, &'a Delivery)>,
}

fn batches<'a>(deliveries: &[&'a Delivery], partitions: usize) -> Vec<Batch<'a>> {
    let partitions = u32::try_from(partitions).unwrap_or(u32::MAX);
    let mut batches: Vec<Batch<'a>> = Vec::new();
    for (index, delivery) in deliveries.iter().copied().enumerate() {
        let partition = murmur2::partition(delivery.group().as_bytes(), partitions) as usize;
        let length = delivery.document.len();
        let fits =
            |batch: &&mut Batch<'_>| batch.partition == partition && batch.length + length <= LONGEST_BATCH;
        match batches.iter_mut().find(fits) {
            Some(batch) => {
                batch.length += length;
                batch.deliveries.push((index, delivery));
            }
            None => batches.push(Batch {
                partition,
                length,
                deliveries: vec![(index, delivery)],
            }),
        }
    }
    batches
}

fn record(delivery: &Delivery) -> Record {
    let seconds = i64::try_from(delivery.at).unwrap_or(i64::MAX);
    Record {
        key: Some(delivery.group().into_bytes()),
        value: Some(delivery.document.clone().into_bytes()),
        headers: BTreeMap::from([("id".to_owned(), delivery.id.clone().into_bytes())]),
        timestamp: DateTime::from_timestamp(seconds, 0).unwrap_or_default(),
    }
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::ServerError { protocol_error, .. } => of_protocol(*protocol_error),
        Error::Connection(_) | Error::Request(_) => Failure::Lost(error.to_string()),
        Error::RetryFailed(rskafka::BackoffError::DeadlineExceded { source, .. }) => {
            match source.downcast_ref::<Error>() {
                Some(error) => failure(error),
                None => Failure::Lost(source.to_string()),
            }
        }
        _ => Failure::unavailable(error),
    }
}

fn of_protocol(error: ProtocolError) -> Failure {
    match error {
        ProtocolError::MessageTooLarge
        | ProtocolError::RecordListTooLarge
        | ProtocolError::InvalidRecord
        | ProtocolError::InvalidTimestamp => Failure::refused(error),
        _ => Failure::unavailable(error),
    }
}
