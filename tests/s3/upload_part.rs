use bleepstore_tests::http::S3;
use bleepstore_tests::http::encoding::{checksum_crc32, content_md5, etag};
use bleepstore_tests::s3_test;

s3_test!(
    answers_the_md5_of_the_part_as_etag,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let response = bucket.part("key", &upload, 1, "part").expect(200);
        assert_eq!(response.etag(), etag(b"part"));
        assert_eq!(response.body, b"");
    }
);

s3_test!(
    takes_part_numbers_one_to_ten_thousand,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        bucket.part("key", &upload, 1, "x").expect(200);
        bucket.part("key", &upload, 10_000, "x").expect(200);
        for number in ["0", "10001", "-1", "one", ""] {
            let request = bucket
                .object("PUT", "key")
                .query("partNumber", number)
                .query("uploadId", &upload);
            let error = request.body("x").expect_error(400, "InvalidArgument");
            assert_eq!(error.field("ArgumentName"), "partNumber");
            assert_eq!(error.field("ArgumentValue"), number);
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            assert_eq!(error.message, message);
        }
    }
);

s3_test!(
    without_a_part_number_is_not_allowed,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let request = bucket.object("PUT", "key").query("uploadId", &upload);
        let error = request.body("x").expect_error(405, "MethodNotAllowed");
        assert_eq!(error.field("Method"), "PUT");
        assert_eq!(error.response.required("allow"), "GET, POST, DELETE");
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(needs_an_open_upload, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    for upload in ["unknown", "00000000000000000000000000000000"] {
        bucket
            .part("key", upload, 1, "x")
            .expect_error(404, "NoSuchUpload");
    }
});

s3_test!(needs_the_uploads_own_key, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    bucket
        .part("other", &upload, 1, "x")
        .expect_error(404, "NoSuchUpload");
    s3.bucket()
        .part("key", &upload, 1, "x")
        .expect_error(404, "NoSuchUpload");
});

s3_test!(verifies_content_md5, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    bucket
        .part("key", &upload, 1, "x")
        .header("content-md5", content_md5(b"x"))
        .expect(200);
    let wrong = bucket
        .part("key", &upload, 2, "x")
        .header("content-md5", content_md5(b"y"))
        .expect_error(400, "BadDigest");
    // Of a part S3 writes both in base64.
    assert_eq!(wrong.field("ExpectedDigest"), content_md5(b"y"));
    assert_eq!(wrong.field("CalculatedDigest"), content_md5(b"x"));
    let parts = bucket.list_parts("key", &upload).expect(200);
    assert_eq!(parts.all("ListPartsResult/Part/PartNumber"), ["1"]);
});

s3_test!(verifies_a_checksum_header, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    let sent = checksum_crc32(b"x");
    let response = bucket
        .part("key", &upload, 1, "x")
        .header("x-amz-checksum-crc32", &sent)
        .expect(200);
    assert_eq!(response.required("x-amz-checksum-crc32"), sent);
    bucket
        .part("key", &upload, 1, "y")
        .header("x-amz-checksum-crc32", &sent)
        .expect_error(400, "BadDigest");
});

s3_test!(
    replaces_a_part_of_the_same_number,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        bucket.upload_part("key", &upload, 1, b"first");
        let second = bucket.upload_part("key", &upload, 1, b"second");
        let parts = bucket.list_parts("key", &upload).expect(200);
        assert_eq!(parts.value("ListPartsResult/Part/ETag"), etag(b"second"));
        bucket.complete("key", &upload, &[second]).expect(200);
        assert_eq!(bucket.read("key"), b"second");
    }
);

s3_test!(
    refuses_a_declared_length_over_five_gibibytes,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let mut request = bucket
            .part("key", &upload, 1, "")
            .payload_hash("UNSIGNED-PAYLOAD")
            .sign();
        request.add_header("expect", "100-continue");
        request.add_header("content-length", "5368709121");
        let mut connection = s3.connect();
        connection.write_head(&request);
        connection.read_response("PUT").into_error(400, "EntityTooLarge");
    }
);

s3_test!(needs_the_bucket, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    bucket
        .part("key", "00000000000000000000000000000000", 1, "x")
        .expect_error(404, "NoSuchBucket");
});
