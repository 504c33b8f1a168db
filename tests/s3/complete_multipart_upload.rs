use bleepstore_tests::http::encoding::{etag, multipart_etag, pattern};
use bleepstore_tests::http::{ALICE, Bucket, S3, UploadedPart};
use bleepstore_tests::s3_test;

const MINIMUM: usize = 5_242_880;

/// An upload of `key` with two parts, the first of the smallest size that a part before another may have.
fn two_parts(bucket: &Bucket) -> (String, [UploadedPart; 2], Vec<u8>) {
    let first = pattern(5, MINIMUM);
    let upload = bucket.begin_upload("key");
    let parts = [
        bucket.upload_part("key", &upload, 1, &first),
        bucket.upload_part("key", &upload, 2, b"tail"),
    ];
    (upload, parts, first)
}

s3_test!(joins_the_parts, largest_body = 5_242_880, |s3: &S3| {
    let bucket = s3.bucket();
    let (upload, parts, first) = two_parts(&bucket);
    let response = bucket.complete("key", &upload, &parts).expect(200);
    let etag = multipart_etag(&[&first, b"tail"]);
    assert_eq!(response.value("CompleteMultipartUploadResult/ETag"), etag);
    assert_eq!(
        response.value("CompleteMultipartUploadResult/Bucket"),
        bucket.name
    );
    assert_eq!(response.value("CompleteMultipartUploadResult/Key"), "key");
    let location = response.value("CompleteMultipartUploadResult/Location");
    assert!(location.ends_with(&format!("/{}/key", bucket.name)), "{location}");
    let object = bucket.get("key").expect(200);
    assert!(
        object.body == [first.as_slice(), b"tail"].concat(),
        "another body came back"
    );
    assert_eq!(object.etag(), etag);
    let listed = bucket.list().expect(200);
    assert_eq!(listed.value("ListBucketResult/Contents/ETag"), etag);
    assert_eq!(
        listed.value("ListBucketResult/Contents/Size"),
        (MINIMUM + 4).to_string()
    );
});

s3_test!(
    of_one_part_has_an_etag_of_one_part,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 1, b"only");
        let response = bucket.complete("key", &upload, &[part]).expect(200);
        assert_eq!(
            response.value("CompleteMultipartUploadResult/ETag"),
            multipart_etag(&[b"only"])
        );
    }
);

s3_test!(takes_etags_in_any_quotes, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    for etag in [
        etag(b"x"),
        etag(b"x").replace('"', "&quot;"),
        etag(b"x").replace('"', ""),
    ] {
        let upload = bucket.begin_upload("key");
        bucket.upload_part("key", &upload, 1, b"x");
        bucket
            .complete("key", &upload, &[UploadedPart { number: 1, etag }])
            .expect(200);
    }
});

s3_test!(
    takes_a_subset_of_the_parts,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        let first = pattern(6, MINIMUM);
        let upload = bucket.begin_upload("key");
        bucket.upload_part("key", &upload, 1, b"left out");
        let part_2 = bucket.upload_part("key", &upload, 2, &first);
        bucket.upload_part("key", &upload, 500, b"left out");
        let part_last = bucket.upload_part("key", &upload, 10_000, b"tail");
        bucket.complete("key", &upload, &[part_2, part_last]).expect(200);
        let object = bucket.get("key").expect(200);
        assert_eq!(object.etag(), multipart_etag(&[&first, b"tail"]));
        assert!(
            object.body == [first.as_slice(), b"tail"].concat(),
            "another body came back"
        );
    }
);

s3_test!(
    refuses_a_small_part_before_the_last,
    largest_body = 5_242_879,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let small = pattern(7, MINIMUM - 1);
        let parts = [
            bucket.upload_part("key", &upload, 1, &small),
            bucket.upload_part("key", &upload, 2, b"tail"),
        ];
        let error = bucket
            .complete("key", &upload, &parts)
            .expect_error(400, "EntityTooSmall");
        assert_eq!(error.field("ProposedSize"), (MINIMUM - 1).to_string());
        assert_eq!(error.field("MinSizeAllowed"), MINIMUM.to_string());
        assert_eq!(error.field("PartNumber"), "1");
    }
);

s3_test!(refuses_parts_out_of_order, largest_body = 5_242_880, |s3: &S3| {
    let bucket = s3.bucket();
    let (upload, [first, second], _) = two_parts(&bucket);
    let swapped = [second.clone(), first.clone()];
    let error = bucket
        .complete("key", &upload, &swapped)
        .expect_error(400, "InvalidPartOrder");
    assert_eq!(error.field("UploadId"), upload);
    assert_eq!(
        error.message,
        "The list of parts was not in ascending order. Parts must be ordered by part number."
    );
    let twice = [first.clone(), first, second];
    bucket
        .complete("key", &upload, &twice)
        .expect_error(400, "InvalidPartOrder");
});

s3_test!(
    refuses_a_part_that_was_not_uploaded,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 1, b"x");
        for wrong in [
            UploadedPart {
                number: 2,
                ..part.clone()
            },
            UploadedPart {
                etag: etag(b"y"),
                ..part.clone()
            },
        ] {
            let number = wrong.number.to_string();
            let error = bucket
                .complete("key", &upload, &[wrong])
                .expect_error(400, "InvalidPart");
            assert_eq!(error.field("UploadId"), upload);
            assert_eq!(error.field("PartNumber"), number);
            assert_eq!(
                error.message,
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the \
                 specified entity tag may not match the part's entity tag."
            );
        }
        bucket.complete("key", &upload, &[part]).expect(200);
    }
);

s3_test!(
    refuses_the_etag_of_a_replaced_part,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let stale = bucket.upload_part("key", &upload, 1, b"first");
        bucket.upload_part("key", &upload, 1, b"second");
        bucket
            .complete("key", &upload, &[stale])
            .expect_error(400, "InvalidPart");
    }
);

s3_test!(
    after_a_refusal_leaves_the_upload_open,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 1, b"x");
        let wrong = UploadedPart {
            etag: etag(b"y"),
            ..part
        };
        bucket
            .complete("key", &upload, &[wrong])
            .expect_error(400, "InvalidPart");
        let again = bucket.upload_part("key", &upload, 1, b"again");
        bucket.complete("key", &upload, &[again]).expect(200);
        assert_eq!(bucket.read("key"), b"again");
    }
);

s3_test!(replayed_answers_the_same, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    let part = bucket.upload_part("key", &upload, 1, b"x");
    let request = bucket.complete("key", &upload, &[part]);
    let first = request.clone().expect(200);
    assert_eq!(request.expect(200).body, first.body);
});

s3_test!(
    replayed_does_not_touch_a_later_object,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 1, b"x");
        let request = bucket.complete("key", &upload, &[part]);
        request.clone().expect(200);
        bucket.put("key", "later").expect(200);
        let replayed = request.clone().expect(200);
        assert_eq!(
            replayed.value("CompleteMultipartUploadResult/ETag"),
            multipart_etag(&[b"x"])
        );
        assert_eq!(bucket.read("key"), b"later");
        bucket.delete("key").expect(204);
        request.expect(200);
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    replayed_succeeds_though_its_condition_would_fail_now,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 1, b"x");
        let request = bucket
            .complete("key", &upload, &[part])
            .header("if-none-match", "*");
        request.clone().expect(200);
        request.expect(200);
    }
);

s3_test!(
    racing_with_itself_answers_the_same,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 1, b"x");
        let request = bucket.complete("key", &upload, &[part]).sign();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let response = request.send();
                    assert!(matches!(response.status, 200 | 409 | 503), "{}", response.text());
                });
            }
        });
        request.send().assert_status(200);
        assert_eq!(bucket.read("key"), b"x");
    }
);

s3_test!(
    with_if_none_match_star_creates_only,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("key", "mine").expect(200);
        let upload = bucket.begin_upload("key");
        let part = bucket.upload_part("key", &upload, 1, b"x");
        let request = bucket
            .complete("key", &upload, &[part])
            .header("if-none-match", "*");
        request.clone().expect_error(412, "PreconditionFailed");
        assert_eq!(bucket.read("key"), b"mine");
        bucket.delete("key").expect(204);
        request.expect(200);
        assert_eq!(bucket.read("key"), b"x");
    }
);

s3_test!(
    with_if_match_replaces_that_etag_only,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("key", "mine").expect(200);
        let upload = bucket.begin_upload("key");
        let parts = [bucket.upload_part("key", &upload, 1, b"x")];
        let complete = || bucket.complete("key", &upload, &parts);
        complete()
            .header("if-match", etag(b"other"))
            .expect_error(412, "PreconditionFailed");
        complete().header("if-match", etag(b"mine")).expect(200);
        assert_eq!(bucket.read("key"), b"x");
    }
);

s3_test!(
    refuses_a_document_of_another_form,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("key");
        bucket.upload_part("key", &upload, 1, b"x");
        for document in [
            "<CompleteMultipartUpload></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part></Part></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part><PartNumber>one</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part>",
            "<Other/>",
            "not XML",
        ] {
            let request = bucket
                .object("POST", "key")
                .query("uploadId", &upload)
                .body(document);
            request.expect_error(400, "MalformedXML");
        }
    }
);

s3_test!(without_a_document_names_no_part, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    let part = bucket.upload_part("key", &upload, 1, b"x");
    let empty = |upload: &str| bucket.object("POST", "key").query("uploadId", upload);
    let error = empty(&upload).expect_error(400, "InvalidRequest");
    assert_eq!(error.message, "You must specify at least one part");
    // Which upload it is comes first.
    empty("unknown").expect_error(404, "NoSuchUpload");
    empty("00000000000000000000000000000000").expect_error(404, "NoSuchUpload");
    bucket.complete("key", &upload, &[part]).expect(200);
});

s3_test!(closes_the_upload, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("key");
    let part = bucket.upload_part("key", &upload, 1, b"x");
    bucket.complete("key", &upload, &[part]).expect(200);
    bucket
        .part("key", &upload, 2, "late")
        .expect_error(404, "NoSuchUpload");
    bucket
        .list_parts("key", &upload)
        .expect_error(404, "NoSuchUpload");
    let uploads = bucket.request("GET").flag("uploads").expect(200);
    assert_eq!(uploads.all("ListMultipartUploadsResult/Upload/UploadId"), [""; 0]);
});

s3_test!(needs_an_open_upload, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    let part = UploadedPart {
        number: 1,
        etag: etag(b"x"),
    };
    for upload in ["unknown", "00000000000000000000000000000000"] {
        bucket
            .complete("key", upload, std::slice::from_ref(&part))
            .expect_error(404, "NoSuchUpload");
    }
    let error = bucket.abort("key", "unknown").expect_error(404, "NoSuchUpload");
    assert_eq!(
        error.message,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed."
    );
    let upload = bucket.begin_upload("key");
    bucket
        .complete("other key", &upload, &[part])
        .expect_error(404, "NoSuchUpload");
    // Whoever may not complete it is told before the list of parts is sent.
    let stranger = bucket.acting_for(&ALICE);
    let unknown = "00000000000000000000000000000000";
    for (bucket, upload, status, code) in [
        (&bucket, unknown, 404, "NoSuchUpload"),
        (&stranger, upload.as_str(), 403, "AccessDenied"),
        (&s3.bucket_named(s3.unused_name()), unknown, 404, "NoSuchBucket"),
    ] {
        let request = bucket.object("POST", "key").query("uploadId", upload);
        let mut request = request.payload_hash("UNSIGNED-PAYLOAD").sign();
        request.add_header("expect", "100-continue");
        request.add_header("content-length", "8000000");
        let mut connection = s3.connect();
        connection.write_head(&request);
        connection.read_response("POST").into_error(status, code);
    }
});
