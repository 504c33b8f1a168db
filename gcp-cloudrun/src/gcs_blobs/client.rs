//! How the HTTP client connects and how long it waits.

use std::time::Duration;

use bleepstore_core::ports::{StoreError, StoreResult};
use bleepstore_core::remote::describe;
use firestore::gcloud_sdk::CERTIFICATES;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder};

use crate::tls::use_ring;

/// A healthy Cloud Storage accepts connections within milliseconds.
const CONNECT: Duration = Duration::from_secs(2);

/// From the start of a request, with a part of a body, to the head of its answer, and then between two pieces of it.
const SILENCE: Duration = Duration::from_secs(30);

/// Google closes idle connections later than this.
const IDLE: Duration = Duration::from_secs(60);

/// What [`client`] builds, for those who want to add to it.
///
/// It follows no redirect: the JSON API makes none, and says with `308` that an upload goes on. It uses no proxy,
/// whatever the environment says, so that what is meant for loopback stays there. It asks for no compression and
/// undoes none. Each transfer has a connection of its own, because the transfers of an HTTP/2 connection share its
/// window.
///
/// It trusts the roots of <https://pki.goog/roots.pem>, which are compiled in and which the connection to Firestore
/// trusts too, and not those of the machine: to read these took as long as all else in a start.
pub fn client_builder() -> StoreResult<ClientBuilder> {
    use_ring();
    let roots = Certificate::from_pem_bundle(CERTIFICATES);
    let roots = roots.map_err(|error| StoreError::internal(describe(&error)))?;
    let builder = Client::builder()
        .tls_certs_only(roots)
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .pool_idle_timeout(IDLE)
        .redirect(Policy::none())
        .no_proxy()
        .http1_only()
        .retry(reqwest::retry::never())
        .user_agent(concat!("bleepstore/", env!("CARGO_PKG_VERSION")));
    Ok(builder)
}

/// A client for [`GcsBlobs`](super::GcsBlobs).
pub fn client() -> StoreResult<Client> {
    let client = client_builder()?.build();
    client.map_err(|error| StoreError::internal(describe(&error)))
}
