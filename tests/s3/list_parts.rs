use bleepstore_tests::http::S3;
use bleepstore_tests::http::encoding::{checksum_crc32, etag};
use bleepstore_tests::s3_test;

const NUMBERS: &str = "ListPartsResult/Part/PartNumber";

s3_test!(
    describes_the_upload_and_its_parts,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("a key");
        bucket.upload_part("a key", &upload, 7, b"seven");
        let response = bucket.list_parts("a key", &upload).expect(200);
        let field = |name: &str| response.value(&format!("ListPartsResult/{name}"));
        assert_eq!(field("Bucket"), bucket.name);
        assert_eq!(field("Key"), "a key");
        assert_eq!(field("UploadId"), upload);
        assert_eq!(field("Owner/ID").len(), 64);
        assert_eq!(field("Initiator/ID").len(), 64);
        assert_eq!(field("StorageClass"), "STANDARD");
        assert_eq!(field("PartNumberMarker"), "0");
        assert_eq!(field("MaxParts"), "1000");
        assert_eq!(field("IsTruncated"), "false");
        assert_eq!(field("Part/PartNumber"), "7");
        assert_eq!(field("Part/Size"), "5");
        assert_eq!(field("Part/ETag"), etag(b"seven"));
        assert!(field("Part/LastModified").ends_with(".000Z"));
    }
);

s3_test!(
    of_an_upload_without_parts_is_empty,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let response = bucket.list_parts("key", &upload).expect(200);
        assert_eq!(response.all(NUMBERS), [""; 0]);
        assert_eq!(response.value("ListPartsResult/IsTruncated"), "false");
    }
);

s3_test!(orders_parts_by_number, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    for number in [10, 9_999, 2, 1, 100] {
        bucket.upload_part("key", &upload, number, b"x");
    }
    let numbers = bucket.list_parts("key", &upload).expect(200).all(NUMBERS);
    assert_eq!(numbers, ["1", "2", "10", "100", "9999"]);
});

s3_test!(pages_by_max_parts, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    for number in [1, 2, 5] {
        bucket.upload_part("key", &upload, number, b"x");
    }
    let request = bucket.list_parts("key", &upload).query("max-parts", 2);
    let first = request.clone().expect(200);
    assert_eq!(first.all(NUMBERS), ["1", "2"]);
    assert_eq!(first.value("ListPartsResult/IsTruncated"), "true");
    assert_eq!(first.value("ListPartsResult/NextPartNumberMarker"), "2");
    let last = request.query("part-number-marker", 2).expect(200);
    assert_eq!(last.all(NUMBERS), ["5"]);
    assert_eq!(last.value("ListPartsResult/PartNumberMarker"), "2");
    assert_eq!(last.value("ListPartsResult/IsTruncated"), "false");
});

s3_test!(
    of_exactly_max_parts_is_not_truncated,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        bucket.upload_part("key", &upload, 1, b"x");
        bucket.upload_part("key", &upload, 2, b"x");
        let response = bucket
            .list_parts("key", &upload)
            .query("max-parts", 2)
            .expect(200);
        assert_eq!(response.all(NUMBERS), ["1", "2"]);
        assert_eq!(response.value("ListPartsResult/IsTruncated"), "false");
    }
);

s3_test!(takes_empty_parameters_as_none, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    bucket.upload_part("key", &upload, 1, b"x");
    let response = bucket
        .list_parts("key", &upload)
        .query("max-parts", "")
        .query("part-number-marker", "")
        .expect(200);
    assert_eq!(response.all(NUMBERS), ["1"]);
    assert_eq!(response.value("ListPartsResult/MaxParts"), "1000");
    assert_eq!(response.value("ListPartsResult/PartNumberMarker"), "0");
});

s3_test!(
    of_an_upload_without_an_algorithm_shows_no_checksums,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let sent = bucket.part("key", &upload, 1, "part");
        sent.header("x-amz-checksum-crc32", checksum_crc32(b"part"))
            .expect(200);
        bucket.upload_part("key", &upload, 2, b"x");
        let response = bucket.list_parts("key", &upload).expect(200);
        assert_eq!(response.all(NUMBERS), ["1", "2"]);
        assert!(!response.text().contains("Checksum"), "{}", response.text());

        let create = bucket
            .create_upload("key")
            .header("x-amz-checksum-algorithm", "CRC32");
        let begun = bucket.begin_upload_by(create);
        let upload = begun.value("InitiateMultipartUploadResult/UploadId");
        bucket.upload_part("key", &upload, 1, b"part");
        let response = bucket.list_parts("key", &upload).expect(200);
        let checksum = response.value("ListPartsResult/Part/ChecksumCRC32");
        assert_eq!(checksum, checksum_crc32(b"part"));
    }
);

s3_test!(refuses_bounds_that_are_no_numbers, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    for (name, value) in [
        ("max-parts", "-1"),
        ("max-parts", "x"),
        ("part-number-marker", "x"),
    ] {
        bucket
            .list_parts("key", &upload)
            .query(name, value)
            .expect_error(400, "InvalidArgument");
    }
});

s3_test!(needs_an_open_upload, largest_body = 0, |s3: &S3| {
    s3.bucket()
        .list_parts("key", "unknown")
        .expect_error(404, "NoSuchUpload");
});
