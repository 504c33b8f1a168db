use std::fmt::Write as _;

use bleepstore_tests::http::chunked::{self, UNSIGNED_TRAILER};
use bleepstore_tests::http::encoding::{checksum_crc32, content_md5, etag};
use bleepstore_tests::http::{Bucket, Request, S3};
use bleepstore_tests::s3_test;

/// A Delete document that lists these `Object` elements' contents.
fn document(objects: &[&str], quiet: bool) -> String {
    let mut document = String::from("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    if quiet {
        document.push_str("<Quiet>true</Quiet>");
    }
    for object in objects {
        write!(document, "<Object>{object}</Object>").unwrap();
    }
    document + "</Delete>"
}

pub(crate) fn delete(bucket: &Bucket, document: &str) -> Request {
    bucket
        .request("POST")
        .flag("delete")
        .header("content-md5", content_md5(document.as_bytes()))
        .body(document)
}

s3_test!(removes_and_lists_every_key, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "b", "c"]);
    let response = delete(&bucket, &document(&["<Key>a</Key>", "<Key>b</Key>"], false)).expect(200);
    let mut deleted = response.all("DeleteResult/Deleted/Key");
    deleted.sort();
    assert_eq!(deleted, ["a", "b"]);
    assert_eq!(
        bucket.list().expect(200).all("ListBucketResult/Contents/Key"),
        ["c"]
    );
});

s3_test!(
    counts_an_absent_key_as_deleted,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let response = delete(&bucket, &document(&["<Key>never there</Key>"], false)).expect(200);
        assert_eq!(response.value("DeleteResult/Deleted/Key"), "never there");
    }
);

s3_test!(
    in_quiet_mode_lists_only_errors,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a", "b"]);
        let wrong = format!("<Key>b</Key><ETag>{}</ETag>", etag(b"other"));
        let response = delete(&bucket, &document(&["<Key>a</Key>", &wrong], true)).expect(200);
        assert_eq!(response.all("DeleteResult/Deleted/Key"), [""; 0]);
        assert_eq!(response.value("DeleteResult/Error/Key"), "b");
        bucket.get("a").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    with_an_etag_removes_that_etag_only,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["right", "wrong"]);
        let right = format!("<Key>right</Key><ETag>{}</ETag>", etag(b"right"));
        let wrong = format!("<Key>wrong</Key><ETag>{}</ETag>", etag(b"other"));
        let response = delete(&bucket, &document(&[&right, &wrong], false)).expect(200);
        assert_eq!(response.value("DeleteResult/Deleted/Key"), "right");
        assert_eq!(response.value("DeleteResult/Error/Key"), "wrong");
        assert_eq!(response.value("DeleteResult/Error/Code"), "PreconditionFailed");
        assert!(!response.value("DeleteResult/Error/Message").is_empty());
        assert_eq!(bucket.read("wrong"), b"wrong");
    }
);

s3_test!(
    names_the_version_in_an_error_about_it,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let version = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD";
        let wrong = format!("<Key>key</Key><VersionId>{version}</VersionId>");
        let response = delete(&bucket, &document(&[&wrong], false)).expect(200);
        assert_eq!(response.value("DeleteResult/Error/Key"), "key");
        assert_eq!(response.value("DeleteResult/Error/Code"), "NoSuchVersion");
        assert_eq!(response.value("DeleteResult/Error/VersionId"), version);
        let message = response.value("DeleteResult/Error/Message");
        assert_eq!(message, "The specified version does not exist.");
        assert_eq!(bucket.read("key"), b"key");
        let wrong = format!("<Key>key</Key><ETag>{}</ETag>", etag(b"other"));
        let response = delete(&bucket, &document(&[&wrong], false)).expect(200);
        assert_eq!(response.optional("DeleteResult/Error/VersionId"), None);
    }
);

s3_test!(reads_escaped_keys, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a<b>&\"c", "é 中", "tab\tline\nend"]);
    let keys = [
        "<Key>a&lt;b&gt;&amp;&quot;c</Key>",
        "<Key>&#xE9; 中</Key>",
        "<Key>tab&#9;line&#xA;end</Key>",
    ];
    let response = delete(&bucket, &document(&keys, false)).expect(200);
    let mut deleted = response.all("DeleteResult/Deleted/Key");
    deleted.sort();
    assert_eq!(deleted, ["a<b>&\"c", "tab\tline\nend", "é 中"]);
    assert_eq!(bucket.list().expect(200).value("ListBucketResult/KeyCount"), "0");
});

s3_test!(takes_a_thousand_keys, largest_body = 100_000, |s3: &S3| {
    let bucket = s3.bucket();
    let keys: Vec<String> = (0..1_000).map(|number| format!("<Key>{number}</Key>")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let response = delete(&bucket, &document(&keys, false)).expect(200);
    assert_eq!(response.all("DeleteResult/Deleted/Key").len(), 1_000);
});

s3_test!(
    refuses_more_than_a_thousand_keys,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        delete(&bucket, &document(&["<Key>key</Key>"; 1_001], false)).expect_error(400, "MalformedXML");
        assert_eq!(bucket.read("key"), b"key");
    }
);

s3_test!(
    refuses_a_document_of_another_form,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for document in [
            "<Delete>",
            "<Delete></Delete>",
            "<Delete><Object></Object></Delete>",
            "<Delete><Object><Key></Key></Object></Delete>",
            "<Other><Object><Key>a</Key></Object></Other>",
            "{\"Delete\": []}",
        ] {
            delete(&bucket, document).expect_error(400, "MalformedXML");
        }
    }
);

s3_test!(refuses_an_empty_body, largest_body = 0, |s3: &S3| {
    delete(&s3.bucket(), "").expect_error(400, "MissingRequestBodyError");
});

s3_test!(needs_a_digest_of_the_document, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let document = document(&["<Key>key</Key>"], false);
    let request = bucket.request("POST").flag("delete").body(document.as_str());
    request.clone().expect_error(400, "InvalidRequest");
    assert_eq!(bucket.read("key"), b"key");
    request
        .header("x-amz-checksum-crc32", checksum_crc32(document.as_bytes()))
        .expect(200);
    bucket.get("key").expect_error(404, "NoSuchKey");
});

s3_test!(
    takes_a_checksum_of_every_algorithm,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let document = document(&["<Key>key</Key>"], false);
        bucket.put("document", document.as_str()).expect(200);
        for algorithm in [
            "CRC32",
            "CRC32C",
            "CRC64NVME",
            "SHA1",
            "SHA256",
            "SHA512",
            "MD5",
            "XXHASH64",
            "XXHASH3",
            "XXHASH128",
        ] {
            bucket.fill(&["key"]);
            // A copy tells the checksum of any bytes.
            let copy = bucket.copy("document", "copy");
            let copied = copy.header("x-amz-checksum-algorithm", algorithm).expect(200);
            let checksum = copied.value(&format!("CopyObjectResult/Checksum{algorithm}"));
            let name = format!("x-amz-checksum-{}", algorithm.to_lowercase());
            let request = bucket.request("POST").flag("delete");
            request
                .header(&name, checksum)
                .body(document.as_str())
                .expect(200);
            bucket.get("key").expect_error(404, "NoSuchKey");
        }
    }
);

s3_test!(takes_a_checksum_in_a_trailer, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let document = document(&["<Key>key</Key>"], false);
    let name = "x-amz-checksum-crc32";
    for (of, status) in [("another document", 400), (document.as_str(), 200)] {
        let checksum = checksum_crc32(of.as_bytes());
        let request = bucket
            .request("POST")
            .flag("delete")
            .payload_hash(UNSIGNED_TRAILER);
        request
            .header("x-amz-decoded-content-length", document.len())
            .header("x-amz-trailer", name)
            .body(chunked::unsigned(&[document.as_bytes()], name, &checksum))
            .expect(status);
    }
    bucket.get("key").expect_error(404, "NoSuchKey");
});

s3_test!(
    verifies_the_digest_of_the_document,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let request = bucket
            .request("POST")
            .flag("delete")
            .body(document(&["<Key>key</Key>"], false));
        request
            .clone()
            .header("content-md5", content_md5(b"other"))
            .expect_error(400, "BadDigest");
        request
            .header("x-amz-checksum-crc32", checksum_crc32(b"other"))
            .expect_error(400, "BadDigest");
        assert_eq!(bucket.read("key"), b"key");
    }
);

s3_test!(needs_the_bucket, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    delete(&bucket, &document(&["<Key>a</Key>"], false)).expect_error(404, "NoSuchBucket");
});
