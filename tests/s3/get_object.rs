use bleepstore_tests::http::encoding::{checksum_crc32, etag, multipart_etag, pattern};
use bleepstore_tests::http::{Bucket, S3};
use bleepstore_tests::s3_test;

const BODY: &str = "0123456789";

fn bucket_with_ten_bytes(s3: &S3) -> Bucket {
    let bucket = s3.bucket();
    bucket.put("key", BODY).expect(200);
    bucket
}

s3_test!(describes_the_object_in_headers, largest_body = 10, |s3: &S3| {
    let response = bucket_with_ten_bytes(s3).get("key").expect(200);
    assert_eq!(response.text(), BODY);
    assert_eq!(response.required("content-length"), "10");
    assert_eq!(response.etag(), etag(BODY.as_bytes()));
    assert_eq!(response.required("accept-ranges"), "bytes");
    let modified = response.required("last-modified");
    assert!(modified.len() == 29 && modified.ends_with(" GMT"), "{modified}");
    assert_eq!(response.header("x-amz-mp-parts-count"), None);
});

s3_test!(names_a_key_that_is_not_there, largest_body = 0, |s3: &S3| {
    let error = s3.bucket().get("no/such key").expect_error(404, "NoSuchKey");
    assert_eq!(error.field("Key"), "no/such key");
});

s3_test!(names_a_bucket_that_is_not_there, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    assert_eq!(
        bucket
            .get("key")
            .expect_error(404, "NoSuchBucket")
            .field("BucketName"),
        bucket.name
    );
});

s3_test!(with_a_range_answers_that_part, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_ten_bytes(s3);
    for (range, body, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
        ("bytes=-99", BODY, "bytes 0-9/10"),
        ("bytes=0-", BODY, "bytes 0-9/10"),
    ] {
        let response = bucket.get("key").header("range", range).expect(206);
        assert_eq!(response.text(), body, "{range}");
        assert_eq!(response.required("content-range"), content_range);
        assert_eq!(response.required("content-length"), body.len().to_string());
        assert_eq!(response.etag(), etag(BODY.as_bytes()));
    }
});

s3_test!(
    with_a_range_over_the_whole_object_carries_its_checksum,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let checksum = checksum_crc32(BODY.as_bytes());
        let put = bucket.put("key", BODY);
        put.header("x-amz-checksum-crc32", &checksum).expect(200);
        for method in ["GET", "HEAD"] {
            let ranged = |range: &str| {
                let request = bucket.object(method, "key").header("range", range);
                request.header("x-amz-checksum-mode", "ENABLED").expect(206)
            };
            for range in ["bytes=0-9", "bytes=0-", "bytes=-10", "bytes=0-99"] {
                let whole = ranged(range);
                assert_eq!(whole.required("x-amz-checksum-crc32"), checksum, "{range}");
                assert_eq!(whole.required("x-amz-checksum-type"), "FULL_OBJECT");
            }
            for range in ["bytes=0-8", "bytes=1-"] {
                let part = ranged(range);
                assert_eq!(part.header("x-amz-checksum-crc32"), None, "{range}");
                assert_eq!(part.header("x-amz-checksum-type"), None, "{range}");
            }
            // The first part of an object that was put at once is all of it too.
            let part = bucket.object(method, "key").query("partNumber", 1);
            let part = part.header("x-amz-checksum-mode", "ENABLED").expect(206);
            assert_eq!(part.required("x-amz-checksum-crc32"), checksum);
            let without = bucket
                .object(method, "key")
                .header("range", "bytes=0-9")
                .expect(206);
            assert_eq!(without.header("x-amz-checksum-crc32"), None);
        }
    }
);

s3_test!(refuses_a_range_beyond_the_end, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_ten_bytes(s3);
    for range in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
        let error = bucket
            .get("key")
            .header("range", range)
            .expect_error(416, "InvalidRange");
        assert_eq!(error.response.required("content-range"), "bytes */10");
        assert_eq!(error.field("RangeRequested"), range);
        assert_eq!(error.field("ActualObjectSize"), "10");
    }
});

s3_test!(
    refuses_any_range_of_an_empty_object,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("key", "").expect(200);
        let error = bucket
            .get("key")
            .header("range", "bytes=0-0")
            .expect_error(416, "InvalidRange");
        assert_eq!(error.response.required("content-range"), "bytes */0");
    }
);

s3_test!(
    ignores_a_range_that_it_does_not_understand,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_ten_bytes(s3);
        for range in [
            "bytes=4-2",
            "bytes=a-b",
            "bytes=",
            "bytes",
            "bytes=-",
            "lines=0-1",
            "bytes=0-1,3-4",
            "bytes=1",
        ] {
            let response = bucket.get("key").header("range", range).expect(200);
            assert_eq!(response.text(), BODY, "{range}");
            assert_eq!(response.header("content-range"), None);
        }
    }
);

s3_test!(reads_ranges_across_parts, largest_body = 5_242_880, |s3: &S3| {
    let bucket = s3.bucket();
    let first = pattern(1, 5_242_880);
    let upload = bucket.begin_upload("key");
    let parts = [
        bucket.upload_part("key", &upload, 1, &first),
        bucket.upload_part("key", &upload, 2, b"tail"),
    ];
    bucket.complete("key", &upload, &parts).expect(200);
    let response = bucket
        .get("key")
        .header("range", "bytes=5242877-5242881")
        .expect(206);
    assert_eq!(response.body, [&first[5_242_877..], b"ta"].concat());
    assert_eq!(
        response.required("content-range"),
        "bytes 5242877-5242881/5242884"
    );
    assert_eq!(
        bucket.get("key").header("range", "bytes=-2").expect(206).body,
        b"il"
    );
});

s3_test!(
    with_a_part_number_answers_that_part,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        let first = pattern(2, 5_242_880);
        let upload = bucket.begin_upload("key");
        let parts = [
            bucket.upload_part("key", &upload, 1, &first),
            bucket.upload_part("key", &upload, 2, b"tail"),
        ];
        bucket.complete("key", &upload, &parts).expect(200);
        for method in ["GET", "HEAD"] {
            let response = bucket.object(method, "key").query("partNumber", 2).expect(206);
            assert_eq!(response.required("content-length"), "4");
            assert_eq!(
                response.required("content-range"),
                "bytes 5242880-5242883/5242884"
            );
            assert_eq!(response.required("x-amz-mp-parts-count"), "2");
            assert_eq!(response.etag(), multipart_etag(&[&first, b"tail"]));
        }
        assert!(
            bucket.get("key").query("partNumber", 1).expect(206).body == first,
            "another first part"
        );
        assert_eq!(bucket.get("key").query("partNumber", 2).expect(206).body, b"tail");
        bucket
            .get("key")
            .query("partNumber", 3)
            .expect_error(416, "InvalidPartNumber");
        bucket
            .head("key")
            .query("partNumber", 3)
            .send()
            .assert_bodiless(416);
    }
);

s3_test!(
    takes_an_object_that_was_put_as_its_own_first_part,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_ten_bytes(s3);
        let response = bucket.get("key").query("partNumber", 1).expect(206);
        assert_eq!(response.text(), BODY);
        assert_eq!(response.required("content-range"), "bytes 0-9/10");
        assert_eq!(response.header("x-amz-mp-parts-count"), None);
        bucket
            .get("key")
            .query("partNumber", 2)
            .expect_error(416, "InvalidPartNumber");
    }
);

s3_test!(
    refuses_part_numbers_outside_one_to_ten_thousand,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_ten_bytes(s3);
        for number in ["0", "10001", "-1", "one", ""] {
            bucket
                .get("key")
                .query("partNumber", number)
                .expect_error(400, "InvalidArgument");
        }
    }
);

s3_test!(
    refuses_a_range_beside_a_part_number,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_ten_bytes(s3);
        let request = bucket
            .get("key")
            .query("partNumber", 1)
            .header("range", "bytes=0-1");
        request.expect_error(400, "InvalidRequest");
    }
);

s3_test!(overrides_response_headers, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_ten_bytes(s3);
    let overrides = [
        ("content-type", "text/x-override"),
        ("content-language", "fr"),
        ("expires", "Thu, 01 Dec 1994 16:00:00 GMT"),
        ("cache-control", "no-cache"),
        ("content-disposition", "attachment; filename=\"x y.txt\""),
        ("content-encoding", "identity"),
    ];
    for method in ["GET", "HEAD"] {
        let request = bucket.object(method, "key");
        let request = overrides.iter().fold(request, |request, (name, value)| {
            request.query(&format!("response-{name}"), value)
        });
        let response = request.expect(200);
        for (name, value) in overrides {
            assert_eq!(response.required(name), value);
        }
    }
    assert_eq!(
        bucket.get("key").expect(200).required("content-type"),
        "binary/octet-stream"
    );
});

s3_test!(
    refuses_line_breaks_in_overridden_headers,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_ten_bytes(s3);
        let response = bucket
            .get("key")
            .query("response-content-type", "a\r\nx-injected: 1")
            .send();
        assert_eq!(response.status, 400);
        assert_eq!(response.header("x-injected"), None);
    }
);

s3_test!(
    answers_a_stored_checksum_where_it_is_asked_for,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let checksum = bleepstore_tests::http::encoding::checksum_crc32(BODY.as_bytes());
        bucket
            .put("key", BODY)
            .header("x-amz-checksum-crc32", &checksum)
            .expect(200);
        let asked = bucket
            .get("key")
            .header("x-amz-checksum-mode", "ENABLED")
            .expect(200);
        assert_eq!(asked.required("x-amz-checksum-crc32"), checksum);
        assert_eq!(bucket.get("key").expect(200).header("x-amz-checksum-crc32"), None);
    }
);

s3_test!(
    never_mixes_two_versions_of_an_object,
    largest_body = 300_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let versions = [pattern(1, 300_000), pattern(2, 200_000)];
        bucket.put("key", versions[0].as_slice()).expect(200);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..20 {
                    bucket.put("key", versions[round % 2].as_slice()).expect(200);
                }
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let response = bucket.get("key").expect(200);
                        assert!(versions.contains(&response.body), "a body that was never put");
                        assert_eq!(response.etag(), etag(&response.body));
                    }
                });
            }
        });
    }
);

s3_test!(reads_an_empty_last_part, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    let part = bucket.upload_part("key", &upload, 1, b"");
    bucket.complete("key", &upload, &[part]).expect(200);
    let request = bucket.get("key").query("partNumber", "1");
    let read = request.expect(200);
    assert_eq!(read.body, b"");
    assert_eq!(read.required("x-amz-mp-parts-count"), "1");
    assert_eq!(read.header("content-range"), None);
});

s3_test!(refuses_a_version_that_never_was, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    for version in ["HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD", "no version"] {
        for method in ["GET", "DELETE"] {
            let request = bucket.object(method, "key").query("versionId", version);
            let error = request.expect_error(400, "InvalidArgument");
            assert_eq!(error.message, "Invalid version id specified");
            assert_eq!(error.field("ArgumentName"), "versionId");
            assert_eq!(error.field("ArgumentValue"), version);
        }
    }
    let empty = bucket.get("key").query("versionId", "");
    empty.expect_error(400, "InvalidArgument");
    assert_eq!(
        bucket.get("key").query("versionId", "null").expect(200).text(),
        "key"
    );
});
