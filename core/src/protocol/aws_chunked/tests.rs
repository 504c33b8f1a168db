use bytes::Bytes;
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use proptest::test_runner::RngSeed;

use super::{ChunkSignatures, Decoder};
use crate::model::{ErrorCode, S3Error};
use crate::protocol::sigv4::ChunkSigner;
use crate::protocol::sigv4::vectors::published_upload;

type Decoded = (Vec<u8>, Vec<(String, String)>);

/// Decodes `body`, which arrives in pieces that end at `cuts`.
fn decode_in_pieces(mut decoder: Decoder, body: &[u8], cuts: &[usize]) -> Result<Decoded, S3Error> {
    let mut data = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([body.len()]) {
        let mut input = Bytes::copy_from_slice(&body[start..end]);
        while let Some(piece) = decoder.next_piece(&mut input)? {
            assert!(!piece.is_empty());
            data.extend_from_slice(&piece);
        }
        start = end;
    }
    Ok((data, decoder.finish()?))
}

fn unsigned(length: u64, declared: &[&str]) -> Decoder {
    let declared = declared.iter().map(|name| (*name).to_owned()).collect();
    Decoder::new(ChunkSignatures::None, length, declared)
}

fn code(decoder: Decoder, body: &[u8]) -> ErrorCode {
    decode_in_pieces(decoder, body, &[]).unwrap_err().code
}

/// The published body: 65,536 and 1,024 times `a`.
fn published_body(signatures: [&str; 3], trailers: &str) -> Vec<u8> {
    let [first, second, last] = signatures;
    let mut body = format!("10000;chunk-signature={first}\r\n").into_bytes();
    body.extend([b'a'; 65_536]);
    body.extend(format!("\r\n400;chunk-signature={second}\r\n").bytes());
    body.extend([b'a'; 1024]);
    body.extend(format!("\r\n0;chunk-signature={last}\r\n{trailers}\r\n").bytes());
    body
}

const SIGNATURES: [&str; 3] = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
];
const SIGNATURES_WITH_TRAILER: [&str; 3] = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
];
const TRAILER: &str = "x-amz-checksum-crc32c:sOO8/Q==\r\n";
const TRAILER_SIGNATURE: &str =
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n";

fn published() -> Decoder {
    let (_, signer) = published_upload(false);
    Decoder::new(ChunkSignatures::Chunks(signer), 66_560, Vec::new())
}

fn published_with_trailer() -> Decoder {
    let (_, signer) = published_upload(true);
    let declared = vec!["x-amz-checksum-crc32c".to_owned()];
    Decoder::new(ChunkSignatures::ChunksAndTrailers(signer), 66_560, declared)
}

#[test]
fn the_published_body_in_chunks_decodes() {
    let body = published_body(SIGNATURES, "");
    assert_eq!(body.len(), 66_824);
    let (data, trailers) = decode_in_pieces(published(), &body, &[]).unwrap();
    assert_eq!(data, [b'a'; 66_560]);
    assert!(trailers.is_empty());
}

#[test]
fn the_published_body_with_a_trailer_decodes() {
    let expected = [("x-amz-checksum-crc32c".to_owned(), "sOO8/Q==".to_owned())];
    // Clients end the trailers in different ways.
    for trailers in [
        format!("{TRAILER}{TRAILER_SIGNATURE}"),
        format!("\r\n{TRAILER}{TRAILER_SIGNATURE}"),
        format!("x-amz-checksum-crc32c:sOO8/Q==\n\r\n{TRAILER_SIGNATURE}\r\n"),
        format!("{TRAILER}{}", TRAILER_SIGNATURE.trim_end()),
    ] {
        let body = published_body(SIGNATURES_WITH_TRAILER, &trailers);
        let (data, trailers) = decode_in_pieces(published_with_trailer(), &body, &[]).unwrap();
        assert_eq!(data, [b'a'; 66_560]);
        assert_eq!(trailers, expected);
    }
}

#[test]
fn the_last_line_may_lack_its_end() {
    let body = published_body(SIGNATURES_WITH_TRAILER, &format!("{TRAILER}{TRAILER_SIGNATURE}"));
    let body = &body[..body.len() - 4];
    assert!(decode_in_pieces(published_with_trailer(), body, &[]).is_ok());
}

#[test]
fn every_chunk_signature_is_verified() {
    for index in 0..3 {
        let mut signatures = SIGNATURES;
        signatures[index] = SIGNATURES_WITH_TRAILER[index];
        let body = published_body(signatures, "");
        assert_eq!(
            code(published(), &body),
            ErrorCode::SignatureDoesNotMatch,
            "{index}"
        );
    }
}

#[test]
fn a_changed_byte_breaks_its_chunks_signature() {
    let mut body = published_body(SIGNATURES, "");
    body[40_000] = b'b';
    assert_eq!(code(published(), &body), ErrorCode::SignatureDoesNotMatch);
}

#[test]
fn signed_trailers_are_verified() {
    let with = |trailers: &str| {
        let body = published_body(SIGNATURES_WITH_TRAILER, trailers);
        code(published_with_trailer(), &body)
    };
    assert_eq!(
        with(&format!("x-amz-checksum-crc32c:AAAAAA==\r\n{TRAILER_SIGNATURE}")),
        ErrorCode::SignatureDoesNotMatch
    );
    assert_eq!(with(TRAILER), ErrorCode::MalformedTrailerError);
    assert_eq!(
        with(&format!("{TRAILER}{TRAILER_SIGNATURE}{TRAILER_SIGNATURE}")),
        ErrorCode::MalformedTrailerError
    );
    assert_eq!(
        with(&format!("{TRAILER_SIGNATURE}{TRAILER}")),
        ErrorCode::MalformedTrailerError
    );
}

#[test]
fn declared_trailers_come_once_and_no_others() {
    let names = ["x-amz-checksum-crc32"];
    for trailers in [
        "",
        "x-amz-checksum-crc32c:AAAAAA==\r\n",
        "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n",
        "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-meta-a:1\r\n",
        "x-amz-checksum-crc32\r\n",
        "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:0\r\n",
    ] {
        let body = format!("3\r\nabc\r\n0\r\n{trailers}\r\n");
        assert_eq!(
            code(unsigned(3, &names), body.as_bytes()),
            ErrorCode::MalformedTrailerError,
            "{trailers}"
        );
    }
}

#[test]
fn trailers_have_at_most_16_kib() {
    let body = |value: usize| format!("0\r\nx-amz-checksum-crc32:{}\r\n", "A".repeat(value));
    let most = 16 * 1024 - "x-amz-checksum-crc32:\r\n".len();
    let names = ["x-amz-checksum-crc32"];
    assert!(decode_in_pieces(unsigned(0, &names), body(most).as_bytes(), &[]).is_ok());
    assert_eq!(
        code(unsigned(0, &names), body(most + 1).as_bytes()),
        ErrorCode::MalformedTrailerError
    );
    let empty_lines = format!("0\r\n{}", "\r\n".repeat(8193));
    assert_eq!(
        code(unsigned(0, &[]), empty_lines.as_bytes()),
        ErrorCode::MalformedTrailerError
    );
}

#[test]
fn malformed_chunks_are_an_incomplete_body() {
    for body in [
        "g\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "00000000000000003\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc\r\r\n0\r\n\r\n",
        "3;chunk-signature=0\r\nabc\r\n0\r\n\r\n",
        "3;ext\r\nabc\r\n0\r\n\r\n",
    ] {
        assert_eq!(
            code(unsigned(3, &[]), body.as_bytes()),
            ErrorCode::IncompleteBody,
            "{body:?}"
        );
    }
}

#[test]
fn a_signed_chunk_names_its_signature() {
    for line in ["3", "3;", "3;signature=0", "3;chunk-signature=0;more"] {
        let (_, signer) = published_upload(false);
        let decoder = Decoder::new(ChunkSignatures::Chunks(signer), 3, Vec::new());
        let body = format!("{line}\r\nabc\r\n");
        assert_eq!(
            code(decoder, body.as_bytes()),
            ErrorCode::IncompleteBody,
            "{line}"
        );
    }
}

#[test]
fn a_chunks_line_has_at_most_256_bytes() {
    let body = format!("{}\r\n", "0".repeat(255));
    let error = decode_in_pieces(unsigned(0, &[]), body.as_bytes(), &[100, 200]).unwrap_err();
    assert_eq!(error.code, ErrorCode::IncompleteBody);
}

#[test]
fn the_decoded_length_is_exact() {
    let body = b"3\r\nabc\r\n0\r\n\r\n";
    assert!(decode_in_pieces(unsigned(3, &[]), body, &[]).is_ok());
    assert_eq!(code(unsigned(2, &[]), body), ErrorCode::IncompleteBody);
    assert_eq!(code(unsigned(4, &[]), body), ErrorCode::IncompleteBody);
}

#[test]
fn a_chunk_beyond_the_decoded_length_is_refused_before_its_bytes() {
    let mut input = Bytes::from_static(b"4\r\nabcd");
    let error = unsigned(3, &[]).next_piece(&mut input).unwrap_err();
    assert_eq!(error.code, ErrorCode::IncompleteBody);
}

#[test]
fn trailers_are_signed_in_the_order_of_their_names() {
    let (_, mut signer) = published_upload(true);
    let declared = vec!["b".to_owned(), "a".to_owned()];
    let decoder = Decoder::new(ChunkSignatures::ChunksAndTrailers(signer.clone()), 0, declared);
    let last = signer.sign_chunk(b"");
    let signature = signer.sign_trailers("a:1\nb:2\n");
    let body =
        format!("0;chunk-signature={last}\r\nb: 2\r\nA:1\r\nx-amz-trailer-signature:{signature}\r\n\r\n");
    let (_, trailers) = decode_in_pieces(decoder, body.as_bytes(), &[]).unwrap();
    assert_eq!(
        trailers,
        [("b", "2"), ("a", "1")].map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_body_that_is_cut_anywhere_before_its_last_chunk_ends_is_incomplete() {
    let body = b"3\r\nabc\r\n0\r\n";
    for end in 0..body.len() {
        assert_eq!(
            code(unsigned(3, &[]), &body[..end]),
            ErrorCode::IncompleteBody,
            "{end}"
        );
    }
}

#[test]
fn nothing_but_trailers_follows_the_last_chunk() {
    let body = b"3\r\nabc\r\n0\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(code(unsigned(3, &[]), body), ErrorCode::MalformedTrailerError);
}

/// A body as a client signs it.
fn signed_body(signer: &ChunkSigner, chunks: &[&[u8]], trailer: Option<&str>) -> Vec<u8> {
    let mut signer = signer.clone();
    let mut body = Vec::new();
    for chunk in chunks.iter().copied().chain([&b""[..]]) {
        let signature = signer.sign_chunk(chunk);
        body.extend(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).bytes());
        body.extend_from_slice(chunk);
        if !chunk.is_empty() {
            body.extend_from_slice(b"\r\n");
        }
    }
    if let Some(trailer) = trailer {
        let signature = signer.sign_trailers(&format!("{trailer}\n"));
        body.extend(format!("{trailer}\r\nx-amz-trailer-signature:{signature}\r\n").bytes());
    }
    body.extend_from_slice(b"\r\n");
    body
}

#[test]
fn only_the_last_signed_chunk_may_have_less_than_8192_bytes() {
    let (_, signer) = published_upload(false);
    let decode = |chunks: &[&[u8]]| {
        let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let decoder = Decoder::new(ChunkSignatures::Chunks(signer.clone()), length, Vec::new());
        decode_in_pieces(decoder, &signed_body(&signer, chunks, None), &[])
    };
    assert!(decode(&[&[1; 8192], &[2; 8192], &[3; 1]]).is_ok());
    let too_small: [(&[&[u8]], &str, &str); 2] = [
        (&[&[1; 1], &[2; 1]], "1", "1"),
        (&[&[1; 8192], &[2; 8191], &[3; 1]], "2", "8191"),
    ];
    for (chunks, chunk, size) in too_small {
        let error = decode(chunks).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidChunkSizeError);
        let fields = [("Chunk", chunk.to_owned()), ("BadChunkSize", size.to_owned())];
        assert_eq!(error.fields, fields);
    }
}

#[test]
fn unsigned_chunks_may_be_of_any_size() {
    let body = b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
    let (data, _) = decode_in_pieces(unsigned(3, &[]), body, &[]).unwrap();
    assert_eq!(data, b"abc");
}

/// The same cases on every machine, and no files of those that failed.
fn repeatable() -> ProptestConfig {
    ProptestConfig {
        cases: 256,
        rng_seed: RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn decoding_does_not_depend_on_how_the_body_is_split(
        last in prop::collection::vec(any::<u8>(), 1..200),
        whole_chunks in 0_usize..3,
        signed in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let (_, signer) = published_upload(true);
        let whole = [7_u8; 8192];
        let mut chunks = vec![&whole[..]; whole_chunks];
        chunks.push(&last);
        let data = chunks.concat();
        let trailer = "x-amz-checksum-crc32c:AAAAAA==";
        let declared = vec!["x-amz-checksum-crc32c".to_owned()];
        let (signatures, body) = if signed {
            let body = signed_body(&signer, &chunks, Some(trailer));
            (ChunkSignatures::ChunksAndTrailers(signer), body)
        } else {
            let mut body = Vec::new();
            for chunk in &chunks {
                body.extend(format!("{:x}\r\n", chunk.len()).bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend(format!("0\r\n{trailer}\r\n\r\n").bytes());
            (ChunkSignatures::None, body)
        };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).collect();
        cuts.sort_unstable();
        let decoder = Decoder::new(signatures, data.len() as u64, declared);
        let (decoded, trailers) = decode_in_pieces(decoder, &body, &cuts).unwrap();
        assert_eq!(decoded, data);
        assert_eq!(trailers, [("x-amz-checksum-crc32c".to_owned(), "AAAAAA==".to_owned())]);
    }

    #[test]
    fn no_input_makes_the_decoder_panic(
        body in prop::collection::vec(prop::sample::select(&b"0123af;:\r\n\r\nx-"[..]), 0..200),
        length in 0_u64..20,
    ) {
        let decoded = decode_in_pieces(unsigned(length, &["x"]), &body, &[]);
        assert!(decoded.is_err() || decoded.is_ok_and(|(data, _)| data.len() as u64 == length));
    }
}
