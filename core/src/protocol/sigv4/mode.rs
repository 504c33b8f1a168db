//! What `x-amz-content-sha256` says of the body.

use http::HeaderMap;

use crate::model::S3Error;

pub(in crate::protocol) const CONTENT_SHA256: &str = "x-amz-content-sha256";
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const STREAMING_SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const STREAMING_UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const STREAMING_ECDSA: &str = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD";

/// How a body is framed and what vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadMode {
    /// The body as it is, with this SHA-256.
    Hash([u8; 32]),
    /// The body as it is; the signature says nothing of it.
    Unsigned,
    /// `aws-chunked`, each chunk signed.
    StreamingSigned,
    /// `aws-chunked`, each chunk and the trailers signed.
    StreamingSignedTrailer,
    /// `aws-chunked` with trailers, nothing signed.
    StreamingUnsignedTrailer,
}

impl PayloadMode {
    /// Whether trailers may follow the last chunk.
    pub const fn has_trailers(self) -> bool {
        matches!(
            self,
            Self::StreamingSignedTrailer | Self::StreamingUnsignedTrailer
        )
    }

    /// What a request without a signature says of its body: nothing, or what one with a signature may say.
    pub fn of_unsigned(headers: &HeaderMap) -> Result<Self, S3Error> {
        match headers.get(CONTENT_SHA256) {
            None => Ok(Self::Unsigned),
            Some(value) => Self::parse(value.to_str().unwrap_or_default()),
        }
    }

    pub(in crate::protocol) fn parse(value: &str) -> Result<Self, S3Error> {
        match value {
            UNSIGNED => Ok(Self::Unsigned),
            STREAMING_SIGNED => Ok(Self::StreamingSigned),
            STREAMING_SIGNED_TRAILER => Ok(Self::StreamingSignedTrailer),
            STREAMING_UNSIGNED_TRAILER => Ok(Self::StreamingUnsignedTrailer),
            _ if value.starts_with(STREAMING_ECDSA) => Err(S3Error::not_implemented(
                "Signature Version 4A (AWS4-ECDSA-P256-SHA256)",
            )),
            _ => parse_hash(value).map(Self::Hash).ok_or_else(|| {
                S3Error::invalid_argument(
                    format!(
                        "{CONTENT_SHA256} must be {UNSIGNED}, {STREAMING_UNSIGNED_TRAILER}, {STREAMING_SIGNED}, \
                         {STREAMING_SIGNED_TRAILER} or a valid sha256 value."
                    ),
                    CONTENT_SHA256,
                    value,
                )
            }),
        }
    }
}

fn parse_hash(value: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = value.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(hash)
}
