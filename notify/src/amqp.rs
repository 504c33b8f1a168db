//! AMQP 0-9-1, as RabbitMQ and LavinMQ speak it: a persistent message for each event, with publisher confirms.

mod runtime;

use std::collections::HashSet;
use std::sync::Arc;

use async_rs::Runtime;
use async_trait::async_trait;
use bleepstore_core::ports::{Delivery, SinkError};
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{AsyncTcpStream, BasicProperties, Channel, Confirmation, ConnectionProperties, ErrorKind};
use tokio::sync::Mutex;
use tokio_util::compat::TokioAsyncReadCompatExt;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::amqp::runtime::Tokio;
use crate::connect::{self, Severable};
use crate::kept::{Broker, Failure, Outcomes};
use crate::tls::Tls;
use crate::url::{Host, Url};

const PORT: u16 = 5672;
const TLS_PORT: u16 = 5671;

/// Names and keys have no more bytes.
const LONGEST_NAME: usize = 255;

const PERSISTENT: u8 = 2;

/// Reply codes of AMQP.
const CONTENT_TOO_LARGE: u16 = 311;
const CONNECTION_FORCED: u16 = 320;
const PRECONDITION_FAILED: u16 = 406;

/// An exchange and a routing key. `Ok` is said of what the broker has confirmed, and of nothing that reached no queue.
/// Messages are persistent: where their queue is durable, the broker confirms them once they are on its disk, and a
/// quorum queue once they are on those of most of its nodes.
pub(crate) struct Amqp {
    host: Host,
    tls: Option<Arc<Tls>>,
    user: String,
    password: String,
    vhost: String,
    exchange: ShortString,
    routing_key: ShortString,
}

/// A connection with one channel. Returned messages say whose they are by their id alone, so that a channel is one
/// call's at a time.
#[derive(Clone)]
pub(crate) struct Connection {
    channel: Arc<Mutex<Channel>>,
    _connection: Arc<lapin::Connection>,
    /// Ends the connection at once, whatever the peer does.
    _severed: Arc<DropGuard>,
}

impl Amqp {
    pub(crate) fn new(url: Url, tls: Option<Tls>) -> Result<Self, String> {
        let [exchange, routing_key] = url.parameters(["exchange", "routing_key"])?;
        let (exchange, routing_key) = (exchange.unwrap_or_default(), routing_key.unwrap_or_default());
        if exchange.is_empty() && routing_key.is_empty() {
            return Err(
                "it must name an exchange (?exchange=NAME&routing_key=KEY) or a queue (?routing_key=QUEUE)"
                    .to_owned(),
            );
        }
        let vhost = url.path()?.unwrap_or_else(|| "/".to_owned());
        Ok(Self {
            host: url.host()?,
            tls: tls.map(Arc::new),
            // As RabbitMQ's own clients do, which is of use only on its own host.
            user: url.user.unwrap_or_else(|| "guest".to_owned()),
            password: url.password.unwrap_or_else(|| "guest".to_owned()),
            vhost: short(vhost, "vhost")?.to_string(),
            exchange: short(exchange, "exchange")?,
            routing_key: short(routing_key, "routing_key")?,
        })
    }

    fn port(&self) -> u16 {
        if self.tls.is_some() { TLS_PORT } else { PORT }
    }

    /// What lapin is told of the place; the connection is made here.
    fn uri(&self) -> AMQPUri {
        AMQPUri {
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: self.user.clone(),
                    password: self.password.clone(),
                },
                host: self.host.name.clone(),
                port: self.host.port.unwrap_or(self.port()),
            },
            vhost: self.vhost.clone(),
            query: AMQPQueryString::default(),
        }
    }

    fn properties(delivery: &Delivery) -> Result<BasicProperties, Failure> {
        let id = ShortString::try_new(delivery.id.clone()).map_err(Failure::refused)?;
        Ok(BasicProperties::default()
            .with_content_type(ShortString::from("application/json"))
            .with_delivery_mode(PERSISTENT)
            .with_message_id(id)
            .with_timestamp(delivery.at))
    }
}

#[async_trait]
impl Broker for Amqp {
    type Connection = Connection;

    const AT_ONCE: usize = 100;

    fn place(&self) -> String {
        let scheme = if self.tls.is_some() { "amqps" } else { "amqp" };
        let host = self.host.written(self.port());
        let vhost = match self.vhost.as_str() {
            "/" => "",
            name => name,
        };
        let (exchange, key) = (&self.exchange, &self.routing_key);
        format!("{scheme}://{host}/{vhost}?exchange={exchange}&routing_key={key}")
    }

    fn secret(&self) -> Option<&str> {
        // The word `guest` is none, and is in texts that are worth reading.
        Some(self.password.as_str()).filter(|password| *password != "guest")
    }

    async fn connect(&self) -> Result<Connection, String> {
        let severed = CancellationToken::new();
        let guard = severed.clone().drop_guard();
        let (host, port, tls) = (
            self.host.name.clone(),
            self.host.port.unwrap_or(self.port()),
            self.tls.clone(),
        );
        let open = async move |_uri: AMQPUri, _runtime: Runtime<Tokio>| {
            let stream = connect::open(&host, port, tls.as_deref()).await;
            let stream = stream.map_err(|what| lapin::Error::from(std::io::Error::other(what)))?;
            let stream = Severable::new(stream, severed.clone());
            Ok(AsyncTcpStream::Plain(stream.compat()))
        };
        let properties = ConnectionProperties::default().with_connection_name("bleepstore".into());
        let connection =
            lapin::Connection::connector(self.uri(), Runtime::new(Tokio::current()), open, properties)
                .await
                .map_err(|error| said(&error))?;
        let channel = connection.create_channel().await.map_err(|error| said(&error))?;
        let confirms = ConfirmSelectOptions::default();
        channel
            .confirm_select(confirms)
            .await
            .map_err(|error| said(&error))?;
        Ok(Connection {
            channel: Arc::new(Mutex::new(channel)),
            _connection: Arc::new(connection),
            _severed: Arc::new(guard),
        })
    }

    async fn send(&self, connection: Connection, deliveries: &[&Delivery], outcomes: &Outcomes) {
        let channel = connection.channel.lock().await;
        let mut confirms = Vec::with_capacity(deliveries.len());
        for (index, delivery) in deliveries.iter().enumerate() {
            let properties = match Self::properties(delivery) {
                Ok(properties) => properties,
                Err(failure) => {
                    outcomes.set(index, Err(failure));
                    continue;
                }
            };
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let (exchange, key) = (self.exchange.clone(), self.routing_key.clone());
            let body = delivery.document.as_bytes();
            match channel
                .basic_publish(exchange, key, options, body, properties)
                .await
            {
                Ok(confirm) => confirms.push((index, confirm)),
                Err(error) => outcomes.set(index, Err(failure(&error))),
            }
        }
        // Where one confirm is for several messages, lapin hands a returned message to any of them. So it is looked at
        // whose they are once all are confirmed.
        let mut taken = Vec::new();
        let mut returned = Vec::new();
        let mut too_large = Vec::new();
        for (index, confirm) in confirms {
            match confirm.await {
                Ok(Confirmation::Ack(message)) => {
                    taken.push(index);
                    returned.extend(message);
                }
                Ok(Confirmation::Nack(message)) => {
                    let what = "the broker could not take it (basic.nack)";
                    outcomes.set(index, Err(Failure::Said(SinkError::unavailable(what))));
                    returned.extend(message);
                }
                Ok(Confirmation::NotRequested) => {
                    outcomes.set(index, Err(Failure::unavailable("the broker confirms nothing")));
                }
                Err(error) if is_too_large(&error) => too_large.push((index, said(&error))),
                Err(error) => outcomes.set(index, Err(failure(&error))),
            }
        }
        let returns: HashSet<String> = returned.iter().filter_map(id).collect();
        let why = returned.first().map(|message| message.reply_text.to_string());
        let why = format!("it reached no queue: {}", why.unwrap_or_default());
        for index in taken {
            let is_returned = deliveries
                .get(index)
                .is_some_and(|delivery| returns.contains(&delivery.id));
            outcomes.set(
                index,
                if is_returned {
                    // No event of this destination would reach one.
                    Err(Failure::Said(SinkError::unavailable(&why)))
                } else {
                    Ok(())
                },
            );
        }
        // The broker ended the channel for one message, and does not say for which.
        let length = |index: usize| {
            deliveries
                .get(index)
                .map_or(0, |delivery| delivery.document.len())
        };
        let largest = too_large
            .iter()
            .map(|(index, _)| *index)
            .max_by_key(|index| length(*index));
        for (index, what) in too_large {
            let error = match Some(index) == largest {
                true => SinkError::refused(what),
                false => SinkError::unavailable(format_args!("another message of the same call: {what}")),
            };
            outcomes.set(index, Err(Failure::Broken(error)));
        }
    }
}

fn id(message: &BasicReturnMessage) -> Option<String> {
    message
        .delivery
        .properties
        .message_id()
        .as_ref()
        .map(ToString::to_string)
}

fn short(text: String, what: &str) -> Result<ShortString, String> {
    ShortString::try_new(text).map_err(|_| format!("its {what} has more than {LONGEST_NAME} bytes"))
}

fn is_too_large(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else {
        return false;
    };
    // RabbitMQ says the latter.
    error.get_id() == CONTENT_TOO_LARGE
        || error.get_id() == PRECONDITION_FAILED && error.get_message().as_str().contains("message size")
}

fn failure(error: &lapin::Error) -> Failure {
    match error.kind() {
        // The broker is going, and says so to those who are connected.
        ErrorKind::ProtocolError(error) if error.get_id() == CONNECTION_FORCED => {
            Failure::Lost(error.to_string())
        }
        ErrorKind::ProtocolError(_) => Failure::unavailable(said(error)),
        _ => Failure::Lost(said(error)),
    }
}

/// An error in the broker's words.
fn said(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        ErrorKind::IOError(error) => error.to_string(),
        _ => error.to_string(),
    }
}
