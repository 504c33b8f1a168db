//! The key derived from a secret, and the chain of chunk signatures that it signs.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::scope::{CredentialScope, TERMINAL};
use crate::model::{ErrorCode, S3Error, hex};

/// A key for one day, region and service.
#[derive(Clone)]
pub(super) struct SigningKey([u8; 32]);

impl SigningKey {
    pub(super) fn derive(secret_key: &str, scope: &CredentialScope) -> Self {
        let day = hmac(format!("AWS4{secret_key}").as_bytes(), scope.day().as_bytes());
        let region = hmac(&day, scope.region().as_bytes());
        let service = hmac(&region, scope.service().as_bytes());
        Self(hmac(&service, TERMINAL.as_bytes()))
    }

    /// The signature of a string to sign, in hex.
    pub(super) fn sign(&self, string_to_sign: &str) -> String {
        hex(hmac(&self.0, string_to_sign.as_bytes()))
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // RFC 2104: a key longer than the block is hashed, a shorter one is filled up with zeros.
    let mut block = [0_u8; 64];
    if let Some(start) = block.get_mut(..key.len()) {
        start.copy_from_slice(key);
    } else {
        block[..32].copy_from_slice(&Sha256::digest(key));
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Compares two signatures in a time that does not depend on where they differ.
pub(super) fn same_signature(expected: &str, provided: &[u8]) -> bool {
    expected.as_bytes().ct_eq(provided).into()
}

/// Verifies the chunk signatures of a body. Each covers the one before it; the first covers the signature
/// of the request's head.
#[derive(Clone)]
pub struct ChunkSigner {
    key: SigningKey,
    date: String,
    scope: String,
    previous: String,
}

impl ChunkSigner {
    pub(super) fn new(key: SigningKey, date: String, scope: String, seed: String) -> Self {
        Self {
            key,
            date,
            scope,
            previous: seed,
        }
    }

    /// Verifies the signature of the next chunk, whose bytes have this SHA-256.
    pub fn verify_chunk(&mut self, sha256: [u8; 32], provided: &[u8]) -> Result<(), S3Error> {
        self.advance(self.chunk_signature(sha256), provided)
    }

    /// Verifies the signature of the trailers, whose canonical form has this SHA-256.
    pub fn verify_trailers(&mut self, sha256: [u8; 32], provided: &[u8]) -> Result<(), S3Error> {
        self.advance(self.trailer_signature(sha256), provided)
    }

    fn advance(&mut self, signature: String, provided: &[u8]) -> Result<(), S3Error> {
        if !same_signature(&signature, provided) {
            return Err(S3Error::new(ErrorCode::SignatureDoesNotMatch));
        }
        self.previous = signature;
        Ok(())
    }

    fn chunk_signature(&self, sha256: [u8; 32]) -> String {
        let empty = hex(Sha256::digest(b""));
        let covered = format!("{empty}\n{}", hex(sha256));
        self.signature("AWS4-HMAC-SHA256-PAYLOAD", &covered)
    }

    fn trailer_signature(&self, sha256: [u8; 32]) -> String {
        self.signature("AWS4-HMAC-SHA256-TRAILER", &hex(sha256))
    }

    fn signature(&self, algorithm: &str, covered: &str) -> String {
        let (date, scope, previous) = (&self.date, &self.scope, &self.previous);
        self.key
            .sign(&format!("{algorithm}\n{date}\n{scope}\n{previous}\n{covered}"))
    }
}

/// What a client does, for the tests of decoding.
#[cfg(test)]
impl ChunkSigner {
    pub(in crate::protocol) fn sign_chunk(&mut self, bytes: &[u8]) -> String {
        self.previous = self.chunk_signature(Sha256::digest(bytes).into());
        self.previous.clone()
    }

    pub(in crate::protocol) fn sign_trailers(&mut self, canonical: &str) -> String {
        self.previous = self.trailer_signature(Sha256::digest(canonical).into());
        self.previous.clone()
    }
}

impl std::fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkSigner")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
