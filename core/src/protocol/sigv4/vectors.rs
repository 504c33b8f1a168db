//! The examples that AWS publishes with the calculations of signatures.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{ChunkSigner, Claim, PayloadMode, RequestHead, SignedClaim, claim};
use crate::model::{ErrorCode, Timestamp};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 24 May 2013 00:00:00 GMT.
const NOW: Timestamp = Timestamp::from_seconds(1_369_353_600);
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const WELCOME: &str = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";

struct Example {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    query: &'static str,
    host: &'static str,
    payload: &'static str,
    /// Beside `host`, `x-amz-date` and `x-amz-content-sha256`.
    headers: &'static [(&'static str, &'static str)],
    signed: &'static str,
    signature: &'static str,
}

const BUCKET_HOST: &str = "examplebucket.s3.amazonaws.com";

const EXAMPLES: [Example; 6] = [
    Example {
        name: "GET Object",
        method: "GET",
        path: "/test.txt",
        query: "",
        host: BUCKET_HOST,
        payload: EMPTY,
        headers: &[("range", "bytes=0-9")],
        signed: "host;range;x-amz-content-sha256;x-amz-date",
        signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    },
    Example {
        name: "PUT Object",
        method: "PUT",
        path: "/test$file.text",
        query: "",
        host: BUCKET_HOST,
        payload: WELCOME,
        headers: &[
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        signed: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    },
    Example {
        name: "GET Bucket Lifecycle",
        method: "GET",
        path: "/",
        query: "lifecycle",
        host: BUCKET_HOST,
        payload: EMPTY,
        headers: &[],
        signed: "host;x-amz-content-sha256;x-amz-date",
        signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    },
    Example {
        name: "GET Bucket (List Objects)",
        method: "GET",
        path: "/",
        query: "prefix=J&max-keys=2",
        host: BUCKET_HOST,
        payload: EMPTY,
        headers: &[],
        signed: "host;x-amz-content-sha256;x-amz-date",
        signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    },
    Example {
        name: "PUT Object in chunks",
        method: "PUT",
        path: "/examplebucket/chunkObject.txt",
        query: "",
        host: "s3.amazonaws.com",
        payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        headers: &[
            ("content-encoding", "aws-chunked"),
            ("content-length", "66824"),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        signed: "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
                 x-amz-decoded-content-length;x-amz-storage-class",
        signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    },
    Example {
        name: "PUT Object in chunks with a trailer",
        method: "PUT",
        path: "/examplebucket/chunkObject.txt",
        query: "",
        host: "s3.amazonaws.com",
        payload: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        headers: &[
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", "66560"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ],
        signed: "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
                 x-amz-storage-class;x-amz-trailer",
        signature: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    },
];

impl Example {
    fn headers(&self) -> HeaderMap {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders={},Signature={}",
            self.signed, self.signature
        );
        [
            ("host", self.host),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-content-sha256", self.payload),
            ("authorization", &authorization),
        ]
        .iter()
        .chain(self.headers)
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
    }

    fn head<'a>(&'a self, headers: &'a HeaderMap) -> RequestHead<'a> {
        RequestHead {
            method: self.method,
            raw_path: self.path,
            raw_query: self.query,
            headers,
        }
    }
}

fn signed(head: &RequestHead<'_>) -> SignedClaim {
    match claim(head, NOW, "us-east-1").unwrap() {
        Claim::Signed(claim) => *claim,
        Claim::Anonymous => panic!("the request is signed"),
    }
}

/// The headers of the published upload in chunks, and what verifies its chunks.
pub(in crate::protocol) fn published_upload(trailer: bool) -> (HeaderMap, ChunkSigner) {
    let example = &EXAMPLES[if trailer { 5 } else { 4 }];
    let headers = example.headers();
    let head = example.head(&headers);
    let signer = signed(&head).verify(&head, SECRET).unwrap();
    (headers, signer)
}

#[test]
fn the_published_header_examples_verify() {
    for example in EXAMPLES {
        let headers = example.headers();
        let head = example.head(&headers);
        let claim = signed(&head);
        assert_eq!(claim.access_key(), "AKIAIOSFODNN7EXAMPLE");
        assert!(claim.verify(&head, SECRET).is_ok(), "{}", example.name);
    }
}

#[test]
fn the_published_payloads_are_understood() {
    let modes = EXAMPLES.map(|example| signed(&example.head(&example.headers())).payload());
    assert!(matches!(modes[0], PayloadMode::Hash(hash) if crate::model::hex(hash) == EMPTY));
    assert!(matches!(modes[1], PayloadMode::Hash(hash) if crate::model::hex(hash) == WELCOME));
    assert_eq!(modes[4], PayloadMode::StreamingSigned);
    assert_eq!(modes[5], PayloadMode::StreamingSignedTrailer);
}

#[test]
fn the_published_presigned_get_object_verifies() {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static(BUCKET_HOST));
    let head = RequestHead {
        method: "GET",
        raw_path: "/test.txt",
        raw_query: "X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
            &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        headers: &headers,
    };
    let claim = signed(&head);
    assert_eq!(claim.payload(), PayloadMode::Unsigned);
    assert!(claim.verify(&head, SECRET).is_ok());
    assert_eq!(
        claim.verify(&head, "another").unwrap_err().code,
        ErrorCode::SignatureDoesNotMatch
    );
}

#[test]
fn anything_that_a_signature_covers_breaks_it_when_changed() {
    let example = &EXAMPLES[0];
    let headers = example.headers();
    let head = example.head(&headers);
    let claim = signed(&head);
    let mut other_range = headers.clone();
    other_range.insert("range", HeaderValue::from_static("bytes=0-99"));
    let changed = [
        RequestHead {
            method: "PUT",
            ..head
        },
        RequestHead {
            raw_path: "/test.txt/",
            ..head
        },
        RequestHead {
            raw_path: "//test.txt",
            ..head
        },
        RequestHead {
            raw_path: "/./test.txt",
            ..head
        },
        RequestHead {
            raw_query: "acl",
            ..head
        },
        RequestHead {
            headers: &other_range,
            ..head
        },
    ];
    for head in changed {
        let error = claim.verify(&head, SECRET).unwrap_err();
        assert_eq!(error.code, ErrorCode::SignatureDoesNotMatch, "{head:?}");
    }
}

#[test]
fn the_path_may_be_sent_in_any_encoding_of_its_segments() {
    let example = &EXAMPLES[1];
    let headers = example.headers();
    for raw_path in ["/test$file.text", "/test%24file.text", "/%74est%24file%2etext"] {
        let head = RequestHead {
            raw_path,
            ..example.head(&headers)
        };
        assert!(signed(&head).verify(&head, SECRET).is_ok(), "{raw_path}");
    }
}

#[test]
fn header_values_are_trimmed_folded_and_joined() {
    let mut headers = HeaderMap::new();
    headers.append("x-amz-meta-a", HeaderValue::from_static("  one   two "));
    headers.append("x-amz-meta-a", HeaderValue::from_static("three"));
    let head = RequestHead {
        method: "GET",
        raw_path: "/a%2fb//c/../",
        raw_query: "b=+&a=%7e&a&B",
        headers: &headers,
    };
    let names = ["absent", "x-amz-meta-a"].map(str::to_owned);
    let canonical = super::canonical::CanonicalRequest::new(&head, &names, "HASH", None).unwrap();
    assert_eq!(
        std::str::from_utf8(canonical.bytes()).unwrap(),
        "GET\n/a%2Fb//c/../\nB=&a=&a=~&b=%20\nabsent:\nx-amz-meta-a:one two,three\n\nabsent;x-amz-meta-a\nHASH"
    );
}

#[test]
fn a_mismatch_tells_the_client_what_was_signed() {
    let example = &EXAMPLES[2];
    let headers = example.headers();
    let head = example.head(&headers);
    let error = signed(&head).verify(&head, "another").unwrap_err();
    let field = |name: &str| {
        let found = error.fields.iter().find(|(candidate, _)| *candidate == name);
        found.map(|(_, value)| value.as_str()).unwrap()
    };
    assert_eq!(field("AWSAccessKeyId"), "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(field("SignatureProvided"), example.signature);
    assert_eq!(
        field("StringToSign"),
        "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n\
         9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca"
    );
    assert!(field("StringToSignBytes").starts_with("41 57 53 34 2d 48"));
    assert!(field("CanonicalRequest").starts_with("GET\n/\nlifecycle=\nhost:examplebucket"));
    assert!(field("CanonicalRequestBytes").starts_with("47 45 54 0a 2f 0a"));
}
