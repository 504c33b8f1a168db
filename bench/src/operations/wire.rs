//! What the core reads of a request.

use bleepstore_core::model::Timestamp;
use bleepstore_core::protocol::aws_chunked::{ChunkSignatures, Decoder};
use bleepstore_core::protocol::sigv4::{ChunkSigner, Claim, RequestHead, claim};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Run;

/// The time and the secret key of the published examples.
const NOW: Timestamp = Timestamp::from_seconds(1_369_353_600);
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// How many bytes of a body arrive together.
const PIECE: usize = 16 << 10;

/// The published example of a GET with a signed header.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
pub(super) fn sigv4() -> Result<Run, String> {
    let headers = headers(&[
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        ("host", "examplebucket.s3.amazonaws.com"),
        ("range", "bytes=0-9"),
        (
            "x-amz-content-sha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("x-amz-date", "20130524T000000Z"),
    ]);
    Ok(Box::new(move || {
        let head = RequestHead {
            method: "GET",
            raw_path: "/test.txt",
            raw_query: "",
            headers: &headers,
        };
        verified(&head).map(drop)
    }))
}

/// A body whose chunks are not signed, with a checksum after it that is not looked at here.
pub(super) fn chunks() -> Result<Run, String> {
    const LENGTH: usize = 1 << 20;
    const CHUNK: usize = 64 << 10;
    let mut body = Vec::with_capacity(LENGTH + 1024);
    for _ in 0..LENGTH / CHUNK {
        body.extend_from_slice(format!("{CHUNK:x}\r\n").as_bytes());
        body.resize(body.len() + CHUNK, b'a');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    let body = Bytes::from(body);
    Ok(Box::new(move || {
        let trailers = vec!["x-amz-checksum-crc32".to_owned()];
        decode(
            Decoder::new(ChunkSignatures::None, LENGTH as u64, trailers),
            &body,
            LENGTH,
        )
    }))
}

/// The published example of a body in chunks.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
pub(super) fn signed_chunks() -> Result<Run, String> {
    const LENGTH: usize = 66_560;
    let headers = headers(&[
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
             x-amz-decoded-content-length;x-amz-storage-class, \
             Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
        ("content-encoding", "aws-chunked"),
        ("content-length", "66824"),
        ("host", "s3.amazonaws.com"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ]);
    let signer = verified(&RequestHead {
        method: "PUT",
        raw_path: "/examplebucket/chunkObject.txt",
        raw_query: "",
        headers: &headers,
    })?;
    let mut body = Vec::with_capacity(LENGTH + 1024);
    for (length, signature) in [
        (
            65_536,
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        ),
        (
            1_024,
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        ),
        (
            0,
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ),
    ] {
        body.extend_from_slice(format!("{length:x};chunk-signature={signature}\r\n").as_bytes());
        body.resize(body.len() + length, b'a');
        body.extend_from_slice(b"\r\n");
    }
    let body = Bytes::from(body);
    Ok(Box::new(move || {
        let signatures = ChunkSignatures::Chunks(signer.clone());
        decode(Decoder::new(signatures, LENGTH as u64, Vec::new()), &body, LENGTH)
    }))
}

fn headers(headers: &[(&'static str, &'static str)]) -> HeaderMap {
    headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn verified(head: &RequestHead<'_>) -> Result<ChunkSigner, String> {
    match claim(head, NOW, "us-east-1") {
        Ok(Claim::Signed(claim)) => claim.verify(head, SECRET_KEY).map_err(|error| error.to_string()),
        Ok(Claim::Anonymous) => Err("the request has no signature".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Decodes a body that arrives in pieces, and checks its length.
fn decode(mut decoder: Decoder, body: &Bytes, length: usize) -> Result<(), String> {
    let mut decoded = 0;
    for start in (0..body.len()).step_by(PIECE) {
        let mut input = body.slice(start..body.len().min(start + PIECE));
        while let Some(bytes) = decoder
            .next_piece(&mut input)
            .map_err(|error| error.to_string())?
        {
            decoded += bytes.len();
        }
    }
    decoder.finish().map_err(|error| error.to_string())?;
    if decoded == length {
        Ok(())
    } else {
        Err(format!("{decoded} bytes are decoded instead of {length}"))
    }
}
