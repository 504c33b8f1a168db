//! Targets of a request's body.

use bleepstore_core::model::{Acl, CorsConfiguration, CorsRequest, EventName, Pages, WebsiteConfiguration};
use bleepstore_core::protocol::aws_chunked::{ChunkSignatures, Decoder};
use bleepstore_core::protocol::sigv4::{ChunkSigner, Claim, RequestHead, claim};
use bleepstore_core::protocol::xml::{
    cors, notification, read_access_control_policy, read_complete_multipart_upload, read_cors,
    read_create_bucket_configuration, read_delete, read_notification, read_ownership_controls, read_website,
    website,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::head::{NOW, REGION, SECRET_KEY};

/// The trailer that is announced in every body.
const TRAILER: &str = "x-amz-checksum-crc32";

/// The first byte says what is signed and how the bytes arrive, the next two how many there are once they are decoded; the
/// rest is the body.
pub(super) fn aws_chunked(data: &[u8]) {
    let Some(([mode, high, low], body)) = data.split_first_chunk() else {
        return;
    };
    let length = u64::from(u16::from_be_bytes([*high, *low]));
    let pieces = usize::from(mode >> 2) + 1;
    let at_once = decode(*mode, length, body, body.len().max(1));
    let in_pieces = decode(*mode, length, body, pieces);
    assert_eq!(at_once, in_pieces, "the outcome depends on how the bytes arrive");
    if let Some(decoded) = at_once {
        assert_eq!(decoded.len() as u64, length);
    }
}

/// The decoded body, if it is a good one. `mode` chooses what is signed.
fn decode(mode: u8, length: u64, body: &[u8], piece: usize) -> Option<Vec<u8>> {
    let signatures = match mode & 3 {
        0 | 1 => ChunkSignatures::None,
        2 => ChunkSignatures::Chunks(signer()),
        _ => ChunkSignatures::ChunksAndTrailers(signer()),
    };
    let trailers = if mode & 1 == 1 {
        vec![TRAILER.to_owned()]
    } else {
        Vec::new()
    };
    let mut decoder = Decoder::new(signatures, length, trailers);
    let mut decoded = Vec::new();
    for piece in body.chunks(piece) {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(bytes) = decoder.next_piece(&mut input).ok()? {
            decoded.extend_from_slice(&bytes);
            assert!(decoded.len() as u64 <= length);
        }
    }
    decoder.finish().ok().map(|_| decoded)
}

/// The signer behind the published example of a body in chunks.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
fn signer() -> ChunkSigner {
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
        SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
        x-amz-decoded-content-length;x-amz-storage-class, \
        Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let headers: HeaderMap = [
        ("authorization", authorization),
        ("content-encoding", "aws-chunked"),
        ("content-length", "66824"),
        ("host", "s3.amazonaws.com"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ]
    .into_iter()
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    .collect();
    let head = RequestHead {
        method: "PUT",
        raw_path: "/examplebucket/chunkObject.txt",
        raw_query: "",
        headers: &headers,
    };
    let Ok(Claim::Signed(claim)) = claim(&head, NOW, REGION) else {
        panic!("the published example is a claim");
    };
    claim.verify(&head, SECRET_KEY).expect("the published signature")
}

/// The body of DeleteObjects.
pub(super) fn delete_xml(data: &[u8]) {
    if let Ok(delete) = read_delete(data) {
        assert!((1..=1_000).contains(&delete.objects.len()));
    }
}

/// The body of CompleteMultipartUpload.
pub(super) fn complete_xml(data: &[u8]) {
    if let Ok(parts) = read_complete_multipart_upload(data) {
        assert!(parts.len() <= 10_000 && parts.is_empty() == data.is_empty());
    }
}

/// The body of CreateBucket.
pub(super) fn create_bucket_xml(data: &[u8]) {
    drop(read_create_bucket_configuration(data));
}

/// The body of PutBucketOwnershipControls.
pub(super) fn ownership_xml(data: &[u8]) {
    drop(read_ownership_controls(data));
}

/// The body of PutBucketAcl and PutObjectAcl.
pub(super) fn acl_xml(data: &[u8]) {
    if let Ok(policy) = read_access_control_policy(data) {
        assert!(policy.grants.len() <= Acl::MOST_GRANTS);
    }
}

/// The body of PutBucketCors: it comes back as it was put, and a rule allows what it names.
pub(super) fn cors_xml(data: &[u8]) {
    let Ok(configuration) = read_cors(data) else {
        return;
    };
    assert!((1..=CorsConfiguration::MOST_RULES).contains(&configuration.rules().len()));
    let again = read_cors(&cors(&configuration)).expect("what was written");
    assert_eq!(again, configuration);
    for rule in configuration.rules() {
        let request = CorsRequest {
            origin: rule.allowed_origins[0].replace('*', "any"),
            method: rule.allowed_methods.first().copied(),
            headers: Vec::new(),
        };
        assert!(configuration.rule_for(&request).is_some());
    }
}

/// The body of PutBucketNotificationConfiguration: it comes back as it was put, and of no event it is told twice.
pub(super) fn notification_xml(data: &[u8]) {
    let Ok(configuration) = read_notification(data) else {
        return;
    };
    let again = read_notification(&notification(&configuration)).expect("what was written");
    assert_eq!(again.event_bridge, configuration.event_bridge);
    assert_eq!(again.rules.len(), configuration.rules.len());
    assert!(again.rules.iter().all(|rule| configuration.rules.contains(rule)));
    for name in EventName::ALL {
        for key in ["", "a", "a/b.jpg"] {
            assert!(configuration.of(*name, key).count() <= 1);
        }
    }
}

/// The body of PutBucketWebsite: it comes back as it was put, and of every visit it is known what becomes of it.
pub(super) fn website_xml(data: &[u8]) {
    let Ok(configuration) = read_website(data) else {
        return;
    };
    let again = read_website(&website(&configuration)).expect("what was written");
    assert_eq!(again, configuration);
    for key in ["", "a", "a/", "a/b"] {
        match configuration.at_once(key) {
            Ok(pages) => {
                assert!(pages.rules.len() <= Pages::MOST_RULES);
                assert!(!pages.read_for(key).is_empty());
                assert!(pages.instead_of(key, 404).is_none_or(|sent| sent.status > 300));
            }
            Err(sent) => {
                assert!((301..400).contains(&sent.status));
                let is_elsewhere = matches!(configuration, WebsiteConfiguration::Elsewhere(_));
                assert!(!is_elsewhere || sent.rest == key);
            }
        }
    }
}
