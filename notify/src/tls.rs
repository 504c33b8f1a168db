//! TLS for every kind of destination.

use std::sync::Arc;

use bleepstore_core::remote::describe;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

/// Whom a destination is believed to be, by which certificates. They are read when the first connection is made.
pub(crate) struct Tls {
    /// As PEM; those that the system trusts where there are none.
    certificates: Option<Vec<u8>>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(crate) fn of(certificates: Option<Vec<u8>>) -> Self {
        Self {
            certificates,
            config: OnceCell::const_new(),
        }
    }

    pub(crate) async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config.get_or_try_init(|| self.read()).await.cloned()
    }

    async fn read(&self) -> Result<Arc<ClientConfig>, String> {
        let certificates = self.certificates.clone();
        // The system's certificates are a file, or a file for each.
        let roots = tokio::task::spawn_blocking(move || roots(certificates.as_deref())).await;
        let roots = roots.map_err(|error| error.to_string())??;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

fn roots(certificates: Option<&[u8]>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = certificates {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("not a certificate: {error}"))?;
            roots
                .add(certificate)
                .map_err(|error| format!("not a certificate: {error}"))?;
        }
    } else {
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
    match roots.is_empty() {
        true => Err("there are no certificates to know its host by".to_owned()),
        false => Ok(roots),
    }
}
