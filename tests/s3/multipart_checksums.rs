//! Checksums of multipart uploads: of each part, and of the whole.

use bleepstore_tests::http::encoding::{
    checksum_crc32, checksum_sha256, composite_crc32, composite_sha256, pattern,
};
use bleepstore_tests::http::{Bucket, Request, Response, S3};
use bleepstore_tests::s3_test;

const MINIMUM: usize = 5_242_880;
const TAIL: &[u8] = b"tail";

/// Begins an upload of `key` with a checksum.
fn begin(bucket: &Bucket, algorithm: &str, kind: Option<&str>) -> String {
    let mut create = bucket
        .create_upload("key")
        .header("x-amz-checksum-algorithm", algorithm);
    if let Some(kind) = kind {
        create = create.header("x-amz-checksum-type", kind);
    }
    let begun = bucket.begin_upload_by(create);
    assert_eq!(begun.required("x-amz-checksum-algorithm"), algorithm);
    let expected = kind.unwrap_or("COMPOSITE");
    assert_eq!(begun.required("x-amz-checksum-type"), expected);
    begun.value("InitiateMultipartUploadResult/UploadId")
}

/// A `Part` element of the part that `sent` stored, with this element about its checksum.
fn listed(number: u32, sent: &Response, checksum: &str) -> String {
    let etag = sent.etag();
    format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{checksum}</Part>")
}

fn asked(bucket: &Bucket, method: &str, number: Option<u32>) -> Response {
    let request = bucket.object(method, "key");
    let request = request.header("x-amz-checksum-mode", "ENABLED");
    match number {
        None => request.expect(200),
        Some(number) => request.query("partNumber", number).expect(206),
    }
}

s3_test!(
    a_composite_checksum_is_made_of_those_of_the_parts,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        let first = pattern(1, MINIMUM);
        let upload = begin(&bucket, "SHA256", None);
        let bodies: [&[u8]; 2] = [&first, TAIL];
        let mut parts = [String::new(), String::new(), String::new()];
        for (number, body) in (1..).zip(bodies) {
            let sent = bucket.part("key", &upload, number, body).expect(200);
            let checksum = sent.required("x-amz-checksum-sha256");
            assert_eq!(checksum, checksum_sha256(body));
            let element = |value: &str| format!("<ChecksumSHA256>{value}</ChecksumSHA256>");
            parts[0] += &listed(number, &sent, "");
            parts[1] += &listed(number, &sent, &element(&checksum_sha256(b"another")));
            parts[2] += &listed(number, &sent, &element(checksum));
        }
        let complete = |parts: &str| bucket.complete_of("key", &upload, parts);
        complete(&parts[0]).expect_error(400, "InvalidRequest");
        complete(&parts[1]).expect_error(400, "InvalidPart");
        let wrong = complete(&parts[2]).header("x-amz-checksum-type", "FULL_OBJECT");
        wrong.expect_error(400, "InvalidRequest");
        bucket.get("key").expect_error(404, "NoSuchKey");
        let expected = composite_sha256(&bodies);
        let name = "x-amz-checksum-sha256";
        let wrong = complete(&parts[2]).header(name, composite_sha256(&[&first]));
        wrong.expect_error(400, "BadDigest");
        bucket.get("key").expect_error(404, "NoSuchKey");
        let completed = complete(&parts[2]).header(name, &expected).expect(200);
        let checksum = completed.value("CompleteMultipartUploadResult/ChecksumSHA256");
        assert_eq!(checksum, expected);
        let kind = completed.value("CompleteMultipartUploadResult/ChecksumType");
        assert_eq!(kind, "COMPOSITE");
        for method in ["GET", "HEAD"] {
            let whole = asked(&bucket, method, None);
            assert_eq!(whole.required("x-amz-checksum-sha256"), expected);
            assert_eq!(whole.required("x-amz-checksum-type"), "COMPOSITE");
            let part = asked(&bucket, method, Some(2));
            assert_eq!(part.required("x-amz-checksum-sha256"), checksum_sha256(TAIL));
            assert_eq!(part.required("x-amz-checksum-type"), "COMPOSITE");
        }
    }
);

s3_test!(
    a_full_object_checksum_is_that_of_all_bytes,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        let first = pattern(2, MINIMUM);
        let upload = begin(&bucket, "CRC32", Some("FULL_OBJECT"));
        let mut parts = String::new();
        for (number, body) in [(1, first.as_slice()), (2, TAIL)] {
            let sent = bucket.part("key", &upload, number, body).expect(200);
            assert_eq!(sent.required("x-amz-checksum-crc32"), checksum_crc32(body));
            parts += &listed(number, &sent, "");
        }
        let whole = checksum_crc32(&[first.as_slice(), TAIL].concat());
        let complete = || bucket.complete_of("key", &upload, &parts);
        let name = "x-amz-checksum-crc32";
        let kind = ("x-amz-checksum-type", "FULL_OBJECT");
        let refused = |request: Request| {
            let error = request.expect_error(400, "BadDigest");
            let message = "The crc32 you specified did not match the calculated checksum.";
            assert_eq!(error.message, message);
        };
        refused(
            complete()
                .header(name, checksum_crc32(TAIL))
                .header(kind.0, kind.1),
        );
        // The right value without its type, and the value of another algorithm.
        refused(complete().header(name, &whole));
        let other = ("x-amz-checksum-sha256", checksum_sha256(TAIL));
        refused(complete().header(other.0, &other.1));
        refused(complete().header(other.0, &other.1).header(kind.0, kind.1));
        let wrong = complete().header(kind.0, "COMPOSITE");
        let error = wrong.expect_error(400, "InvalidRequest");
        assert_eq!(
            error.message,
            "The upload was created using the FULL_OBJECT checksum mode. The complete request must use the same checksum \
             mode."
        );
        let size = "x-amz-mp-object-size";
        let error = complete()
            .header(size, MINIMUM)
            .expect_error(400, "InvalidRequest");
        assert_eq!(
            error.message,
            format!(
                "The provided 'x-amz-mp-object-size' header value {MINIMUM} does not match what was computed: {}",
                MINIMUM + TAIL.len()
            )
        );
        bucket.get("key").expect_error(404, "NoSuchKey");
        let completed = complete()
            .header(name, &whole)
            .header(kind.0, kind.1)
            .header(size, MINIMUM + TAIL.len())
            .expect(200);
        let checksum = completed.value("CompleteMultipartUploadResult/ChecksumCRC32");
        assert_eq!(checksum, whole);
        let head = asked(&bucket, "HEAD", None);
        assert_eq!(head.required(name), whole);
        assert_eq!(head.required("x-amz-checksum-type"), "FULL_OBJECT");
        for method in ["GET", "HEAD"] {
            let part = asked(&bucket, method, Some(2));
            assert_eq!(part.required("x-amz-mp-parts-count"), "2");
            assert_eq!(part.header(name), None);
            assert_eq!(part.header("x-amz-checksum-type"), None);
        }
        let attributes = bucket.get("key").flag("attributes");
        let attributes = attributes
            .header("x-amz-object-attributes", "ObjectParts,Checksum")
            .expect(200);
        let found = |path: &str| attributes.optional(&format!("GetObjectAttributesResponse/{path}"));
        assert_eq!(found("Checksum/ChecksumCRC32"), Some(whole));
        assert_eq!(found("ObjectParts/PartsCount").as_deref(), Some("2"));
        assert_eq!(found("ObjectParts/MaxParts"), None);
        assert_eq!(
            attributes.all("GetObjectAttributesResponse/ObjectParts/Part"),
            [""; 0]
        );
    }
);

s3_test!(
    the_one_part_of_an_object_is_all_of_it,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let checksum = checksum_crc32(TAIL);
        for kind in ["COMPOSITE", "FULL_OBJECT"] {
            let upload = begin(&bucket, "CRC32", Some(kind));
            let sent = bucket.part("key", &upload, 1, TAIL).expect(200);
            let element = format!("<ChecksumCRC32>{checksum}</ChecksumCRC32>");
            let complete = bucket.complete_of("key", &upload, &listed(1, &sent, &element));
            complete.expect(200);
            for method in ["GET", "HEAD"] {
                let part = asked(&bucket, method, Some(1));
                assert_eq!(part.required("x-amz-checksum-crc32"), checksum, "{kind}");
                assert_eq!(part.required("x-amz-checksum-type"), kind);
                let ranged = bucket.object(method, "key").header("range", "bytes=0-");
                let ranged = ranged.header("x-amz-checksum-mode", "ENABLED").expect(206);
                let whole = match kind {
                    "COMPOSITE" => composite_crc32(&[TAIL]),
                    _ => checksum.clone(),
                };
                assert_eq!(ranged.required("x-amz-checksum-crc32"), whole, "{kind}");
                assert_eq!(ranged.required("x-amz-checksum-type"), kind);
            }
        }
    }
);

s3_test!(
    an_upload_takes_every_algorithm_that_composes,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        for algorithm in ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"] {
            let upload = begin(&bucket, algorithm, None);
            let sent = bucket.part("key", &upload, 1, TAIL).expect(200);
            let name = format!("x-amz-checksum-{}", algorithm.to_lowercase());
            let checksum = sent.required(&name);
            let parts = bucket.list_parts("key", &upload).expect(200);
            let path = format!("ListPartsResult/Part/Checksum{algorithm}");
            assert_eq!(parts.value(&path), checksum);
            let element = format!("<Checksum{algorithm}>{checksum}</Checksum{algorithm}>");
            let complete = bucket.complete_of("key", &upload, &listed(1, &sent, &element));
            let completed = complete.expect(200);
            let path = format!("CompleteMultipartUploadResult/Checksum{algorithm}");
            let composite = completed.value(&path);
            assert!(composite.ends_with("-1"), "{composite}");
            let head = asked(&bucket, "HEAD", None);
            assert_eq!(head.required(&name), composite);
            assert_eq!(head.required("x-amz-checksum-type"), "COMPOSITE");
            assert_eq!(asked(&bucket, "GET", Some(1)).required(&name), checksum);
        }
    }
);

s3_test!(
    a_part_of_another_algorithm_than_its_upload_is_no_match,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        for kind in ["COMPOSITE", "FULL_OBJECT"] {
            let upload = begin(&bucket, "CRC32", Some(kind));
            let sent = bucket.part("key", &upload, 1, TAIL).expect(200);
            let element = format!("<ChecksumSHA256>{}</ChecksumSHA256>", checksum_sha256(TAIL));
            let complete = bucket.complete_of("key", &upload, &listed(1, &sent, &element));
            let error = complete.expect_error(400, "BadDigest");
            let message = "The sha256 you specified for part 1 did not match what we received.";
            assert_eq!(error.message, message);
        }
    }
);

s3_test!(
    an_upload_without_an_algorithm_takes_no_checksums,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let sent = bucket.part("key", &upload, 1, TAIL);
        let sent = sent
            .header("x-amz-checksum-crc32", checksum_crc32(TAIL))
            .expect(200);
        for element in [
            format!("<ChecksumCRC32>{}</ChecksumCRC32>", checksum_crc32(TAIL)),
            format!("<ChecksumSHA256>{}</ChecksumSHA256>", checksum_sha256(TAIL)),
        ] {
            let complete = bucket.complete_of("key", &upload, &listed(1, &sent, &element));
            complete.expect_error(400, "InvalidPart");
        }
        let complete = || bucket.complete_of("key", &upload, &listed(1, &sent, ""));
        for kind in ["FULL_OBJECT", "COMPOSITE"] {
            let error = complete()
                .header("x-amz-checksum-type", kind)
                .expect_error(400, "InvalidRequest");
            assert_eq!(
                error.message,
                "The upload was created using the null checksum mode. The complete request must use the same checksum mode."
            );
        }
        let wrong = complete().header("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=");
        wrong.expect_error(400, "BadDigest");
        // S3 ignores what it is told of an algorithm that the object does not get.
        let ignored = complete().header("x-amz-checksum-crc32", "AAAAAA==-2");
        let completed = ignored.expect(200);
        let kind = completed.value("CompleteMultipartUploadResult/ChecksumType");
        assert_eq!(kind, "FULL_OBJECT");
        let stored = completed.value("CompleteMultipartUploadResult/ChecksumCRC64NVME");
        let part = asked(&bucket, "HEAD", Some(1));
        assert_eq!(part.required("x-amz-checksum-crc64nvme"), stored);
    }
);

s3_test!(
    an_algorithm_and_a_type_must_go_together,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.begin_upload("key");
        for (algorithm, kind) in [
            (Some("SHA256"), Some("FULL_OBJECT")),
            (Some("SHA1"), Some("FULL_OBJECT")),
            (Some("CRC64NVME"), Some("COMPOSITE")),
            (Some("CRC32"), Some("WHOLE")),
            (Some("SHA512"), Some("FULL_OBJECT")),
            (Some("MD5"), Some("FULL_OBJECT")),
            (Some("XXHASH64"), Some("FULL_OBJECT")),
            (Some("XXHASH3"), Some("FULL_OBJECT")),
            (Some("XXHASH128"), Some("FULL_OBJECT")),
            (Some("BLAKE3"), None),
            (None, Some("COMPOSITE")),
        ] {
            let mut create = bucket.create_upload("key");
            if let Some(algorithm) = algorithm {
                create = create.header("x-amz-checksum-algorithm", algorithm);
            }
            if let Some(kind) = kind {
                create = create.header("x-amz-checksum-type", kind);
            }
            create.expect_error(400, "InvalidRequest");
        }
    }
);

s3_test!(
    a_part_has_the_algorithm_of_its_upload,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = begin(&bucket, "CRC32", None);
        let part = bucket.part("key", &upload, 1, "part");
        part.header("x-amz-checksum-sha256", checksum_sha256(b"part"))
            .expect_error(400, "InvalidRequest");
        let parts = bucket.list_parts("key", &upload).expect(200);
        assert_eq!(parts.all("ListPartsResult/Part"), [""; 0]);
        assert_eq!(parts.value("ListPartsResult/ChecksumAlgorithm"), "CRC32");
        assert_eq!(parts.value("ListPartsResult/ChecksumType"), "COMPOSITE");
    }
);
