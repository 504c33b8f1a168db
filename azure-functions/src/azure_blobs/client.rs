//! The container's client: how it connects, how long it waits, and how calls are made again.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::base64;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Body, ClientOptions, Context, Method, Request, RetryOptions, Transport, Url};
use azure_storage_blob::{BlobClient, BlobContainerClient, BlobContainerClientOptions};
use bleepstore_core::digest::md5;
use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use bleepstore_core::remote::{FailedCall, Retries, describe};
use reqwest::Client;
use reqwest::redirect::Policy as Redirects;

use super::error::failed;
use super::{AzureBlobSettings, BlobIdentity};
use crate::tls::use_ring;

/// A healthy Blob Storage accepts connections within milliseconds.
const CONNECT: Duration = Duration::from_secs(2);

/// From the start of a request, with a part of a body, to the head of its answer, and then between two pieces of it.
const SILENCE: Duration = Duration::from_secs(30);

/// Azure closes idle connections later than this.
const IDLE: Duration = Duration::from_secs(60);

/// All attempts at a call together: shorter than what S3 clients wait for an answer.
const OPERATION: Duration = Duration::from_secs(50);

/// One container, and when calls to it are made again.
pub(super) struct Container {
    client: BlobContainerClient,
    name: String,
    retries: Retries,
}

impl Container {
    pub(super) fn new(settings: AzureBlobSettings) -> StoreResult<Self> {
        let mut url = Url::parse(&settings.endpoint).map_err(StoreError::internal)?;
        let credential = match settings.identity {
            BlobIdentity::Token(credential) => {
                require(
                    url.scheme() == "https",
                    "tokens of Microsoft Entra ID go over HTTPS only",
                )?;
                url.set_query(None);
                Some(credential)
            }
            BlobIdentity::Sas(sas) => {
                let private = url.scheme() == "https" || url.scheme() == "http" && is_this_machine(&url);
                require(
                    private,
                    "a shared access signature goes over HTTPS, or stays on this machine",
                )?;
                url.set_query(Some(sas.trim_start_matches('?')));
                None
            }
        };
        url.path_segments_mut()
            .map_err(|()| StoreError::internal("the endpoint has no path"))?
            .pop_if_empty()
            .push(&settings.container);
        let client_options = ClientOptions {
            per_call_policies: vec![Arc::new(ContentMd5)],
            // The SDK's own retries wait by a clock of its own, for as long as an answer asks, and say nothing.
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::new(http_client()?))),
            ..ClientOptions::default()
        };
        let options = BlobContainerClientOptions {
            client_options,
            ..BlobContainerClientOptions::default()
        };
        let client = BlobContainerClient::new(url, credential, Some(options));
        Ok(Self {
            client: client.map_err(StoreError::internal)?,
            name: settings.container,
            retries: Retries::new(settings.clock, settings.entropy),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn client(&self) -> &BlobContainerClient {
        &self.client
    }

    pub(super) fn blob(&self, name: &str) -> BlobClient {
        self.client.blob_client(name)
    }

    /// When calls that failed are made again.
    pub(super) fn retries(&self) -> &Retries {
        &self.retries
    }

    /// Makes a call until it is answered well, unless that takes too long.
    pub(super) async fn answer<T, F>(&self, call: impl Fn() -> F) -> StoreResult<T>
    where
        F: Future<Output = azure_core::Result<T>>,
    {
        let attempts = self.retries.until_answered(|| {
            let answered = call();
            async move { answered.await.map_err(failed) }
        });
        match tokio::time::timeout(OPERATION, attempts).await {
            Ok(answer) => answer.map_err(FailedCall::into),
            Err(late) => Err(StoreError::new(StoreErrorKind::Timeout, late)),
        }
    }
}

fn require(holds: bool, complaint: &'static str) -> StoreResult<()> {
    if holds {
        Ok(())
    } else {
        Err(StoreError::internal(complaint))
    }
}

fn is_this_machine(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

/// The connections below the SDK. It follows no redirect: Blob Storage makes none. It uses no proxy, whatever the
/// environment says, so that what is meant for loopback stays there. It asks for no compression and undoes none. Each
/// transfer has a connection of its own, because the transfers of an HTTP/2 connection share its window.
fn http_client() -> StoreResult<Client> {
    use_ring();
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .pool_idle_timeout(IDLE)
        .redirect(Redirects::none())
        .no_proxy()
        .http1_only()
        .retry(reqwest::retry::never())
        .build();
    client.map_err(|error| StoreError::internal(describe(&error)))
}

/// Sends a digest with every body, so that Blob Storage refuses one that was damaged on its way.
#[derive(Debug)]
struct ContentMd5;

#[async_trait]
impl Policy for ContentMd5 {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        if let (Method::Put, Body::Bytes(bytes)) = (request.method(), request.body()) {
            let digest = base64::encode(md5(bytes));
            request.insert_header("content-md5", digest);
        }
        let Some((first, others)) = next.split_first() else {
            let nowhere = "a request has nowhere to go";
            return Err(azure_core::Error::with_message(
                azure_core::error::ErrorKind::Other,
                nowhere,
            ));
        };
        first.send(ctx, request, others).await
    }
}

#[cfg(test)]
mod tests {
    use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
    use bleepstore_core::ports::BlobStore;
    use bleepstore_http::OsEntropy;
    use bleepstore_tests::clock::SkippingClock;
    use bleepstore_tests::samples::NOW;

    use super::super::AzureBlobs;
    use super::*;

    /// Hands out no tokens.
    #[derive(Debug)]
    struct NoTokens;

    #[async_trait]
    impl TokenCredential for NoTokens {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            Err(azure_core::error::ErrorKind::Credential.into_error())
        }
    }

    #[test]
    fn what_authorizes_requests_does_not_leave_the_machine_in_clear_text() {
        let token = BlobIdentity::Token(Arc::new(NoTokens));
        let sas = BlobIdentity::Sas("?sig=secret".to_owned());
        for (endpoint, identity, accepted) in [
            ("https://account.blob.core.windows.net/", &token, true),
            ("https://account.blob.core.windows.net", &sas, true),
            ("http://127.0.0.1:10000/devstoreaccount1", &sas, true),
            ("http://127.0.0.1:10000/devstoreaccount1", &token, false),
            ("http://account.blob.core.windows.net/", &token, false),
            ("http://account.blob.core.windows.net/", &sas, false),
            ("ftp://127.0.0.1/", &sas, false),
            ("account.blob.core.windows.net", &sas, false),
            ("mailto:a@b", &sas, false),
            ("", &token, false),
        ] {
            let container = Container::new(settings(endpoint, identity));
            assert_eq!(container.is_ok(), accepted, "{endpoint}");
        }
    }

    #[tokio::test]
    async fn without_a_token_nothing_is_sent_and_the_store_is_unavailable() {
        let clock = Arc::new(SkippingClock::at(NOW));
        let token = BlobIdentity::Token(Arc::new(NoTokens));
        let store = AzureBlobs::new(AzureBlobSettings {
            clock: clock.clone(),
            ..settings("https://account.invalid/", &token)
        });
        let error = store.unwrap().owner().await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        assert!(error.to_string().contains("Credential"), "{error}");
        assert_eq!(clock.take_waits().len(), 5);
    }

    #[test]
    fn a_container_lies_below_the_path_of_its_endpoint() {
        let sas = BlobIdentity::Sas("?sv=1&sig=a%2Bb".to_owned());
        for (endpoint, expected) in [
            (
                "https://account.blob.core.windows.net/",
                "https://account.blob.core.windows.net/blobs/a/b?sv=1&sig=a%2Bb",
            ),
            (
                "http://127.0.0.1:10000/devstoreaccount1",
                "http://127.0.0.1:10000/devstoreaccount1/blobs/a/b?sv=1&sig=a%2Bb",
            ),
        ] {
            let container = Container::new(settings(endpoint, &sas)).unwrap();
            let url = container.blob("a/b").url().to_string();
            assert_eq!(url.replace("a%2Fb", "a/b"), expected);
        }
    }

    fn settings(endpoint: &str, identity: &BlobIdentity) -> AzureBlobSettings {
        AzureBlobSettings {
            endpoint: endpoint.to_owned(),
            container: "blobs".to_owned(),
            identity: identity.clone(),
            clock: Arc::new(SkippingClock::at(NOW)),
            entropy: Arc::new(OsEntropy),
        }
    }

    #[test]
    fn only_addresses_of_this_machine_may_see_a_signature_in_clear_text() {
        for (url, expected) in [
            ("http://127.0.0.1:10000/devstoreaccount1", true),
            ("http://[::1]:10000/", true),
            ("http://localhost/", true),
            ("http://10.0.0.1/", false),
            ("http://account.blob.core.windows.net/", false),
            ("http://127.0.0.1.example/", false),
            ("http://localhost.example/", false),
        ] {
            assert_eq!(is_this_machine(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
