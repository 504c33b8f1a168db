//! Verification of AWS Signature Version 2, which boto3 and the AWS command line 1 still presign with.
//!
//! A signature of version 2 covers the method, the path, `Content-MD5`, `Content-Type`, a date or the instant of expiry, the
//! `x-amz-*` headers, and of the query the sub-resources that version 2 knows and `response-*`. What else decides what a
//! request does is refused here, but for the parameters of listings, which AWS leaves open too.
//!
//! As with version 4, [`claim`] checks all that needs no secret, and [`SignedClaim::verify`] compares the signature.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>

mod parse;
mod string_to_sign;

#[cfg(test)]
mod claim_tests;
#[cfg(test)]
mod vectors;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::host::Addressing;
use super::percent;
use super::query_signature;
use super::sigv4::{PayloadMode, RequestHead};
use crate::model::{ErrorCode, S3Error, SigV2, Timestamp, hex};

/// A request that may carry a signature of version 2.
#[derive(Clone, Copy, Debug)]
pub struct SigV2Request<'a> {
    /// The head as it was sent.
    pub head: RequestHead<'a>,
    /// The headers that the request is answered by: those of the head, and what its query carries in their place. The
    /// signature is computed over these, so that nothing acts that is not signed.
    pub headers: &'a HeaderMap,
    /// How the request names its bucket.
    pub addressing: &'a Addressing,
}

/// A signature that is well-formed and in time. Nothing proves it yet.
#[derive(Debug)]
pub struct SignedClaim {
    access_key: String,
    signature: String,
    /// What the signature may cover: the same request, as clients write it.
    strings_to_sign: Vec<Vec<u8>>,
    payload: PayloadMode,
    token: Option<String>,
}

/// Reads the signature of a request where it is one of version 2 that `taken` lets in, and checks all that needs no
/// secret. `None` for every other request: `sigv4::claim` answers it.
pub fn claim(
    request: &SigV2Request<'_>,
    now: Timestamp,
    taken: SigV2,
) -> Result<Option<SignedClaim>, S3Error> {
    request.head.check_lengths()?;
    let authorization = request.head.headers.get_all("authorization");
    if let Some(header) = authorization.iter().next() {
        let header = header.to_str().unwrap_or_default();
        let is_alone = authorization.iter().count() == 1;
        let Some(signature) = header.strip_prefix("AWS ").filter(|_| is_alone) else {
            return Ok(None);
        };
        if taken != SigV2::On || query_signature::of_any(&percent::query_pairs(request.head.raw_query)?) {
            return Ok(None);
        }
        return parse::in_header(request, signature, now).map(Some);
    }
    let query = percent::query_pairs(request.head.raw_query)?;
    if taken == SigV2::Off || !query_signature::of_version_2(&query) {
        return Ok(None);
    }
    if query_signature::of_version_4(&query) {
        return Err(parse::two_mechanisms());
    }
    parse::presigned(request, &query, now).map(Some)
}

impl SignedClaim {
    /// The access key whose secret proves the claim.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The token of the session that signed it, where it brings one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// What vouches for the body: a hash, or nothing. Never a signature of its chunks.
    pub fn payload(&self) -> PayloadMode {
        self.payload
    }

    /// Compares the signature, in constant time.
    pub fn verify(&self, secret_key: &str) -> Result<(), S3Error> {
        let provided = self.signature.as_bytes();
        let is_signed = self
            .strings_to_sign
            .iter()
            .any(|text| is_signature(secret_key, text, provided));
        if is_signed {
            return Ok(());
        }
        let string_to_sign = self.strings_to_sign.first().map_or(&[][..], Vec::as_slice);
        let pairs: Vec<String> = string_to_sign.iter().map(|byte| hex([*byte])).collect();
        Err(S3Error::new(ErrorCode::SignatureDoesNotMatch)
            .with("AWSAccessKeyId", &self.access_key)
            .with("StringToSign", String::from_utf8_lossy(string_to_sign))
            .with("SignatureProvided", &self.signature)
            .with("StringToSignBytes", pairs.join(" ")))
    }
}

/// Whether this signature of a text was made with this secret. Takes as long wherever it differs.
pub(super) fn is_signature(secret_key: &str, text: &[u8], provided: &[u8]) -> bool {
    sign(secret_key, text).as_bytes().ct_eq(provided).into()
}

/// The signature of a string to sign: its HMAC-SHA1 in Base64.
fn sign(secret_key: &str, string_to_sign: &[u8]) -> String {
    // RFC 2104: a key longer than the block is hashed, a shorter one is filled up with zeros.
    let mut block = [0_u8; 64];
    let key = secret_key.as_bytes();
    if let Some(start) = block.get_mut(..key.len()) {
        start.copy_from_slice(key);
    } else {
        block[..20].copy_from_slice(&Sha1::digest(key));
    }
    let mut mac = Hmac::<Sha1>::new(&block.into());
    mac.update(string_to_sign);
    STANDARD.encode(mac.finalize().into_bytes())
}
