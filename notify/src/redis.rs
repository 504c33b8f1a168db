//! Redis, and what speaks as it does: an entry of a stream, or of a list, for each event.

use std::sync::Arc;

use async_trait::async_trait;
use bleepstore_core::ports::Delivery;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError, RedisResult, Value};
use tokio_util::task::AbortOnDropHandle;

use crate::connect;
use crate::kept::{Broker, Failure, Outcomes};
use crate::tls::Tls;
use crate::url::{Host, Url};

const PORT: u16 = 6379;

/// A stream or a list. `Ok` is said of what Redis has taken into its memory: whether that outlives a crash of its host
/// is what its `appendfsync` says, and replicas receive it a little later.
pub(crate) struct Redis {
    host: Host,
    tls: Option<Tls>,
    user: Option<String>,
    password: Option<String>,
    database: i64,
    target: Target,
}

enum Target {
    Stream { name: String, longest: Option<u64> },
    List { name: String },
}

/// A connection, and the task that reads it, which ends with the last copy.
#[derive(Clone)]
pub(crate) struct Connection {
    commands: MultiplexedConnection,
    _reading: Arc<AbortOnDropHandle<()>>,
}

impl Redis {
    pub(crate) fn new(url: Url, tls: Option<Tls>) -> Result<Self, String> {
        let [stream, longest, list] = url.parameters(["stream", "maxlen", "list"])?;
        let longest = longest.map(|text| text.parse().map_err(|_| "maxlen is no number"));
        let named = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
        let target = match (stream, list, longest.transpose()?) {
            (stream @ Some(_), None, longest) if named(&stream) => Target::Stream {
                name: stream.unwrap_or_default(),
                longest,
            },
            (None, list @ Some(_), None) if named(&list) => Target::List {
                name: list.unwrap_or_default(),
            },
            (None, Some(_), Some(_)) => return Err("maxlen is of streams alone".to_owned()),
            _ => return Err("it must name either a stream (?stream=NAME) or a list (?list=NAME)".to_owned()),
        };
        let database = url
            .path()?
            .map(|text| text.parse().ok().filter(|number| *number >= 0));
        Ok(Self {
            host: url.host()?,
            database: database.unwrap_or(Some(0)).ok_or("its database is no number")?,
            user: url.user,
            password: url.password,
            tls,
            target,
        })
    }

    fn pipeline(&self, deliveries: &[&Delivery]) -> redis::Pipeline {
        let mut pipeline = redis::Pipeline::with_capacity(deliveries.len());
        for delivery in deliveries {
            match &self.target {
                Target::Stream { name, longest } => {
                    pipeline.cmd("XADD").arg(name);
                    if let Some(longest) = longest {
                        pipeline.arg("MAXLEN").arg("~").arg(*longest);
                    }
                    pipeline.arg("*").arg("id").arg(&delivery.id);
                    pipeline.arg("event").arg(&delivery.document);
                }
                Target::List { name } => {
                    pipeline.cmd("RPUSH").arg(name).arg(&delivery.document);
                }
            }
        }
        // So that each command has an answer of its own.
        pipeline.ignore_errors();
        pipeline
    }
}

#[async_trait]
impl Broker for Redis {
    type Connection = Connection;

    const AT_ONCE: usize = 100;

    fn place(&self) -> String {
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        let host = self.host.written(PORT);
        let database = match self.database {
            0 => String::new(),
            number => number.to_string(),
        };
        match &self.target {
            Target::Stream { name, .. } => format!("{scheme}://{host}/{database}?stream={name}"),
            Target::List { name } => format!("{scheme}://{host}/{database}?list={name}"),
        }
    }

    fn secret(&self) -> Option<&str> {
        self.password.as_deref()
    }

    async fn connect(&self) -> Result<Connection, String> {
        let port = self.host.port.unwrap_or(PORT);
        let stream = connect::open(&self.host.name, port, self.tls.as_ref()).await?;
        let mut settings = RedisConnectionInfo::default()
            .set_db(self.database)
            .set_skip_set_lib_name();
        if let Some(user) = &self.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        // Half a second would be all that it waits for: the call has an end of its own.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connection = MultiplexedConnection::new_with_config(&settings, stream, config).await;
        let (commands, reading) = connection.map_err(|error| said(&error))?;
        Ok(Connection {
            commands,
            _reading: Arc::new(AbortOnDropHandle::new(tokio::spawn(reading))),
        })
    }

    async fn send(&self, mut connection: Connection, deliveries: &[&Delivery], outcomes: &Outcomes) {
        let pipeline = self.pipeline(deliveries);
        let answers: RedisResult<Vec<RedisResult<Value>>> =
            pipeline.query_async(&mut connection.commands).await;
        match answers {
            Ok(answers) => {
                for (index, answer) in answers.into_iter().enumerate() {
                    outcomes.set(index, answer.map(drop).map_err(|error| failure(&error)));
                }
            }
            Err(error) => outcomes.fill(&failure(&error)),
        }
    }
}

fn failure(error: &RedisError) -> Failure {
    if error.is_io_error() || matches!(error.kind(), ErrorKind::Io | ErrorKind::Parse) {
        return Failure::Lost(error.to_string());
    }
    match error.code() {
        // Of this event alone: such as a value that is longer than Redis takes. Not so that it does not know a command.
        Some("ERR") if !said(error).contains("unknown command") => Failure::refused(said(error)),
        // The name has another kind of value, the user may not, the memory is full, it is a replica, it is starting ...
        _ => Failure::unavailable(said(error)),
    }
}

/// An error in Redis's own words.
fn said(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}
