//! Writing `aws-chunked` bodies by hand, so that tests can also write them wrong.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::encoding::{hex, sha256_hex};
use super::{Endpoint, SignedRequest};

/// `x-amz-content-sha256` of a body in signed chunks.
pub const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
/// `x-amz-content-sha256` of a body in signed chunks with a signed trailer.
pub const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
/// `x-amz-content-sha256` of a body in unsigned chunks with a trailer.
pub const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// Signs chunk after chunk, each signature covering the one before it.
pub struct ChunkSigner {
    key: Vec<u8>,
    date: String,
    scope: String,
    previous: String,
}

impl ChunkSigner {
    /// Starts with the signature of a request.
    pub fn new(endpoint: &Endpoint, request: &SignedRequest) -> Self {
        let date = request.header("x-amz-date").to_owned();
        let seed = request
            .header("authorization")
            .rsplit_once("Signature=")
            .expect("a signature")
            .1
            .to_owned();
        let mut key = hmac(format!("AWS4{}", endpoint.secret_key).as_bytes(), &date[..8]);
        for part in [endpoint.region.as_str(), "s3", "aws4_request"] {
            key = hmac(&key, part);
        }
        let scope = format!("{}/{}/s3/aws4_request", &date[..8], endpoint.region);
        Self {
            key,
            date,
            scope,
            previous: seed,
        }
    }

    fn sign(&mut self, algorithm: &str, hashes: &str) -> String {
        let text = format!(
            "{algorithm}\n{}\n{}\n{}\n{hashes}",
            self.date, self.scope, self.previous
        );
        self.previous = hex(&hmac(&self.key, &text));
        self.previous.clone()
    }

    /// The signature of the next chunk.
    pub fn chunk(&mut self, data: &[u8]) -> String {
        let hashes = format!("{}\n{}", sha256_hex(b""), sha256_hex(data));
        self.sign("AWS4-HMAC-SHA256-PAYLOAD", &hashes)
    }

    /// The signature of the trailer, after the last chunk.
    pub fn trailer(&mut self, name: &str, value: &str) -> String {
        let hash = sha256_hex(format!("{name}:{value}\n").as_bytes());
        self.sign("AWS4-HMAC-SHA256-TRAILER", &hash)
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A body in signed chunks, the empty last chunk included; the trailer, if any, is signed too.
pub fn signed(signer: &mut ChunkSigner, chunks: &[&[u8]], trailer: Option<(&str, &str)>) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in chunks {
        write_chunk(&mut body, chunk, Some(&signer.chunk(chunk)));
    }
    let last = signer.chunk(b"");
    body.extend(format!("0;chunk-signature={last}\r\n").into_bytes());
    if let Some((name, value)) = trailer {
        let signature = signer.trailer(name, value);
        body.extend(format!("{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n").into_bytes());
    }
    body.extend(b"\r\n");
    body
}

/// A body in unsigned chunks with a trailer.
pub fn unsigned(chunks: &[&[u8]], name: &str, value: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in chunks {
        write_chunk(&mut body, chunk, None);
    }
    body.extend(format!("0\r\n{name}:{value}\r\n\r\n").into_bytes());
    body
}

fn write_chunk(body: &mut Vec<u8>, chunk: &[u8], signature: Option<&str>) {
    let extension = signature
        .map(|signature| format!(";chunk-signature={signature}"))
        .unwrap_or_default();
    body.extend(format!("{:x}{extension}\r\n", chunk.len()).into_bytes());
    body.extend_from_slice(chunk);
    body.extend(b"\r\n");
}
