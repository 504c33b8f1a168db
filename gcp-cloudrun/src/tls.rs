//! The one crypto library of the process.

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the library that every TLS client of this process uses. Calling it again changes nothing.
pub fn use_ring() {
    if CryptoProvider::get_default().is_none() && ring::default_provider().install_default().is_err() {
        tracing::debug!("another thread chose the crypto library at the same time");
    }
}
