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
mod mode;
mod presigned;
mod scope;
mod signer;

#[cfg(test)]
mod claim_tests;
#[cfg(test)]
pub(super) mod vectors;

pub use claim::{Claim, SignedClaim, claim};
pub(super) use mode::CONTENT_SHA256;
pub use mode::PayloadMode;
pub(super) use scope::{AmzDate, iso_date};
pub use signer::ChunkSigner;

use http::HeaderMap;

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

impl RequestHead<'_> {
    /// The first value of a header, where it is visible ASCII.
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
