use bleepstore_tests::http::encoding::{checksum_crc32, etag, pattern};
use bleepstore_tests::http::{Bucket, Request, S3, UploadedPart};
use bleepstore_tests::s3_test;

/// Larger than what any store keeps in its records.
const LARGE: usize = 100_000;

/// The request that makes part `number` of `upload` from `bucket/source`.
fn copy_part(bucket: &Bucket, upload: &str, number: u32) -> Request {
    bucket
        .part("key", upload, number, "")
        .header("x-amz-copy-source", format!("{}/source", bucket.name))
}

/// Copies the part, and completes the upload with it alone.
fn complete_with(bucket: &Bucket, upload: &str, request: Request) -> Vec<u8> {
    let copied = request.expect(200);
    let etag = copied.value("CopyPartResult/ETag");
    assert!(copied.value("CopyPartResult/LastModified").ends_with(".000Z"));
    bucket
        .complete("key", upload, &[UploadedPart { number: 1, etag }])
        .expect(200);
    bucket.get("key").expect(200).body
}

s3_test!(copies_a_whole_object, largest_body = 100_000, |s3: &S3| {
    for length in [10, LARGE] {
        let bucket = s3.bucket();
        let body = pattern(1, length);
        bucket.put("source", body.clone()).expect(200);
        let upload = bucket.begin_upload("key");
        let copied = copy_part(&bucket, &upload, 1).expect(200);
        assert_eq!(copied.value("CopyPartResult/ETag"), etag(&body), "{length}");
        assert!(!copied.text().contains("Checksum"), "{}", copied.text());
        assert_eq!(
            complete_with(&bucket, &upload, copy_part(&bucket, &upload, 1)),
            body,
            "{length}"
        );
    }
});

s3_test!(copies_a_range, largest_body = 100_000, |s3: &S3| {
    for length in [1_000, LARGE] {
        let bucket = s3.bucket();
        let body = pattern(2, length);
        bucket.put("source", body.clone()).expect(200);
        let upload = bucket.begin_upload("key");
        let request = copy_part(&bucket, &upload, 1).header("x-amz-copy-source-range", "bytes=10-899");
        assert_eq!(
            complete_with(&bucket, &upload, request),
            &body[10..900],
            "{length}"
        );
    }
});

s3_test!(joins_ranges_of_one_source, largest_body = 6_000_000, |s3: &S3| {
    let bucket = s3.bucket();
    let body = pattern(3, 6_000_000);
    bucket.put("source", body.clone()).expect(200);
    let upload = bucket.begin_upload("key");
    let mut parts = Vec::new();
    for (number, range) in [(1, "bytes=500000-5999999"), (2, "bytes=0-499999")] {
        let copied = copy_part(&bucket, &upload, number)
            .header("x-amz-copy-source-range", range)
            .expect(200);
        parts.push(UploadedPart {
            number,
            etag: copied.value("CopyPartResult/ETag"),
        });
    }
    bucket.complete("key", &upload, &parts).expect(200);
    let joined = [&body[500_000..], &body[..500_000]].concat();
    assert_eq!(bucket.get("key").expect(200).body, joined);
});

s3_test!(
    survives_the_deletion_of_its_source,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let body = pattern(4, LARGE);
        bucket.put("source", body.clone()).expect(200);
        let upload = bucket.begin_upload("key");
        let copied = copy_part(&bucket, &upload, 1).expect(200);
        bucket.delete("source").expect(204);
        let part = UploadedPart {
            number: 1,
            etag: copied.value("CopyPartResult/ETag"),
        };
        bucket.complete("key", &upload, &[part]).expect(200);
        assert_eq!(bucket.get("key").expect(200).body, body);
    }
);

s3_test!(
    gives_the_checksum_that_the_upload_asks_for,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let body = pattern(5, LARGE);
        bucket.put("source", body.clone()).expect(200);
        let create = bucket
            .create_upload("key")
            .header("x-amz-checksum-algorithm", "CRC32");
        let begun = bucket.begin_upload_by(create);
        let upload = begun.value("InitiateMultipartUploadResult/UploadId");
        let copied = copy_part(&bucket, &upload, 1)
            .header("x-amz-copy-source-range", "bytes=0-99")
            .expect(200);
        assert_eq!(
            copied.value("CopyPartResult/ChecksumCRC32"),
            checksum_crc32(&body[..100])
        );
    }
);

s3_test!(
    checks_the_conditions_on_the_source,
    largest_body = 10,
    |s3: &S3| {
        const PAST: &str = "Fri, 01 Jan 2010 00:00:00 GMT";
        const FUTURE: &str = "Fri, 01 Jan 2100 00:00:00 GMT";
        let bucket = s3.bucket();
        bucket.put("source", "body").expect(200);
        let head = bucket.head("source").expect(200);
        let modified = head.required("last-modified").to_owned();
        let upload = bucket.begin_upload("key");
        let own = etag(b"body");
        for (name, holds, fails) in [
            ("if-match", own.as_str(), "\"other\""),
            ("if-none-match", "\"other\"", own.as_str()),
            ("if-modified-since", PAST, modified.as_str()),
            ("if-unmodified-since", FUTURE, PAST),
        ] {
            let header = format!("x-amz-copy-source-{name}");
            copy_part(&bucket, &upload, 1).header(&header, holds).expect(200);
            copy_part(&bucket, &upload, 1)
                .header(&header, fails)
                .expect_error(412, "PreconditionFailed");
        }
        // Nothing was changed after a date in the future: it is ignored.
        copy_part(&bucket, &upload, 1)
            .header("x-amz-copy-source-if-modified-since", FUTURE)
            .expect(200);
    }
);

s3_test!(
    refuses_a_range_outside_the_source,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("source", "body").expect(200);
        let upload = bucket.begin_upload("key");
        for range in ["bytes=4-9", "bytes=100-200"] {
            let request = copy_part(&bucket, &upload, 1).header("x-amz-copy-source-range", range);
            let error = request.expect_error(400, "InvalidRequest");
            let message = "The specified copy range is invalid for the source object size";
            assert_eq!(error.message, message);
        }
        for range in [
            "bytes=0-4",
            "bytes=3-9",
            "bytes=2-1",
            "bytes=1-",
            "bytes=-1",
            "0-1",
        ] {
            let request = copy_part(&bucket, &upload, 1).header("x-amz-copy-source-range", range);
            request.expect_error(400, "InvalidArgument");
        }
        let parts = bucket.list_parts("key", &upload).expect(200);
        assert_eq!(parts.all("ListPartsResult/Part/PartNumber"), [""; 0]);
    }
);

s3_test!(needs_its_source_and_its_upload, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    copy_part(&bucket, &upload, 1).expect_error(404, "NoSuchKey");
    bucket.put("source", "body").expect(200);
    copy_part(&bucket, "unknown", 1).expect_error(404, "NoSuchUpload");
    copy_part(&bucket, &upload, 10_001).expect_error(400, "InvalidArgument");
});

/// An object of 32 copies of all of `source`, whose length is given.
fn thirty_two_times(bucket: &Bucket, source: &str, key: &str) {
    let upload = bucket.begin_upload(key);
    let parts: Vec<UploadedPart> = (1..=32)
        .map(|number| {
            let copied = bucket
                .part(key, &upload, number, "")
                .header("x-amz-copy-source", format!("{}/{source}", bucket.name))
                .expect(200);
            let etag = copied.value("CopyPartResult/ETag");
            UploadedPart { number, etag }
        })
        .collect();
    bucket.complete(key, &upload, &parts).expect(200);
}

s3_test!(
    an_object_of_more_than_a_thousand_pieces_is_read_in_ranges_and_by_parts,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        let piece = pattern(6, 5 << 20);
        bucket.put("source", piece.clone()).expect(200);
        thirty_two_times(&bucket, "source", "pieces");
        thirty_two_times(&bucket, "pieces", "large");
        let size: u64 = 1_024 * (5 << 20);
        let head = bucket.head("large").expect(200);
        assert_eq!(head.header("content-length"), Some(size.to_string().as_str()));
        let read = |key: &str, range: String| bucket.get(key).header("range", range).expect(206).body;
        let seam = [&piece[piece.len() - 100..], &piece[..100]].concat();
        // Where pages of a layout end, and before and after it.
        for pieces in [1_u64, 512, 999, 1_000, 1_001, 1_023] {
            let at = pieces * (5_u64 << 20);
            assert_eq!(
                read("large", format!("bytes={}-{}", at - 100, at + 99)),
                seam,
                "{pieces}"
            );
        }
        assert_eq!(read("large", "bytes=-100".to_owned()), piece[piece.len() - 100..]);
        let part = bucket.head("large").query("partNumber", "32").expect(206);
        assert_eq!(part.header("x-amz-mp-parts-count"), Some("32"));
        let (start, end) = (31 * 32 * (5_u64 << 20), size - 1);
        assert_eq!(
            part.header("content-range"),
            Some(format!("bytes {start}-{end}/{size}").as_str())
        );
        bucket.head("large").query("partNumber", "33").expect(416);
        bucket.copy("large", "copy").expect(200);
        for key in ["source", "pieces", "large"] {
            bucket.delete(key).expect(204);
        }
        let at = 1_000 * (5_u64 << 20);
        assert_eq!(read("copy", format!("bytes={}-{}", at - 100, at + 99)), seam);
    }
);
