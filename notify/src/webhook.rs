//! Webhooks, as <https://www.standardwebhooks.com/> has them: a signed POST for each event.

mod requests;
mod secret;

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bleepstore_core::ports::{Delivery, EventSink, SinkError};
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::time::timeout;

use crate::addresses::is_public;
use crate::kept::tidy;
use crate::options::Options;
use crate::tls::Tls;
use crate::url::{Host, Url};
use crate::webhook::requests::Requests;
use crate::webhook::secret::Secret;

/// How many requests are on their way at once.
const AT_ONCE: usize = 10;

/// How long a receiver has from the start of a request to the end of its answer.
const LONGEST_REQUEST: Duration = Duration::from_secs(10);

/// A receiver. `Ok` is said of what it answered with 2xx: what that is worth is its own to say.
pub(crate) struct Webhook {
    host: Host,
    port: u16,
    is_tls: bool,
    path: String,
    secret: Secret,
    wait: Duration,
    requests: Requests,
}

impl Webhook {
    pub(crate) fn new(url: Url, tls: Option<Tls>, options: &Options) -> Result<Self, String> {
        if url.user.is_some() || url.password.is_some() {
            return Err("a webhook has no user and no password; its secret is not in its URL".to_owned());
        }
        let is_tls = tls.is_some();
        if !is_tls && !options.private_addresses {
            return Err(
                "without TLS (http) webhooks may only be where private addresses are allowed".to_owned(),
            );
        }
        let host = url.host()?;
        if let Ok(address) = host.name.parse::<IpAddr>()
            && !options.private_addresses
            && !is_public(address)
        {
            return Err("its address is none of the Internet, and private ones are not allowed".to_owned());
        }
        let secret = options
            .webhook_secret
            .as_deref()
            .ok_or("a webhook needs a secret")?;
        let default = if is_tls { 443 } else { 80 };
        let path = if url.path.is_empty() {
            "/"
        } else {
            url.path.as_str()
        };
        let path = match &url.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let _: http::uri::PathAndQuery = path.parse().map_err(|_| "its path is none of a URL")?;
        Ok(Self {
            port: host.port.unwrap_or(default),
            is_tls,
            path,
            secret: Secret::read(secret)?,
            wait: options.wait().min(LONGEST_REQUEST),
            requests: Requests::new(
                host.clone(),
                host.port.unwrap_or(default),
                tls,
                options.private_addresses,
            ),
            host,
        })
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), SinkError> {
        let sending = timeout(self.wait, self.post(delivery)).await;
        let status = sending
            .unwrap_or_else(|_| Err(format!("there was no answer in {:?}", self.wait)))
            .map_err(|what| SinkError::unavailable(tidy(&what, None)))?;
        outcome(status)
    }

    async fn post(&self, delivery: &Delivery) -> Result<StatusCode, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let sent = now.as_secs().to_string();
        let signature = self.secret.sign(&delivery.id, &sent, &delivery.document);
        let host = match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => self
                .host
                .written(self.port)
                .rsplit_once(':')
                .map(|(host, _)| host.to_owned()),
            _ => None,
        };
        let host = host.unwrap_or_else(|| self.host.written(self.port));
        let make = || {
            Request::post(&self.path)
                .header(HOST, &host)
                .header(CONTENT_TYPE, "application/json")
                .header(USER_AGENT, concat!("bleepstore/", env!("CARGO_PKG_VERSION")))
                .header("webhook-id", &delivery.id)
                .header("webhook-timestamp", &sent)
                .header("webhook-signature", &signature)
                .body(Full::new(Bytes::from(delivery.document.clone())))
                .map_err(|error| error.to_string())
        };
        self.requests.send(make).await
    }
}

#[async_trait]
impl EventSink for Webhook {
    fn at_once(&self) -> usize {
        AT_ONCE
    }

    async fn deliver(&self, deliveries: &[Delivery]) -> Vec<Result<(), SinkError>> {
        join_all(deliveries.iter().map(|delivery| self.send(delivery))).await
    }

    /// Without the path, which often is what receivers know their senders by.
    fn place(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}/", self.host.written(self.port))
    }
}

/// What an answer means: 2xx alone is success, and redirects are not followed.
fn outcome(status: StatusCode) -> Result<(), SinkError> {
    let what = format_args!("the answer was {status}");
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Err(SinkError::unavailable(what))
        }
        _ if status.is_client_error() || status.is_redirection() => Err(SinkError::refused(what)),
        _ => Err(SinkError::unavailable(what)),
    }
}

#[cfg(test)]
mod tests {
    use bleepstore_core::ports::SinkErrorKind;

    use super::*;

    #[test]
    fn a_status_says_whether_to_try_again() {
        let kind = |status: u16| {
            outcome(StatusCode::from_u16(status).unwrap())
                .err()
                .map(|error| error.kind)
        };
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(kind(status), None, "{status}");
        }
        for status in [301, 302, 304, 307, 400, 401, 403, 404, 410, 413, 422] {
            assert_eq!(kind(status), Some(SinkErrorKind::Refused), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599, 600, 101] {
            assert_eq!(kind(status), Some(SinkErrorKind::Unavailable), "{status}");
        }
    }
}
