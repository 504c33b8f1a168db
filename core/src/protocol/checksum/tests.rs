use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    pairs.collect()
}

/// The message of an `InvalidRequest`.
fn invalid_request<T: std::fmt::Debug>(result: Result<T, S3Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    error.message.into_owned()
}

fn full_object(algorithm: ChecksumAlgorithm, value: &str) -> Checksum {
    Checksum {
        algorithm,
        kind: ChecksumKind::FullObject,
        value: value.to_owned(),
    }
}

#[test]
fn content_md5_is_16_bytes_in_base64() {
    assert_eq!(content_md5(&HeaderMap::new()).unwrap(), None);
    let md5 = content_md5(&headers(&[("content-md5", "AAECAwQFBgcICQoLDA0ODw==")])).unwrap();
    assert_eq!(md5, Some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
    for value in [
        "",
        "AAECAwQFBgcICQoLDA0O",
        "AAECAwQFBgcICQoLDA0ODw",
        "not base64!",
        "é",
    ] {
        let error = content_md5(&headers(&[("content-md5", value)])).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidDigest, "{value}");
    }
}

#[test]
fn a_checksum_header_declares_its_value() {
    assert_eq!(declared(&HeaderMap::new()).unwrap(), None);
    for (name, algorithm, value) in [
        ("x-amz-checksum-crc32", ChecksumAlgorithm::Crc32, "y/Q5Jg=="),
        ("x-amz-checksum-crc32c", ChecksumAlgorithm::Crc32c, "4waSgw=="),
        (
            "x-amz-checksum-crc64nvme",
            ChecksumAlgorithm::Crc64nvme,
            "rosUhgp5mIg=",
        ),
        (
            "x-amz-checksum-sha1",
            ChecksumAlgorithm::Sha1,
            "98O8HYCOBHMq32eZZczDTKeuNEE=",
        ),
        (
            "x-amz-checksum-sha256",
            ChecksumAlgorithm::Sha256,
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ),
    ] {
        let found = declared(&headers(&[(name, value), ("x-amz-checksum-type", "FULL_OBJECT")]));
        let expected = DeclaredChecksum::Value(full_object(algorithm, value));
        assert_eq!(found.unwrap(), Some(expected));
    }
}

#[test]
fn a_malformed_checksum_header_is_named() {
    for value in ["", "AAAA", "AAAAAA", "AAAAAAAA", "AAAAAA==-1", "!!!!!!=="] {
        let message = invalid_request(declared(&headers(&[("x-amz-checksum-crc32", value)])));
        assert_eq!(
            message, "Value for x-amz-checksum-crc32 header is invalid.",
            "{value}"
        );
    }
}

#[test]
fn a_request_declares_one_checksum() {
    let several = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
    for pairs in [
        [
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("x-amz-checksum-crc32c", "AAAAAA=="),
        ],
        [
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ],
        [
            ("x-amz-trailer", "x-amz-checksum-sha1, x-amz-checksum-crc32"),
            ("content-length", "0"),
        ],
    ] {
        assert_eq!(invalid_request(declared(&headers(&pairs))), several);
    }
    let mut repeated = headers(&[("x-amz-checksum-crc32", "AAAAAA==")]);
    repeated.append("x-amz-checksum-crc32", HeaderValue::from_static("AAAAAA=="));
    assert_eq!(invalid_request(declared(&repeated)), several);
}

#[test]
fn an_algorithm_that_is_not_built_is_refused_by_name() {
    let error = declared(&headers(&[("x-amz-checksum-blake3", "AAAA")])).unwrap_err();
    assert_eq!(error.code, ErrorCode::NotImplemented);
    assert!(error.message.contains("x-amz-checksum-blake3"));
}

#[test]
fn a_trailer_may_declare_the_checksum() {
    let found = declared(&headers(&[("x-amz-trailer", " X-Amz-Checksum-SHA256 ")])).unwrap();
    assert_eq!(found, Some(DeclaredChecksum::Trailer(ChecksumAlgorithm::Sha256)));
}

#[test]
fn the_sdks_algorithm_must_be_the_one_that_is_declared() {
    let sdk = "x-amz-sdk-checksum-algorithm";
    let value = ("x-amz-checksum-crc32", "AAAAAA==");
    assert!(declared(&headers(&[(sdk, "CRC32"), value])).is_ok());
    assert!(
        declared(&headers(&[
            (sdk, "crc32"),
            ("x-amz-trailer", "x-amz-checksum-crc32")
        ]))
        .is_ok()
    );
    for other in ["CRC32C", "MD4"] {
        assert_eq!(
            invalid_request(declared(&headers(&[(sdk, other), value]))),
            "Value for x-amz-sdk-checksum-algorithm header is invalid."
        );
    }
    let message = invalid_request(declared(&headers(&[(sdk, "CRC32")])));
    assert!(message.starts_with("x-amz-sdk-checksum-algorithm specified, but no corresponding"));
}

#[test]
fn a_value_with_a_part_count_is_composite() {
    let value = parse_value(ChecksumAlgorithm::Crc32, "AAAAAA==-10000").unwrap();
    assert_eq!(value.kind, ChecksumKind::Composite);
    assert_eq!(value.value, "AAAAAA==-10000");
    for bad in [
        "AAAAAA==-",
        "AAAAAA==-0",
        "AAAAAA==-10001",
        "AAAAAA==-1-1",
        "AAAA-1",
    ] {
        assert_eq!(parse_value(ChecksumAlgorithm::Crc32, bad), None, "{bad}");
    }
    let of_object = declared_of_object(&headers(&[("x-amz-checksum-crc32", "AAAAAA==-2")])).unwrap();
    assert_eq!(
        of_object.map(|checksum| checksum.kind),
        Some(ChecksumKind::Composite)
    );
}

#[test]
fn an_upload_has_its_algorithms_type_unless_it_asks_for_another() {
    use ChecksumAlgorithm::{Crc32, Crc32c, Crc64nvme, Sha1, Sha256};
    use ChecksumKind::{Composite, FullObject};
    let ask = |algorithm: &str, kind: Option<&str>| {
        let mut asked = headers(&[("x-amz-checksum-algorithm", algorithm)]);
        if let Some(kind) = kind {
            asked.insert("x-amz-checksum-type", HeaderValue::from_str(kind).unwrap());
        }
        requested_of_upload(&asked)
    };
    for (algorithm, default, other) in [
        (Crc32, Composite, Some(FullObject)),
        (Crc32c, Composite, Some(FullObject)),
        (Crc64nvme, FullObject, None),
        (Sha1, Composite, None),
        (Sha256, Composite, None),
    ] {
        let name = algorithm.name();
        assert_eq!(ask(name, None).unwrap(), Some((algorithm, default)));
        assert_eq!(
            ask(name, Some(default.name())).unwrap(),
            Some((algorithm, default))
        );
        let opposite = if default == Composite {
            FullObject
        } else {
            Composite
        };
        match other {
            Some(other) => assert_eq!(ask(name, Some(other.name())).unwrap(), Some((algorithm, other))),
            None => assert_eq!(
                invalid_request(ask(name, Some(opposite.name()))),
                format!(
                    "The {} checksum type cannot be used with the {} checksum algorithm.",
                    opposite.name(),
                    name.to_ascii_lowercase()
                )
            ),
        }
    }
}

#[test]
fn a_checksum_type_without_an_algorithm_is_refused() {
    assert_eq!(requested_of_upload(&HeaderMap::new()).unwrap(), None);
    let message = invalid_request(requested_of_upload(&headers(&[(
        "x-amz-checksum-type",
        "COMPOSITE",
    )])));
    assert!(message.contains("x-amz-checksum-algorithm"));
    let message = invalid_request(requested_kind(&headers(&[("x-amz-checksum-type", "HALF")])));
    assert_eq!(message, "Value for x-amz-checksum-type header is invalid.");
}

#[test]
fn an_unknown_algorithm_is_refused() {
    let message = invalid_request(requested_algorithm(&headers(&[(
        "x-amz-checksum-algorithm",
        "BLAKE3",
    )])));
    assert_eq!(
        message,
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
         [CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128]"
    );
}

#[test]
fn a_response_carries_the_value_and_its_type() {
    let mut response = HeaderMap::new();
    insert(&mut response, &full_object(ChecksumAlgorithm::Crc32, "AAAAAA=="));
    let expected = headers(&[
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ]);
    assert_eq!(response, expected);
}

#[test]
fn checksums_are_answered_where_they_are_asked_for() {
    assert!(mode_enabled(&headers(&[("x-amz-checksum-mode", "ENABLED")])));
    assert!(!mode_enabled(&headers(&[("x-amz-checksum-mode", "DISABLED")])));
    assert!(!mode_enabled(&HeaderMap::new()));
}
