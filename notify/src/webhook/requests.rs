//! Requests to one host, over connections that are kept between them.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::addresses::is_public;
use crate::connect;
use crate::kept::causes;
use crate::tls::Tls;
use crate::url::Host;

/// Nothing is told in an answer but its status. What is longer costs the connection.
const LONGEST_ANSWER: usize = 4 * 1024;

/// How long the rest of an answer is waited for.
const REST: Duration = Duration::from_secs(1);

/// How many connections are kept.
const KEPT: usize = 10;

/// Most servers keep a connection that nobody uses for longer.
const IDLE: Duration = Duration::from_secs(30);

pub(crate) struct Requests {
    host: Host,
    port: u16,
    tls: Option<Tls>,
    private_addresses: bool,
    idle: Mutex<Vec<Idle>>,
}

struct Connection {
    requests: SendRequest<Full<Bytes>>,
    _reading: AbortOnDropHandle<()>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Requests {
    pub(crate) fn new(host: Host, port: u16, tls: Option<Tls>, private_addresses: bool) -> Self {
        Self {
            host,
            port,
            tls,
            private_addresses,
            idle: Mutex::default(),
        }
    }

    /// The answer's status. A connection that was kept and turns out to have ended is replaced, once.
    pub(crate) async fn send(
        &self,
        make: impl Fn() -> Result<Request<Full<Bytes>>, String>,
    ) -> Result<StatusCode, String> {
        if let Some(mut connection) = self.kept() {
            let answer = connection.requests.send_request(make()?).await;
            match answer {
                Ok(answer) => return Ok(self.finish(connection, answer).await),
                Err(error) if error.is_canceled() || error.is_closed() || is_lost(&error) => {}
                Err(error) => return Err(causes(&error)),
            }
        }
        let mut connection = self.connect().await?;
        let answer = connection.requests.send_request(make()?).await;
        let answer = answer.map_err(|error| causes(&error))?;
        Ok(self.finish(connection, answer).await)
    }

    /// Reads the rest of an answer, so that the connection can be used again. Its status holds whatever follows it.
    async fn finish(&self, mut connection: Connection, answer: Response<Incoming>) -> StatusCode {
        let status = answer.status();
        let rest = async {
            let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
            body.is_ok() && connection.requests.ready().await.is_ok()
        };
        // What is short is there with the head, or soon after it.
        if tokio::time::timeout(REST, rest).await == Ok(true) {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEPT {
                idle.push(Idle {
                    connection,
                    since: Instant::now(),
                });
            }
        }
        status
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < IDLE && !idle.connection.requests.is_closed());
        idle.pop().map(|idle| idle.connection)
    }

    /// A connection to an address that was looked at: its name is not looked up again.
    async fn connect(&self) -> Result<Connection, String> {
        let addresses = match self.host.name.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, self.port)],
            Err(_) => connect::resolve(&self.host.name, self.port).await?,
        };
        if !self.private_addresses && !addresses.iter().all(|address| is_public(address.ip())) {
            return Err(
                "its name has an address that is none of the Internet, and private ones are not allowed"
                    .to_owned(),
            );
        }
        let stream = connect::open_at(&addresses, &self.host.name, self.tls.as_ref()).await?;
        let (requests, reading) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| causes(&error))?;
        let reading = tokio::spawn(async move {
            if let Err(error) = reading.await {
                tracing::debug!(error = causes(&error), "a webhook's connection ended");
            }
        });
        Ok(Connection {
            requests,
            _reading: AbortOnDropHandle::new(reading),
        })
    }
}

/// Whether the other side closed or broke the connection before it answered.
fn is_lost(error: &hyper::Error) -> bool {
    use std::error::Error;
    error.is_incomplete_message() || error.source().is_some_and(|source| source.is::<std::io::Error>())
}
