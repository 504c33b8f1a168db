use super::*;

/// The input of the published check values.
const CHECK: &[u8] = b"123456789";
const CHECK_VALUES: [(ChecksumAlgorithm, &str); 10] = [
    (ChecksumAlgorithm::Crc32, "y/Q5Jg=="),
    (ChecksumAlgorithm::Crc32c, "4waSgw=="),
    (ChecksumAlgorithm::Crc64nvme, "rosUhgp5mIg="),
    (ChecksumAlgorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
    (
        ChecksumAlgorithm::Sha256,
        "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
    ),
    (
        ChecksumAlgorithm::Sha512,
        "2eZ2LdHI6vbWGzxhkvxAjU1tXxF20MKRabwk5xw/J0rSf81YEbMT1oH35V7ALXPUmclUVba1u1A6z1dPuo/+hQ==",
    ),
    (ChecksumAlgorithm::Md5, "JfnnlDI7RTiF9RgfG2JNCw=="),
    (ChecksumAlgorithm::Xxhash64, "jLhB20DmroM="),
    (ChecksumAlgorithm::Xxhash3, "ctyxi2ehff8="),
    (ChecksumAlgorithm::Xxhash128, "MxGUd+3l3NXpcWQnaB1YYA=="),
];

fn checksum(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Checksum {
    let mut hasher = ChecksumHasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

#[test]
fn checksums_have_the_published_check_values() {
    for (algorithm, value) in CHECK_VALUES {
        let found = checksum(algorithm, CHECK);
        assert_eq!(
            (found.algorithm, found.kind),
            (algorithm, ChecksumKind::FullObject)
        );
        assert_eq!(found.value, value);
    }
}

#[test]
fn a_body_hasher_computes_the_same_piece_by_piece() {
    for (algorithm, value) in CHECK_VALUES {
        let mut hasher = BodyHasher::new(Some(algorithm), false);
        for piece in CHECK.chunks(2) {
            hasher.update(piece);
        }
        let digests = hasher.finish().digests;
        assert_eq!(digests.length, 9);
        assert_eq!(digests.md5, md5(CHECK));
        assert_eq!(digests.crc64nvme, 0xae8b_1486_0a79_9888);
        assert_eq!(digests.checksum.unwrap().value, value);
    }
}

#[test]
fn a_body_hasher_computes_only_what_is_asked_for() {
    let hashed = BodyHasher::new(None, false).finish();
    assert_eq!(hashed.sha256, None);
    assert_eq!(hashed.digests.checksum, None);
    let hashed = BodyHasher::new(None, true).finish();
    assert_eq!(hashed.sha256.map(|hash| hash[0]), Some(0xe3));
    assert_eq!(hashed.digests.checksum, None);
}

#[test]
fn a_composite_checksum_is_the_checksum_of_the_raw_checksums() {
    for (algorithm, value) in CHECK_VALUES {
        let part = checksum(algorithm, CHECK);
        let raw = STANDARD.decode(value).unwrap();
        let composite = composite_checksum(algorithm, [&part, &part]).unwrap();
        assert_eq!(composite.kind, ChecksumKind::Composite);
        let expected = checksum(algorithm, &[&raw[..], &raw[..]].concat()).value;
        assert_eq!(composite.value, format!("{expected}-2"));
    }
}

#[test]
fn a_full_object_checksum_is_that_of_the_whole() {
    for algorithm in ChecksumAlgorithm::ALL {
        let parts = [&CHECK[..4], &CHECK[4..4], &CHECK[4..]];
        let checksums = parts.map(|part| checksum(algorithm, part));
        let lengths = parts.map(|part| part.len() as u64);
        let combined = full_object_checksum(algorithm, checksums.iter().zip(lengths));
        let expected = algorithm.combines().then(|| checksum(algorithm, CHECK));
        assert_eq!(combined, expected);
    }
}

#[test]
fn crc64nvme_of_ranges_is_that_of_the_whole() {
    let crc = |bytes| crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes);
    assert_eq!(
        combine_crc64nvme([(crc(b"1234"), 4), (crc(b"56789"), 5)]),
        crc(CHECK)
    );
    assert_eq!(combine_crc64nvme([]), crc(b""));
}

#[test]
fn checksums_of_another_algorithm_or_kind_do_not_combine() {
    let crc32 = checksum(ChecksumAlgorithm::Crc32, CHECK);
    assert_eq!(composite_checksum(ChecksumAlgorithm::Crc32c, [&crc32]), None);
    let composite = composite_checksum(ChecksumAlgorithm::Crc32, [&crc32]).unwrap();
    assert_eq!(
        full_object_checksum(ChecksumAlgorithm::Crc32, [(&composite, 9)]),
        None
    );
}

#[test]
fn the_md5_of_md5s_is_that_of_their_bytes() {
    let part = md5(CHECK);
    assert_eq!(md5_of_md5s([part, part]), md5(&[part, part].concat()));
}
