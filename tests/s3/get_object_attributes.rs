use bleepstore_tests::http::encoding::{checksum_crc32, checksum_sha256, etag, pattern};
use bleepstore_tests::http::{Bucket, Request, Response, S3};
use bleepstore_tests::s3_test;

const MIN_PART: usize = 5 << 20;
const ALL: &str = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize";

fn attributes(bucket: &Bucket, key: &str, names: &str) -> Request {
    bucket
        .get(key)
        .flag("attributes")
        .header("x-amz-object-attributes", names)
}

fn field(response: &Response, path: &str) -> Option<String> {
    response.optional(&format!("GetObjectAttributesResponse/{path}"))
}

/// Makes `key` of `count` copies of an object of the smallest size of a part, and a short one as the last part. Numbers
/// go up by two.
fn assemble(bucket: &Bucket, algorithm: Option<&str>, count: u32) -> Vec<u8> {
    let body = pattern(7, MIN_PART);
    let put = bucket.put("source", body.clone());
    put.header("x-amz-checksum-crc32", checksum_crc32(&body))
        .expect(200);
    let mut create = bucket.create_upload("key");
    if let Some(algorithm) = algorithm {
        create = create.header("x-amz-checksum-algorithm", algorithm);
    }
    let upload = bucket
        .begin_upload_by(create)
        .value("InitiateMultipartUploadResult/UploadId");
    let mut parts = String::new();
    let mut list = |number: u32, etag: String, checksum: Option<String>| {
        let checksum = checksum.filter(|_| algorithm.is_some());
        let checksum = checksum.map(|value| format!("<ChecksumCRC32>{value}</ChecksumCRC32>"));
        let checksum = checksum.unwrap_or_default();
        parts.push_str(&format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{checksum}</Part>"
        ));
    };
    for number in (1..=count).map(|index| index * 2) {
        let request = bucket.part("key", &upload, number, "");
        let copied = request
            .header("x-amz-copy-source", format!("{}/source", bucket.name))
            .expect(200);
        let etag = copied.value("CopyPartResult/ETag");
        list(number, etag, copied.optional("CopyPartResult/ChecksumCRC32"));
    }
    let last = count * 2 + 2;
    let sent = bucket.part("key", &upload, last, "end").expect(200);
    let checksum = sent.header("x-amz-checksum-crc32").map(str::to_owned);
    list(last, sent.etag(), checksum);
    bucket.complete_of("key", &upload, &parts).expect(200);
    body
}

s3_test!(
    tells_what_is_asked_of_a_small_and_a_large_object,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for length in [0, 10, 100_000] {
            let body = pattern(1, length);
            let put = bucket.put("key", body.clone());
            put.header("x-amz-checksum-sha256", checksum_sha256(&body))
                .header("x-amz-storage-class", "STANDARD_IA")
                .expect(200);
            let answer = attributes(&bucket, "key", ALL).expect(200);
            assert_eq!(answer.required("content-type"), "application/xml");
            let head = bucket.head("key").expect(200);
            assert_eq!(answer.required("last-modified"), head.required("last-modified"));
            let quoted = format!("\"{}\"", field(&answer, "ETag").unwrap());
            assert_eq!(quoted, etag(&body));
            let checksum = field(&answer, "Checksum/ChecksumSHA256");
            assert_eq!(checksum, Some(checksum_sha256(&body)));
            let kind = field(&answer, "Checksum/ChecksumType");
            assert_eq!(kind.as_deref(), Some("FULL_OBJECT"));
            assert_eq!(field(&answer, "StorageClass").as_deref(), Some("STANDARD_IA"));
            assert_eq!(field(&answer, "ObjectSize"), Some(length.to_string()));
            assert_eq!(field(&answer, "ObjectParts"), None);
        }
    }
);

s3_test!(tells_nothing_else, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let names = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
    for asked in names {
        let answer = attributes(&bucket, "key", asked).expect(200);
        for name in names {
            let told = field(&answer, name).is_some();
            // An object that was put at once has no parts to tell of.
            assert_eq!(told, name == asked && name != "ObjectParts", "{asked}: {name}");
        }
    }
    let answer = attributes(&bucket, "key", "StorageClass,Checksum").expect(200);
    assert_eq!(field(&answer, "StorageClass").as_deref(), Some("STANDARD"));
    let default = field(&answer, "Checksum/ChecksumCRC64NVME");
    assert_eq!(default.map(|value| value.len()), Some(12));
});

fn with_repeated_headers(bucket: &Bucket) -> Request {
    attributes(bucket, "key", "ObjectSize , ETag,").header("x-amz-object-attributes", "StorageClass,ETag")
}

s3_test!(
    takes_repeated_headers_and_names,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let answer = with_repeated_headers(&bucket).expect(200);
        for name in ["ETag", "StorageClass", "ObjectSize"] {
            assert!(field(&answer, name).is_some(), "{name}");
        }
    },
    // The host of Functions joins them first, by a comma and a space, which is not what was signed.
    on AZURE_FUNCTIONS: |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        with_repeated_headers(&bucket).expect_error(403, "SignatureDoesNotMatch");
    }
);

s3_test!(
    refuses_no_attribute_and_unknown_ones,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        for name in ["etag", "ETag,Size"] {
            let error = attributes(&bucket, "key", name).expect_error(400, "InvalidArgument");
            assert_eq!(error.message, "Invalid attribute name specified.");
            assert_eq!(error.field("ArgumentName"), "x-amz-object-attributes");
        }
        let request = bucket.get("key").flag("attributes");
        request.expect_error(400, "InvalidRequest");
        attributes(&bucket, "key", ",").expect_error(400, "InvalidRequest");
    }
);

s3_test!(
    counts_parts_without_a_checksum_of_their_own,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        assemble(&bucket, None, 1);
        let answer = attributes(&bucket, "key", ALL).expect(200);
        assert_eq!(field(&answer, "ObjectParts/PartsCount").as_deref(), Some("2"));
        assert_eq!(field(&answer, "ObjectParts/Part"), None);
        assert_eq!(field(&answer, "ObjectParts/MaxParts"), None);
        assert_eq!(field(&answer, "ObjectSize"), Some((MIN_PART + 3).to_string()));
        let quoted = format!("\"{}\"", field(&answer, "ETag").unwrap());
        assert_eq!(quoted, bucket.head("key").expect(200).etag());
        let kind = field(&answer, "Checksum/ChecksumType");
        assert_eq!(kind.as_deref(), Some("FULL_OBJECT"));
    }
);

s3_test!(
    pages_through_parts_with_checksums,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        // More than a record of the stores that keep the fewest holds.
        let body = assemble(&bucket, Some("CRC32"), 4);
        let request = attributes(&bucket, "key", "ObjectParts,Checksum");
        let parts = |response: &Response, name: &str| {
            response.all(&format!("GetObjectAttributesResponse/ObjectParts/{name}"))
        };
        let all = request.clone().expect(200);
        assert_eq!(parts(&all, "PartsCount"), ["5"]);
        assert_eq!(parts(&all, "Part/PartNumber"), ["2", "4", "6", "8", "10"]);
        let sizes: Vec<String> = [MIN_PART; 4].iter().chain(&[3]).map(usize::to_string).collect();
        assert_eq!(parts(&all, "Part/Size"), sizes);
        let checksums = parts(&all, "Part/ChecksumCRC32");
        assert_eq!(checksums[0], checksum_crc32(&body));
        assert_eq!(checksums[4], checksum_crc32(b"end"));
        assert_eq!(parts(&all, "MaxParts"), ["1000"]);
        assert_eq!(parts(&all, "PartNumberMarker"), ["0"]);
        assert_eq!(parts(&all, "NextPartNumberMarker"), ["10"]);
        assert_eq!(parts(&all, "IsTruncated"), ["false"]);
        // The checksum of the checksums, without the number of parts that HEAD shows after it.
        let head = bucket
            .head("key")
            .header("x-amz-checksum-mode", "ENABLED")
            .expect(200);
        let composite = field(&all, "Checksum/ChecksumCRC32").unwrap();
        assert_eq!(format!("{composite}-5"), head.required("x-amz-checksum-crc32"));
        let kind = field(&all, "Checksum/ChecksumType");
        assert_eq!(kind.as_deref(), Some("COMPOSITE"));

        let first = request.clone().header("x-amz-max-parts", 2).expect(200);
        assert_eq!(parts(&first, "Part/PartNumber"), ["2", "4"]);
        assert_eq!(parts(&first, "MaxParts"), ["2"]);
        assert_eq!(parts(&first, "IsTruncated"), ["true"]);
        assert_eq!(parts(&first, "NextPartNumberMarker"), ["4"]);
        let rest = request.clone().header("x-amz-part-number-marker", 4).expect(200);
        assert_eq!(parts(&rest, "Part/PartNumber"), ["6", "8", "10"]);
        assert_eq!(parts(&rest, "PartNumberMarker"), ["4"]);
        assert_eq!(parts(&rest, "IsTruncated"), ["false"]);
        let empty = request.clone().header("x-amz-max-parts", "");
        let empty = empty.header("x-amz-part-number-marker", "").expect(200);
        assert_eq!(parts(&empty, "Part/PartNumber").len(), 5);
        let none = request.header("x-amz-max-parts", 0).expect(200);
        assert_eq!(parts(&none, "Part"), [""; 0]);
        assert_eq!(parts(&none, "IsTruncated"), ["true"]);
        assert_eq!(parts(&none, "PartsCount"), ["5"]);
    }
);

s3_test!(
    refuses_bounds_that_are_no_numbers,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        for (name, value) in [
            ("x-amz-max-parts", "-1"),
            ("x-amz-max-parts", "many"),
            ("x-amz-part-number-marker", "x"),
        ] {
            let error = attributes(&bucket, "key", "ObjectParts")
                .header(name, value)
                .expect_error(400, "InvalidArgument");
            assert_eq!(error.field("ArgumentName"), name);
        }
    }
);

s3_test!(takes_the_conditions_of_a_read, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let tag = bucket.put("key", "x").expect(200).etag();
    let request = || attributes(&bucket, "key", "ETag");
    request().header("if-match", &tag).expect(200);
    request()
        .header("if-match", "\"another\"")
        .expect_error(412, "PreconditionFailed");
    request()
        .header("if-none-match", &tag)
        .send()
        .assert_bodiless(304);
});

s3_test!(needs_the_object_and_the_bucket, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    attributes(&bucket, "absent", ALL).expect_error(404, "NoSuchKey");
    let absent = s3.bucket_named(s3.unused_name());
    attributes(&absent, "key", ALL).expect_error(404, "NoSuchBucket");
    let version = attributes(&bucket, "absent", ALL).query("versionId", "null");
    version.expect_error(404, "NoSuchKey");
});
