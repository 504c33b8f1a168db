use bleepstore_tests::http::encoding::{checksum_sha256, etag, multipart_etag, pattern, percent};
use bleepstore_tests::http::{Bucket, S3};
use bleepstore_tests::s3_test;

const PAST: &str = "Fri, 01 Jan 2010 00:00:00 GMT";
const OTHER: &str = "\"00000000000000000000000000000000\"";

/// A bucket with an object under `source`.
fn bucket_with_source(s3: &S3) -> Bucket {
    let bucket = s3.bucket();
    bucket
        .put("source", "body")
        .header("content-type", "text/plain")
        .header("cache-control", "no-store")
        .header("x-amz-meta-color", "red")
        .expect(200);
    bucket
}

s3_test!(copies_bytes_and_metadata, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_source(s3);
    let result = bucket.copy("source", "copy").expect(200);
    assert_eq!(result.value("CopyObjectResult/ETag"), etag(b"body"));
    assert!(result.value("CopyObjectResult/LastModified").ends_with(".000Z"));
    let copy = bucket.get("copy").expect(200);
    assert_eq!(copy.text(), "body");
    assert_eq!(copy.etag(), etag(b"body"));
    assert_eq!(copy.required("content-type"), "text/plain");
    assert_eq!(copy.required("cache-control"), "no-store");
    assert_eq!(copy.required("x-amz-meta-color"), "red");
});

s3_test!(
    ignores_sent_metadata_without_the_replace_directive,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_source(s3);
        let request = bucket
            .copy("source", "copy")
            .header("x-amz-meta-color", "blue")
            .header("content-type", "a/b");
        request.expect(200);
        let copy = bucket.head("copy").expect(200);
        assert_eq!(copy.required("x-amz-meta-color"), "red");
        assert_eq!(copy.required("content-type"), "text/plain");
    }
);

s3_test!(replaces_metadata_where_told_to, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_source(s3);
    let request = bucket
        .copy("source", "copy")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-meta-shape", "round")
        .header("content-type", "a/b");
    request.expect(200);
    let copy = bucket.get("copy").expect(200);
    assert_eq!(copy.text(), "body");
    assert_eq!(copy.header("x-amz-meta-color"), None);
    assert_eq!(copy.header("cache-control"), None);
    assert_eq!(copy.required("x-amz-meta-shape"), "round");
    assert_eq!(copy.required("content-type"), "a/b");
});

s3_test!(refuses_an_unknown_directive, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_source(s3);
    let request = bucket
        .copy("source", "copy")
        .header("x-amz-metadata-directive", "MERGE");
    request.expect_error(400, "InvalidArgument");
});

s3_test!(onto_itself_must_change_something, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_source(s3);
    bucket
        .copy("source", "source")
        .expect_error(400, "InvalidRequest");
    let request = bucket
        .copy("source", "source")
        .header("x-amz-metadata-directive", "COPY");
    request.expect_error(400, "InvalidRequest");
    assert_eq!(bucket.read("source"), b"body");
});

s3_test!(onto_itself_replaces_metadata, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_source(s3);
    let request = bucket
        .copy("source", "source")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-meta-shape", "round");
    request.expect(200);
    let object = bucket.get("source").expect(200);
    assert_eq!(object.text(), "body");
    assert_eq!(object.etag(), etag(b"body"));
    assert_eq!(object.required("x-amz-meta-shape"), "round");
    assert_eq!(object.header("x-amz-meta-color"), None);
});

s3_test!(
    onto_itself_changes_the_storage_class,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_source(s3);
        bucket
            .copy("source", "source")
            .header("x-amz-storage-class", "STANDARD_IA")
            .expect(200);
        let object = bucket.head("source").expect(200);
        assert_eq!(object.required("x-amz-storage-class"), "STANDARD_IA");
        assert_eq!(object.required("x-amz-meta-color"), "red");
    }
);

s3_test!(does_not_copy_the_storage_class, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket
        .put("source", "x")
        .header("x-amz-storage-class", "STANDARD_IA")
        .expect(200);
    bucket.copy("source", "copy").expect(200);
    assert_eq!(
        bucket.head("copy").expect(200).header("x-amz-storage-class"),
        None
    );
});

s3_test!(copies_between_buckets, largest_body = 10, |s3: &S3| {
    let (from, to) = (bucket_with_source(s3), s3.bucket());
    to.object("PUT", "copy")
        .header("x-amz-copy-source", format!("/{}/source", from.name))
        .expect(200);
    assert_eq!(to.read("copy"), b"body");
});

s3_test!(
    leaves_the_copy_when_the_source_goes,
    largest_body = 5_000_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let body = pattern(3, 5_000_000);
        bucket.put("source", body.as_slice()).expect(200);
        bucket.copy("source", "copy").expect(200);
        bucket.put("source", "overwritten").expect(200);
        bucket.delete("source").expect(204);
        assert!(bucket.read("copy") == body, "the copy lost its bytes");
    }
);

s3_test!(
    copies_a_multipart_object_with_its_etag,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        let first = pattern(4, 5_242_880);
        let upload = bucket.begin_upload("source");
        let parts = [
            bucket.upload_part("source", &upload, 1, &first),
            bucket.upload_part("source", &upload, 2, b"tail"),
        ];
        bucket.complete("source", &upload, &parts).expect(200);
        let result = bucket.copy("source", "copy").expect(200);
        assert_eq!(
            result.value("CopyObjectResult/ETag"),
            multipart_etag(&[&first, b"tail"])
        );
        assert!(
            bucket.read("copy") == [first.as_slice(), b"tail"].concat(),
            "another body came back"
        );
    }
);

s3_test!(copies_an_empty_object, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("source", "").expect(200);
    bucket.copy("source", "copy").expect(200);
    assert_eq!(bucket.read("copy"), b"");
});

s3_test!(decodes_the_source, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    for key in ["a b", "é/中", "100%", "q?x=y", "plus+", "&amp;"] {
        bucket.put(key, key).expect(200);
        for source in [
            format!("{}/{}", bucket.name, percent(key)),
            format!("/{}/{}", bucket.name, percent(key)),
            percent(&format!("{}/{key}", bucket.name)),
        ] {
            bucket
                .object("PUT", "copy")
                .header("x-amz-copy-source", &source)
                .expect(200);
            assert_eq!(bucket.get("copy").expect(200).text(), key, "{source}");
        }
    }
});

s3_test!(needs_the_source, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let error = bucket.copy("absent", "copy").expect_error(404, "NoSuchKey");
    assert_eq!(error.field("Key"), "absent");
    let request = bucket
        .object("PUT", "copy")
        .header("x-amz-copy-source", format!("{}/k", s3.unused_name()));
    request.expect_error(404, "NoSuchBucket");
});

s3_test!(needs_the_destination_bucket, largest_body = 10, |s3: &S3| {
    let from = bucket_with_source(s3);
    let to = s3.bucket_named(s3.unused_name());
    let request = to
        .object("PUT", "copy")
        .header("x-amz-copy-source", format!("{}/source", from.name));
    assert_eq!(
        request.expect_error(404, "NoSuchBucket").field("BucketName"),
        to.name
    );
});

s3_test!(refuses_a_malformed_source, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    for source in ["", "/", "no-key", "/no-key/", "%zz/key"] {
        bucket
            .object("PUT", "copy")
            .header("x-amz-copy-source", source)
            .expect_error(400, "InvalidArgument");
    }
});

s3_test!(takes_only_the_version_null, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_source(s3);
    let copy = |version: &str| {
        let source = format!("{}/source?versionId={version}", bucket.name);
        bucket.object("PUT", "copy").header("x-amz-copy-source", source)
    };
    for malformed in ["", "none", "sXVbU1ECPMu6WZ2Jrx.IlTqHNnSEmrVA"] {
        copy(malformed).expect_error(400, "InvalidArgument");
    }
    bucket.get("copy").expect_error(404, "NoSuchKey");
    copy("null").expect(200);
    assert_eq!(bucket.read("copy"), b"body");
});

s3_test!(source_conditions_that_hold_copy, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_source(s3);
    let modified = bucket
        .head("source")
        .expect(200)
        .required("last-modified")
        .to_owned();
    for (name, value) in [
        ("x-amz-copy-source-if-match", etag(b"body")),
        ("x-amz-copy-source-if-none-match", OTHER.to_owned()),
        ("x-amz-copy-source-if-modified-since", PAST.to_owned()),
        ("x-amz-copy-source-if-unmodified-since", modified),
    ] {
        bucket.copy("source", "copy").header(name, value).expect(200);
    }
});

s3_test!(
    source_conditions_that_fail_do_not_copy,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_source(s3);
        let modified = bucket
            .head("source")
            .expect(200)
            .required("last-modified")
            .to_owned();
        for (name, value, condition) in [
            (
                "x-amz-copy-source-if-match",
                OTHER.to_owned(),
                "x-amz-copy-source-If-Match",
            ),
            (
                "x-amz-copy-source-if-none-match",
                etag(b"body"),
                "x-amz-copy-source-If-None-Match",
            ),
            (
                "x-amz-copy-source-if-modified-since",
                modified,
                "x-amz-copy-source-If-Modified-Since",
            ),
            (
                "x-amz-copy-source-if-unmodified-since",
                PAST.to_owned(),
                "x-amz-copy-source-If-Unmodified-Since",
            ),
        ] {
            let error = bucket
                .copy("source", "copy")
                .header(name, value)
                .expect_error(412, "PreconditionFailed");
            assert_eq!(error.field("Condition").to_lowercase(), condition.to_lowercase());
        }
        bucket.get("copy").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    source_if_match_outranks_if_unmodified_since,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_source(s3);
        let request = bucket
            .copy("source", "copy")
            .header("x-amz-copy-source-if-match", etag(b"body"))
            .header("x-amz-copy-source-if-unmodified-since", PAST);
        request.expect(200);
    }
);

s3_test!(
    source_if_none_match_outranks_if_modified_since,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_source(s3);
        let request = bucket
            .copy("source", "copy")
            .header("x-amz-copy-source-if-none-match", etag(b"body"))
            .header("x-amz-copy-source-if-modified-since", PAST);
        request.expect_error(412, "PreconditionFailed");
    }
);

s3_test!(
    destination_if_none_match_star_creates_only,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_source(s3);
        bucket
            .copy("source", "copy")
            .header("if-none-match", "*")
            .expect(200);
        bucket.put("copy", "mine").expect(200);
        bucket
            .copy("source", "copy")
            .header("if-none-match", "*")
            .expect_error(412, "PreconditionFailed");
        assert_eq!(bucket.read("copy"), b"mine");
    }
);

s3_test!(
    destination_if_match_replaces_that_etag_only,
    largest_body = 10,
    |s3: &S3| {
        let bucket = bucket_with_source(s3);
        bucket.put("copy", "mine").expect(200);
        bucket
            .copy("source", "copy")
            .header("if-match", OTHER)
            .expect_error(412, "PreconditionFailed");
        bucket
            .copy("source", "copy")
            .header("if-match", etag(b"mine"))
            .expect(200);
        assert_eq!(bucket.read("copy"), b"body");
    }
);

s3_test!(
    keeps_the_checksum_of_its_source,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let body = pattern(6, 100_000);
        bucket
            .put("source", body.clone())
            .header("x-amz-checksum-sha256", checksum_sha256(&body))
            .expect(200);
        for request in [
            bucket.copy("source", "copy"),
            bucket
                .copy("source", "copy")
                .header("x-amz-checksum-algorithm", "SHA256"),
        ] {
            let result = request.expect(200);
            let checksum = result.value("CopyObjectResult/ChecksumSHA256");
            assert_eq!(checksum, checksum_sha256(&body));
        }
    }
);

s3_test!(
    computes_a_checksum_that_its_source_lacks,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for length in [0, 10, 100_000] {
            let body = pattern(7, length);
            bucket.put("source", body.clone()).expect(200);
            let request = bucket.copy("source", "copy");
            let result = request.header("x-amz-checksum-algorithm", "SHA256").expect(200);
            let checksum = result.value("CopyObjectResult/ChecksumSHA256");
            assert_eq!(checksum, checksum_sha256(&body));
            let kind = result.value("CopyObjectResult/ChecksumType");
            assert_eq!(kind, "FULL_OBJECT");
            let request = bucket.get("copy").header("x-amz-checksum-mode", "ENABLED");
            let copy = request.expect(200);
            assert_eq!(copy.required("x-amz-checksum-sha256"), checksum);
            assert_eq!(copy.etag(), etag(&body));
            assert!(copy.body == body, "another body came back");
        }
    }
);

s3_test!(
    of_a_multipart_object_with_another_checksum_is_put_at_once,
    largest_body = 5_242_880,
    |s3: &S3| {
        let bucket = s3.bucket();
        let first = pattern(8, 5_242_880);
        let upload = bucket.begin_upload("source");
        let parts = [
            bucket.upload_part("source", &upload, 1, &first),
            bucket.upload_part("source", &upload, 2, b"tail"),
        ];
        bucket.complete("source", &upload, &parts).expect(200);
        let whole = [first.as_slice(), b"tail"].concat();
        let request = bucket.copy("source", "copy");
        let result = request.header("x-amz-checksum-algorithm", "SHA256").expect(200);
        assert_eq!(result.value("CopyObjectResult/ETag"), etag(&whole));
        let checksum = result.value("CopyObjectResult/ChecksumSHA256");
        assert_eq!(checksum, checksum_sha256(&whole));
        let part = bucket.head("copy").query("partNumber", 1).expect(206);
        assert_eq!(part.header("x-amz-mp-parts-count"), None);
        assert!(bucket.read("copy") == whole, "another body came back");
    }
);

s3_test!(
    onto_itself_gives_the_object_a_checksum,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for length in [10, 100_000] {
            let body = pattern(9, length);
            bucket
                .put("key", body.clone())
                .header("x-amz-meta-color", "red")
                .expect(200);
            bucket.copy("key", "shares").expect(200);
            let request = bucket.copy("key", "key");
            request.header("x-amz-checksum-algorithm", "SHA256").expect(200);
            let request = bucket.get("key").header("x-amz-checksum-mode", "ENABLED");
            let object = request.expect(200);
            let checksum = object.required("x-amz-checksum-sha256");
            assert_eq!(checksum, checksum_sha256(&body));
            assert_eq!(object.required("x-amz-meta-color"), "red");
            assert!(object.body == body, "another body came back");
            bucket.delete("key").expect(204);
            assert!(bucket.read("shares") == body, "the other copy lost its bytes");
        }
    }
);

s3_test!(refuses_an_unknown_algorithm, largest_body = 10, |s3: &S3| {
    let bucket = bucket_with_source(s3);
    let request = bucket.copy("source", "copy");
    request
        .header("x-amz-checksum-algorithm", "MD4")
        .expect_error(400, "InvalidRequest");
    bucket.get("copy").expect_error(404, "NoSuchKey");
});

s3_test!(
    takes_a_plus_in_the_source_for_a_space,
    largest_body = 10,
    |s3: &S3| {
        // As Java's URLEncoder writes a source.
        let bucket = s3.bucket();
        bucket.fill(&["test key.txt", "a+b"]);
        let copy = |source: String| bucket.object("PUT", "copy").header("x-amz-copy-source", source);
        copy(format!("{}%2Ftest+key.txt", bucket.name)).expect(200);
        assert_eq!(bucket.read("copy"), b"test key.txt");
        copy(format!("/{}/a%2Bb", bucket.name)).expect(200);
        assert_eq!(bucket.read("copy"), b"a+b");
        copy(format!("{}/a+b", bucket.name)).expect_error(404, "NoSuchKey");
    }
);
