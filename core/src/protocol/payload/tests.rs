use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::{DeclaredBody, HELD_TIMES};
use crate::body::{Body, BodyError, HeldBodies};
use crate::digest::{Digests, md5};
use crate::model::{ChecksumAlgorithm, ErrorCode, RequestBody, S3Error};
use crate::protocol::sigv4::PayloadMode;
use crate::protocol::sigv4::vectors::published_upload;

const DATA: &[u8] = b"123456789";
const CRC32: &str = "y/Q5Jg==";

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    pairs.collect()
}

fn declare(mode: PayloadMode, pairs: &[(&'static str, &str)]) -> Result<DeclaredBody, S3Error> {
    DeclaredBody::from_headers(RequestBody::Object, &headers(pairs), mode, None)
}

/// A body that arrives in small pieces, some of them empty.
fn arriving(data: &[u8]) -> Body {
    let mut pieces = vec![Ok(Bytes::new())];
    pieces.extend(data.chunks(4).map(|piece| Ok(Bytes::copy_from_slice(piece))));
    Body::stream(stream::iter(pieces), None)
}

async fn read(declared: DeclaredBody, body: Body) -> Result<(Vec<u8>, Digests), S3Error> {
    let verified = declared.open(body, None)?;
    let pieces: Vec<Bytes> = verified.stream.try_collect().await?;
    Ok((pieces.concat(), verified.digests.take().unwrap()))
}

/// The error that a stream ends in. Nothing is in the slot then.
async fn failure(declared: DeclaredBody, body: Body) -> S3Error {
    let verified = declared.open(body, None).unwrap();
    let error = verified.stream.try_collect::<Vec<Bytes>>().await.unwrap_err();
    assert_eq!(verified.digests.take(), None);
    error
}

fn fields(error: &S3Error) -> Vec<(&str, &str)> {
    let fields = error.fields.iter();
    fields.map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test]
async fn a_good_body_passes_with_its_digests() {
    let hash = PayloadMode::Hash(Sha256::digest(DATA).into());
    let md5_header = STANDARD.encode(md5(DATA));
    let declared = declare(
        hash,
        &[
            ("content-length", "9"),
            ("content-md5", &md5_header),
            ("x-amz-checksum-crc32", CRC32),
        ],
    )
    .unwrap();
    assert_eq!(declared.length().unwrap(), 9);
    assert_eq!(declared.checksum_algorithm(), Some(ChecksumAlgorithm::Crc32));
    assert!(declared.has_digest());
    let (data, digests) = read(declared, arriving(DATA)).await.unwrap();
    assert_eq!(data, DATA);
    assert_eq!(digests.length, 9);
    assert_eq!(digests.md5, md5(DATA));
    assert_eq!(digests.crc64nvme, 0xae8b_1486_0a79_9888);
    assert_eq!(digests.checksum.unwrap().value, CRC32);
}

#[tokio::test]
async fn the_default_checksum_is_computed_where_none_is_promised() {
    for (pairs, algorithm) in [
        (vec![("content-length", "9")], ChecksumAlgorithm::Crc64nvme),
        (
            vec![("content-length", "9"), ("x-amz-checksum-crc32", CRC32)],
            ChecksumAlgorithm::Crc32,
        ),
    ] {
        let declared = declare(PayloadMode::Unsigned, &pairs).unwrap();
        let verified = declared
            .open(arriving(DATA), Some(ChecksumAlgorithm::Crc64nvme))
            .unwrap();
        assert_eq!(verified.length, 9);
        verified.stream.try_collect::<Vec<Bytes>>().await.unwrap();
        let checksum = verified.digests.take().unwrap().checksum.unwrap();
        assert_eq!(checksum.algorithm, algorithm);
    }
}

#[tokio::test]
async fn a_body_of_another_length_is_incomplete() {
    for length in ["8", "10"] {
        let declared = declare(PayloadMode::Unsigned, &[("content-length", length)]).unwrap();
        let error = failure(declared, arriving(DATA)).await;
        assert_eq!(error.code, ErrorCode::IncompleteBody, "{length}");
        let counted = [("NumberBytesExpected", length), ("NumberBytesProvided", "9")];
        assert_eq!(fields(&error), counted);
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_without_reading_to_its_end() {
    let declared = declare(PayloadMode::Unsigned, &[("content-length", "8")]).unwrap();
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(DATA)));
    let error = failure(declared, Body::stream(endless, None)).await;
    assert_eq!(error.code, ErrorCode::IncompleteBody);
}

#[tokio::test]
async fn a_body_of_another_hash_is_refused_with_both_hashes() {
    let declared = declare(PayloadMode::Hash([0xab; 32]), &[("content-length", "9")]).unwrap();
    let error = failure(declared, arriving(DATA)).await;
    assert_eq!(error.code, ErrorCode::XAmzContentSHA256Mismatch);
    let client = "ab".repeat(32);
    let server = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225";
    assert_eq!(
        fields(&error),
        [
            ("ClientComputedContentSHA256", client.as_str()),
            ("S3ComputedContentSHA256", server)
        ]
    );
}

#[tokio::test]
async fn a_body_of_another_md5_is_refused() {
    let md5_header = STANDARD.encode([0; 16]);
    let pairs = [("content-length", "9"), ("content-md5", md5_header.as_str())];
    // S3 writes the same bytes once so and once so.
    for (body, expected) in [
        (RequestBody::Object, "00000000000000000000000000000000"),
        (RequestBody::Part, "AAAAAAAAAAAAAAAAAAAAAA=="),
    ] {
        let declared =
            DeclaredBody::from_headers(body, &headers(&pairs), PayloadMode::Unsigned, None).unwrap();
        let error = failure(declared, arriving(DATA)).await;
        assert_eq!(error.code, ErrorCode::BadDigest);
        assert_eq!(
            error.message,
            "The Content-MD5 you specified did not match what we received."
        );
        assert_eq!(
            fields(&error),
            [
                ("ExpectedDigest", expected),
                ("CalculatedDigest", "JfnnlDI7RTiF9RgfG2JNCw==")
            ]
        );
    }
}

#[tokio::test]
async fn a_body_of_another_checksum_is_refused() {
    let pairs = [("content-length", "9"), ("x-amz-checksum-crc32", "AAAAAA==")];
    let error = failure(declare(PayloadMode::Unsigned, &pairs).unwrap(), arriving(DATA)).await;
    assert_eq!(error.code, ErrorCode::BadDigest);
    assert_eq!(
        error.message,
        "The CRC32 you specified did not match the calculated checksum."
    );
}

fn with_trailer() -> DeclaredBody {
    let pairs = [
        ("x-amz-decoded-content-length", "9"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ];
    declare(PayloadMode::StreamingUnsignedTrailer, &pairs).unwrap()
}

fn chunked(trailer: &str) -> Body {
    arriving(format!("9\r\n123456789\r\n0\r\n{trailer}\r\n\r\n").as_bytes())
}

#[tokio::test]
async fn a_trailing_checksum_is_verified() {
    let good = chunked(&format!("x-amz-checksum-crc32:{CRC32}"));
    let (data, digests) = read(with_trailer(), good).await.unwrap();
    assert_eq!(data, DATA);
    assert_eq!(digests.checksum.unwrap().value, CRC32);
    let error = failure(with_trailer(), chunked("x-amz-checksum-crc32:AAAAAA==")).await;
    assert_eq!(error.code, ErrorCode::BadDigest);
    let error = failure(with_trailer(), chunked("x-amz-checksum-crc32:AAAA")).await;
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    assert_eq!(
        error.message,
        "Value for x-amz-checksum-crc32 trailing header is invalid."
    );
    let error = failure(with_trailer(), chunked("")).await;
    assert_eq!(error.code, ErrorCode::MalformedTrailerError);
}

#[tokio::test]
async fn the_published_upload_with_a_trailer_passes() {
    let (headers, signer) = published_upload(true);
    let mode = PayloadMode::StreamingSignedTrailer;
    let declared = DeclaredBody::from_headers(RequestBody::Object, &headers, mode, Some(signer)).unwrap();
    let mut body =
        b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
            .to_vec();
    body.extend([b'a'; 65_536]);
    body.extend(
        b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n",
    );
    body.extend([b'a'; 1024]);
    body.extend(
        b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n\
          x-amz-checksum-crc32c:sOO8/Q==\r\n\
          x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
    );
    let (data, digests) = read(declared, arriving(&body)).await.unwrap();
    assert_eq!(data, [b'a'; 66_560]);
    assert_eq!(digests.checksum.unwrap().value, "sOO8/Q==");
}

/// An error of whatever carries the request, over that of the socket.
#[derive(Debug, thiserror::Error)]
#[error("the connection failed")]
struct Connection(#[source] io::Error);

#[tokio::test]
async fn a_lost_connection_is_an_incomplete_body_and_a_slow_one_a_timeout() {
    for (kind, code) in [
        (io::ErrorKind::ConnectionReset, ErrorCode::IncompleteBody),
        (io::ErrorKind::TimedOut, ErrorCode::RequestTimeout),
    ] {
        let wrapped = BodyError::from(Connection(io::Error::from(kind)));
        for error in [BodyError::from(io::Error::from(kind)), wrapped] {
            let pieces = [Ok(Bytes::from_static(b"1234")), Err(error)];
            let declared = declare(PayloadMode::Unsigned, &[("content-length", "9")]).unwrap();
            let found = failure(declared, Body::stream(stream::iter(pieces), None)).await;
            assert_eq!(found.code, code);
            assert!(std::error::Error::source(&found).is_some());
        }
    }
}

#[test]
fn a_length_is_needed() {
    let plain = declare(PayloadMode::Unsigned, &[]).unwrap();
    assert_eq!(plain.length().unwrap_err().code, ErrorCode::MissingContentLength);
    let in_chunks = declare(PayloadMode::Unsigned, &[("transfer-encoding", "chunked")]).unwrap();
    let error = in_chunks.length().unwrap_err();
    assert_eq!(error.code, ErrorCode::NotImplemented);
    assert_eq!(fields(&error), [("Header", "Transfer-Encoding")]);
    for value in ["", "x", "-1", "4.0"] {
        let pairs = [("x-amz-decoded-content-length", value)];
        let error = declare(PayloadMode::StreamingUnsignedTrailer, &pairs).unwrap_err();
        assert_eq!(error.code, ErrorCode::MissingContentLength, "{value}");
    }
    let opened = plain.open(Body::empty(), None).map(|_| ());
    assert_eq!(opened.unwrap_err().code, ErrorCode::MissingContentLength);
    let chunked = declare(PayloadMode::StreamingUnsignedTrailer, &[("content-length", "99")]);
    assert_eq!(chunked.unwrap_err().code, ErrorCode::MissingContentLength);
}

#[test]
fn a_length_is_a_number() {
    for value in ["", "-1", "+1", "1.0", "18446744073709551616"] {
        let error = declare(PayloadMode::Unsigned, &[("content-length", value)]).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{value}");
    }
}

#[test]
fn trailers_need_a_mode_that_announces_them() {
    for mode in [
        PayloadMode::Unsigned,
        PayloadMode::Hash([0; 32]),
        PayloadMode::StreamingSigned,
    ] {
        let error = declare(mode, &[("x-amz-trailer", "x-amz-checksum-crc32")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn an_anonymous_body_cannot_have_signed_chunks() {
    for mode in [PayloadMode::StreamingSigned, PayloadMode::StreamingSignedTrailer] {
        let error = declare(mode, &[("x-amz-decoded-content-length", "9")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::AccessDenied);
    }
}

#[tokio::test]
async fn a_small_body_is_collected_up_to_its_limit() {
    let bodies = Arc::new(HeldBodies::at_most(0));
    let collect = async |length: Option<&str>, limit: usize| {
        let declared = declare_length(length);
        declared
            .collect(arriving(DATA), limit, &mut bodies.hold("one"))
            .await
    };
    assert_eq!(collect(Some("9"), 9).await.unwrap(), DATA);
    assert_eq!(collect(None, 9).await.unwrap(), DATA);
    for length in [Some("9"), None] {
        let error = collect(length, 8).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::MaxMessageLengthExceeded);
        assert_eq!(fields(&error), [("MaxMessageLengthBytes", "8")]);
    }
    assert_eq!(
        collect(Some("10"), 99).await.unwrap_err().code,
        ErrorCode::IncompleteBody
    );
}

fn declare_length(length: Option<&str>) -> DeclaredBody {
    let pairs: Vec<_> = length
        .map(|length| ("content-length", length))
        .into_iter()
        .collect();
    declare(PayloadMode::Unsigned, &pairs).unwrap()
}

#[tokio::test]
async fn a_collected_body_holds_what_arrived_of_it_and_not_what_it_promised() {
    const KIB: usize = 1 << 10;
    let bodies = Arc::new(HeldBodies::at_most(1 << 20));
    let mut held = bodies.hold("one");
    let piece = Bytes::from(vec![b'a'; 20 * KIB]);
    let arrived = stream::iter([Ok(piece)]).chain(stream::pending());
    let stalled = Body::stream(arrived, None);
    let collecting = declare_length(Some("100000")).collect(stalled, 1 << 20, &mut held);
    assert!(collecting.now_or_never().is_none(), "it waits for the rest");
    assert_eq!(bodies.held(), HELD_TIMES * 20 * KIB);
    drop(held);
    assert_eq!(bodies.held(), 0);
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_before_it_is_asked_for_or_once_too_much_arrived() {
    const KIB: usize = 1 << 10;
    let bodies = Arc::new(HeldBodies::at_most(512 * KIB));
    let body = |asked: Arc<AtomicUsize>| {
        let pieces = stream::iter(0..100).map(move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(Bytes::from(vec![b'a'; KIB]))
        });
        Body::stream(pieces, None)
    };
    // Twice 100 KiB is more than a quarter of the budget, half of the account's half. Without a length, twice 64 KiB is
    // what may be held.
    for (length, most_asked) in [(Some("102400"), 0), (None, 65)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let declared = declare_length(length);
        let mut held = bodies.hold("one");
        let collected = declared.collect(body(Arc::clone(&asked)), 1 << 20, &mut held);
        assert_eq!(collected.await.unwrap_err().code, ErrorCode::SlowDown);
        drop(held);
        assert_eq!(asked.load(Ordering::Relaxed), most_asked, "{length:?}");
        assert_eq!(bodies.held(), 0);
    }
}
