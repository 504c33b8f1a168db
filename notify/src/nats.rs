//! NATS, with JetStream: a message for each event, acknowledged by the stream that has the subject.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::{ContextBuilder, PublishError, PublishErrorKind};
use async_nats::{ConnectOptions, Event, HeaderMap};
use async_trait::async_trait;
use bleepstore_core::ports::Delivery;
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::watch;

use crate::kept::{Broker, Failure, Outcomes, causes};
use crate::tls::Tls;
use crate::url::{Host, Url};

const PORT: u16 = 4222;

/// By this a stream knows a message that it has already.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// What a stream answers to a message that is longer than it takes.
const TOO_LARGE: u64 = 10_054;

/// A subject. `Ok` is said of what a JetStream stream has stored: whether that outlives its host is for the stream's
/// storage and replicas to say. NATS without JetStream acknowledges nothing, and is no destination.
pub(crate) struct Nats {
    host: Host,
    tls: Option<Tls>,
    login: Login,
    subject: String,
    wait: Duration,
}

enum Login {
    Nobody,
    User { name: String, password: String },
    Token(String),
}

#[derive(Clone)]
pub(crate) struct Connection {
    context: Context,
    /// What ended the connection, once something has: the client itself would wait, and connect again.
    ended: watch::Receiver<Option<Ended>>,
}

#[derive(Clone, Debug)]
enum Ended {
    Lost,
    Said(String),
}

impl Nats {
    pub(crate) fn new(url: Url, tls: Option<Tls>, wait: Duration) -> Result<Self, String> {
        let [] = url.parameters([])?;
        let subject = url
            .path()?
            .ok_or("it must name a subject (nats://HOST/SUBJECT)")?;
        let is_token = |token: &str| {
            let is_plain =
                |char: char| !char.is_whitespace() && !char.is_control() && char != '*' && char != '>';
            !token.is_empty() && token.chars().all(is_plain)
        };
        if !subject.split('.').all(is_token) {
            return Err("its subject has wildcards, spaces or empty parts".to_owned());
        }
        Ok(Self {
            host: url.host()?,
            login: match (url.user, url.password) {
                (None, None) => Login::Nobody,
                (Some(name), Some(password)) => Login::User { name, password },
                (Some(token), None) | (None, Some(token)) => Login::Token(token),
            },
            tls,
            subject,
            wait,
        })
    }

    fn address(&self) -> String {
        // The scheme says that TLS is there, and its settings whose certificates are believed.
        let scheme = if self.tls.is_some() { "tls" } else { "nats" };
        format!("{scheme}://{}", self.host.written(PORT))
    }
}

#[async_trait]
impl Broker for Nats {
    type Connection = Connection;

    const AT_ONCE: usize = 100;

    fn place(&self) -> String {
        format!("{}/{}", self.address(), self.subject)
    }

    fn secret(&self) -> Option<&str> {
        match &self.login {
            Login::Nobody => None,
            Login::User { password: secret, .. } | Login::Token(secret) => Some(secret),
        }
    }

    async fn connect(&self) -> Result<Connection, String> {
        let (end, ended) = watch::channel(None);
        let end = Arc::new(end);
        let mut options = ConnectOptions::new()
            .name("bleepstore")
            // The call's own end comes first.
            .connection_timeout(self.wait * 2)
            .ignore_discovered_servers()
            // It cannot be told to connect never again.
            .max_reconnects(1)
            .event_callback(move |event| {
                let what = match event {
                    Event::Disconnected | Event::Closed => Some(Ended::Lost),
                    // Such as that this user may not publish there, which nothing else says.
                    Event::ServerError(error) => Some(Ended::Said(error.to_string())),
                    _ => None,
                };
                if what.is_some() {
                    end.send_if_modified(|ended| {
                        ended.is_none() && {
                            *ended = what;
                            true
                        }
                    });
                }
                async {}
            });
        options = match &self.login {
            Login::Nobody => options,
            Login::User { name, password } => options.user_and_password(name.clone(), password.clone()),
            Login::Token(token) => options.token(token.clone()),
        };
        if let Some(tls) = &self.tls {
            let config = tls.config().await?;
            options = options.require_tls(true).tls_client_config((*config).clone());
        }
        let client = options.connect(self.address()).await;
        let client = client.map_err(|error| causes(&error))?;
        Ok(Connection {
            context: ContextBuilder::new().timeout(self.wait * 2).build(client),
            ended,
        })
    }

    async fn send(&self, connection: Connection, deliveries: &[&Delivery], outcomes: &Outcomes) {
        let mut acknowledgements = Vec::with_capacity(deliveries.len());
        for (index, delivery) in deliveries.iter().enumerate() {
            let mut headers = HeaderMap::new();
            headers.insert(MESSAGE_ID, delivery.id.as_str());
            let body = Bytes::from(delivery.document.clone());
            let publish = connection
                .context
                .publish_with_headers(self.subject.clone(), headers, body);
            match publish.await {
                Ok(acknowledgement) => acknowledgements.push((index, acknowledgement)),
                Err(error) => outcomes.set(index, Err(failure(&error))),
            }
        }
        let waiting = acknowledgements
            .into_iter()
            .map(async |(index, acknowledgement)| {
                let outcome = acknowledgement.await;
                outcomes.set(index, outcome.map(drop).map_err(|error| failure(&error)));
            });
        let mut ended = connection.ended.clone();
        let end = tokio::select! {
            biased;
            _ = join_all(waiting) => None,
            end = ended.wait_for(Option::is_some) => end.ok().and_then(|end| end.clone()),
        };
        match end {
            Some(Ended::Said(what)) => outcomes.fill(&Failure::unavailable(what)),
            Some(Ended::Lost) => outcomes.fill(&Failure::Lost("the server left".to_owned())),
            None => {}
        }
    }
}

fn failure(error: &PublishError) -> Failure {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Failure::refused(causes(error)),
        PublishErrorKind::StreamNotFound => {
            Failure::unavailable("no JetStream stream has its subject, or JetStream is off")
        }
        PublishErrorKind::BrokenPipe => Failure::Lost(causes(error)),
        _ => match code(error) {
            Some(TOO_LARGE) => Failure::refused(causes(error)),
            _ => Failure::unavailable(causes(error)),
        },
    }
}

/// JetStream's number for what is wrong.
fn code(error: &PublishError) -> Option<u64> {
    let source = std::error::Error::source(error)?;
    let error = source.downcast_ref::<async_nats::jetstream::Error>()?;
    Some(error.error_code().0)
}
