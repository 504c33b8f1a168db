//! The one implementation of TLS.

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the process's cryptography, unless it has one. The SDKs' HTTP clients are built without any of
/// their own and cannot be made before this.
pub fn use_ring() {
    if CryptoProvider::get_default().is_none() && ring::default_provider().install_default().is_err() {
        tracing::debug!("another thread chose the process's cryptography first");
    }
}
