//! Verification of AWS Signature Version 4 for S3.
//!
//! A request is checked in two steps, so that nothing is looked up for a request that is wrong in itself:
//! [`claim`] reads the head and checks all that needs no secret, then [`SignedClaim::verify`] compares the
//! signature. Both are pure: the time and the secret are arguments.
//!
//! - <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
//! - <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
//! - <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
//! - <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>

mod authorization;
mod canonical;
mod claim;
mod form;
mod mode;
mod presigned;
mod scope;
mod signer;

#[cfg(test)]
mod claim_tests;
#[cfg(test)]
pub(super) mod vectors;

pub(super) use claim::version_2_unsupported;
pub use claim::{Claim, SignedClaim, claim, claim_of_sts};
pub use form::FormCredential;
pub(super) use mode::CONTENT_SHA256;
pub use mode::PayloadMode;
pub(super) use scope::{AmzDate, iso_date};
pub use signer::ChunkSigner;

use http::HeaderMap;

use crate::model::{ErrorCode, S3Error};

/// The head of a request as it was received.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path before any decoding, with its first `/`.
    pub raw_path: &'a str,
    /// The query before any decoding, without its `?`; empty when there is none.
    pub raw_query: &'a str,
    /// All headers, `host` among them.
    pub headers: &'a HeaderMap,
}

/// A key of 1024 bytes takes 3 KiB when it is encoded; a listing may name three in its query.
const MAX_TARGET: usize = 32 * 1024;
/// S3 takes 8 KiB of headers in all.
const MAX_AUTHORIZATION: usize = 8 * 1024;

impl RequestHead<'_> {
    /// Refuses a path and query, and an `Authorization` header, that are longer than any that is meant.
    pub(super) fn check_lengths(&self) -> Result<(), S3Error> {
        if self.raw_path.len() + self.raw_query.len() > MAX_TARGET {
            return Err(S3Error::new(ErrorCode::InvalidURI));
        }
        match self.headers.get("authorization") {
            Some(header) if header.len() > MAX_AUTHORIZATION => {
                Err(S3Error::new(ErrorCode::RequestHeaderSectionTooLarge))
            }
            _ => Ok(()),
        }
    }

    /// The first value of a header, where it is visible ASCII.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
