//! The HTTP client for the documents of issuers.

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::remote::describe;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, USER_AGENT};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use crate::source::{KeysUnavailable, Published};

/// A longer document is not read. Google's keys have about 2 KB.
const LONGEST: usize = 64 * 1024;

/// How long a host has from the start of a connection to the end of its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

type Connections = legacy::Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Whose word is taken for who a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this machine trusts, or those of `SSL_CERT_FILE` or `SSL_CERT_DIR`: the same that the
    /// clouds' SDKs find, in their images too.
    System,
    /// These certificates alone, as PEM.
    Only(Vec<u8>),
}

/// Reads documents. It follows no redirect and uses no proxy, whatever the environment says. Certificates are read
/// when it is first used, so that one that is not used costs nothing.
pub struct Client {
    trust: Trust,
    without_tls: bool,
    connections: OnceCell<Connections>,
}

impl Client {
    /// A client that refuses URLs without TLS.
    pub const fn https(trust: Trust) -> Self {
        Self {
            trust,
            without_tls: false,
            connections: OnceCell::const_new(),
        }
    }

    /// A client that also takes `http` URLs, for those that the operator alone names.
    pub fn https_or_http(trust: Trust) -> Self {
        Self {
            without_tls: true,
            ..Self::https(trust)
        }
    }

    /// The document at `url`: what a host answers with status 200, in ten seconds and at most 64 KiB.
    pub(crate) async fn get(&self, url: &str) -> Result<Published, KeysUnavailable> {
        let answer = tokio::time::timeout(TIMEOUT, self.exchange(url)).await;
        let answer = answer.unwrap_or_else(|_| Err("there was no whole answer in time".to_owned()));
        answer.map_err(|reason| KeysUnavailable(format!("{url}: {reason}")))
    }

    async fn exchange(&self, url: &str) -> Result<Published, String> {
        let url: Uri = url
            .parse()
            .map_err(|error: http::uri::InvalidUri| error.to_string())?;
        let connections = self.connections.get_or_try_init(|| self.connect()).await?;
        let request = Request::get(url)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("bleepstore/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let response = connections
            .request(request)
            .await
            .map_err(|error| describe(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("the answer was {}", response.status()));
        }
        let max_age = max_age(response.headers());
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => "the answer is too long".to_owned(),
            None => describe(&*error),
        })?;
        Ok(Published {
            document: body.to_bytes().into(),
            max_age,
        })
    }

    async fn connect(&self) -> Result<Connections, String> {
        let trust = self.trust.clone();
        // The system's roots are a file, or a file for each.
        let roots = tokio::task::spawn_blocking(move || roots(&trust)).await;
        let roots = roots.map_err(|error| error.to_string())??;
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let builder = match self.without_tls {
            true => builder.https_or_http(),
            false => builder.https_only(),
        };
        // Keys are asked for so rarely that no connection is worth keeping.
        Ok(legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(builder.enable_http1().build()))
    }
}

fn roots(trust: &Trust) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(
                    error = describe(error),
                    "some of the system's certificates cannot be read"
                );
            }
            // Some systems have certificates of a form that nobody uses any more.
            roots.add_parsable_certificates(found.certs);
        }
        Trust::Only(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("not a certificate: {error}"))?;
                roots
                    .add(certificate)
                    .map_err(|error| format!("not a certificate: {error}"))?;
            }
        }
    }
    match roots.is_empty() {
        true => Err("there are no certificates to know its host by".to_owned()),
        false => Ok(roots),
    }
}

fn max_age(headers: &HeaderMap) -> Duration {
    let directives = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let seconds = directives.unwrap_or_default().split(',').find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.parse().ok())?
    });
    Duration::from_secs(seconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_age_of_an_answer_is_what_it_says() {
        let age = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(text));
            max_age(&headers).as_secs()
        };
        assert_eq!(
            age("public, max-age=22532, must-revalidate, no-transform"),
            22_532
        );
        assert_eq!(age("Max-Age=1"), 1);
        assert_eq!(age("no-store"), 0);
        assert_eq!(age("max-age=soon"), 0);
        assert_eq!(max_age(&HeaderMap::new()).as_secs(), 0);
    }
}
