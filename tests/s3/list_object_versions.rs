use bleepstore_tests::http::{Bucket, Request, Response, S3};
use bleepstore_tests::s3_test;

use crate::versioning::{set, version, versioned};

fn list(bucket: &Bucket) -> Request {
    bucket.request("GET").flag("versions")
}

fn field(response: &Response, name: &str) -> Option<String> {
    response.optional(&format!("ListVersionsResult/{name}"))
}

fn keys(response: &Response) -> Vec<String> {
    response.all("ListVersionsResult/Version/Key")
}

s3_test!(
    shows_what_a_bucket_without_versions_has,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a", "b"]);
        let response = list(&bucket).expect(200);
        assert_eq!(keys(&response), ["a", "b"]);
        assert_eq!(
            response.all("ListVersionsResult/Version/VersionId"),
            ["null", "null"]
        );
        assert_eq!(
            response.all("ListVersionsResult/Version/IsLatest"),
            ["true", "true"]
        );
        for (name, value) in [
            ("Name", bucket.name.as_str()),
            ("Prefix", ""),
            ("KeyMarker", ""),
            ("VersionIdMarker", ""),
        ] {
            assert_eq!(field(&response, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(field(&response, "MaxKeys").as_deref(), Some("1000"));
        assert_eq!(field(&response, "IsTruncated").as_deref(), Some("false"));
        for name in [
            "NextKeyMarker",
            "NextVersionIdMarker",
            "Delimiter",
            "EncodingType",
        ] {
            assert_eq!(field(&response, name), None, "{name}");
        }
    }
);

s3_test!(shows_what_each_version_is, largest_body = 10, |s3: &S3| {
    let bucket = versioned(s3);
    let put = bucket.put("key", "body").expect(200);
    let marker = version(&bucket.delete("key").expect(204));
    let response = list(&bucket).expect(200);
    let of = |field: &str| response.value(&format!("ListVersionsResult/Version/{field}"));
    assert_eq!(of("ETag"), put.etag());
    assert_eq!(
        (of("Size"), of("StorageClass"), of("IsLatest")),
        ("4".into(), "STANDARD".into(), "false".into())
    );
    assert_eq!(of("VersionId"), version(&put));
    assert_eq!(of("ChecksumAlgorithm"), "CRC64NVME");
    assert!(!of("Owner/ID").is_empty() && of("LastModified").ends_with(".000Z"));
    let of = |field: &str| response.optional(&format!("ListVersionsResult/DeleteMarker/{field}"));
    assert_eq!(
        (of("VersionId"), of("IsLatest")),
        (Some(marker), Some("true".to_owned()))
    );
    assert_eq!((of("ETag"), of("Size"), of("StorageClass")), (None, None, None));
});

s3_test!(
    goes_on_after_the_last_entry_of_a_page,
    largest_body = 10,
    |s3: &S3| {
        let bucket = versioned(s3);
        let mut ids = Vec::new();
        for key in ["a", "b", "c"] {
            let of_key: Vec<String> = (0..5)
                .map(|_| version(&bucket.put(key, "x").expect(200)))
                .collect();
            ids.extend(of_key.into_iter().rev().map(|id| (key.to_owned(), id)));
        }
        for limit in [1, 2, 4, 7, 15] {
            let (mut found, mut next) = (Vec::new(), None);
            loop {
                let mut request = list(&bucket).query("max-keys", limit);
                if let Some((key, id)) = &next {
                    request = request.query("key-marker", key).query("version-id-marker", id);
                }
                let response = request.expect(200);
                let shown = response.all("ListVersionsResult/Version/VersionId");
                assert!(shown.len() <= limit);
                found.extend(keys(&response).into_iter().zip(shown));
                if field(&response, "IsTruncated").as_deref() == Some("false") {
                    assert_eq!(field(&response, "NextKeyMarker"), None);
                    break;
                }
                let last = found.last().cloned().unwrap();
                next = field(&response, "NextKeyMarker").zip(field(&response, "NextVersionIdMarker"));
                assert_eq!(next, Some(last));
            }
            assert_eq!(found, ids, "{limit} at once");
        }
        // A key alone stands for all of its versions.
        let rest = list(&bucket).query("key-marker", "a").expect(200);
        assert_eq!(keys(&rest).len(), 10);
        // The version may be gone by now.
        bucket.delete("b").query("versionId", &ids[6].1).expect(204);
        let rest = list(&bucket)
            .query("key-marker", "b")
            .query("version-id-marker", &ids[6].1);
        assert_eq!(
            rest.expect(200).all("ListVersionsResult/Version/VersionId")[0],
            ids[7].1
        );
        // So may the version `null`, which has no place in its name: then all that is left is shown.
        set(&bucket, "Suspended").expect(200);
        bucket.put("d", "null").expect(200);
        let page = list(&bucket)
            .query("prefix", "d")
            .query("max-keys", 1)
            .expect(200);
        assert_eq!(keys(&page), ["d"]);
        let after_null = || {
            list(&bucket)
                .query("key-marker", "d")
                .query("version-id-marker", "null")
        };
        assert_eq!(keys(&after_null().expect(200)), [""; 0]);
        bucket.put("a", "null").expect(200);
        bucket.delete("a").query("versionId", "null").expect(204);
        let rest = list(&bucket)
            .query("prefix", "a")
            .query("key-marker", "a")
            .query("version-id-marker", "null");
        assert_eq!(keys(&rest.expect(200)), ["a"; 5]);
    }
);

s3_test!(folds_keys_into_common_prefixes, largest_body = 10, |s3: &S3| {
    let bucket = versioned(s3);
    for key in ["a/1", "a/2", "b", "c/1"] {
        bucket.put(key, "1").expect(200);
        bucket.put(key, "2").expect(200);
    }
    bucket.delete("c/1").expect(204);
    let response = list(&bucket).query("delimiter", "/").expect(200);
    assert_eq!(
        response.all("ListVersionsResult/CommonPrefixes/Prefix"),
        ["a/", "c/"]
    );
    assert_eq!(keys(&response), ["b", "b"]);
    let page = list(&bucket)
        .query("delimiter", "/")
        .query("max-keys", 1)
        .expect(200);
    assert_eq!(field(&page, "NextKeyMarker").as_deref(), Some("a/"));
    assert_eq!(field(&page, "NextVersionIdMarker"), None);
    let rest = list(&bucket)
        .query("delimiter", "/")
        .query("key-marker", "a/")
        .expect(200);
    assert_eq!(rest.all("ListVersionsResult/CommonPrefixes/Prefix"), ["c/"]);
    let within = list(&bucket)
        .query("prefix", "a/")
        .query("delimiter", "/")
        .expect(200);
    assert_eq!(keys(&within), ["a/1", "a/1", "a/2", "a/2"]);
});

s3_test!(takes_limits_as_s3_does, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a"]);
    let none = list(&bucket).query("max-keys", 0).expect(200);
    assert_eq!(
        (keys(&none).len(), field(&none, "IsTruncated").as_deref()),
        (0, Some("false"))
    );
    let many = list(&bucket).query("max-keys", 2_147_483_647).expect(200);
    assert_eq!(field(&many, "MaxKeys").as_deref(), Some("2147483647"));
    list(&bucket).query("max-keys", "").expect(200);
    for (limit, message) in [
        ("-1", "max-keys cannot be negative"),
        ("abc", "Provided max-keys not an integer or within integer range"),
        (
            "2147483648",
            "Provided max-keys not an integer or within integer range",
        ),
    ] {
        let error = list(&bucket)
            .query("max-keys", limit)
            .expect_error(400, "InvalidArgument");
        assert_eq!(error.message, message);
    }
});

s3_test!(refuses_markers_that_are_none, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    for (key, id, message) in [
        (
            None,
            "null",
            "A version-id marker cannot be specified without a key marker.",
        ),
        (
            None,
            "",
            "A version-id marker cannot be specified without a key marker.",
        ),
        (Some("a"), "", "A version-id marker cannot be empty."),
        (Some("a"), "abc", "Invalid version id specified"),
        (Some(""), "abc", "Invalid version id specified"),
    ] {
        let mut request = list(&bucket).query("version-id-marker", id);
        if let Some(key) = key {
            request = request.query("key-marker", key);
        }
        let error = request.expect_error(400, "InvalidArgument");
        assert_eq!(
            (error.message.as_str(), error.field("ArgumentName")),
            (message, "version-id-marker")
        );
    }
    list(&bucket)
        .query("encoding-type", "x")
        .expect_error(400, "InvalidArgument");
    list(&bucket)
        .query("key-marker", "a")
        .query("version-id-marker", "null")
        .expect(200);
});

s3_test!(
    goes_on_after_a_version_within_its_prefix_only,
    largest_body = 10,
    |s3: &S3| {
        let bucket = versioned(s3);
        for key in ["a", "b"] {
            bucket.put(key, "older").expect(200);
        }
        let newest = version(&bucket.put("a", "newer").expect(200));
        let after = |prefix: &str| {
            let request = list(&bucket).query("prefix", prefix);
            let request = request.query("key-marker", "a");
            keys(&request.query("version-id-marker", &newest).expect(200))
        };
        assert_eq!(after("b"), ["b"]);
        assert_eq!(after("a"), ["a"]);
        assert_eq!(after(""), ["a", "b"]);
    }
);

s3_test!(url_encodes_names_where_asked_to, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a b", "a+c"]);
    let response = list(&bucket)
        .query("encoding-type", "url")
        .query("max-keys", 1)
        .expect(200);
    assert_eq!(keys(&response), ["a%20b"]);
    assert_eq!(field(&response, "NextKeyMarker").as_deref(), Some("a%20b"));
    assert_eq!(field(&response, "EncodingType").as_deref(), Some("url"));
});

s3_test!(
    needs_the_bucket_and_the_right_to_list_it,
    largest_body = 0,
    |s3: &S3| {
        list(&s3.bucket_named(s3.unused_name())).expect_error(404, "NoSuchBucket");
        let bucket = s3.bucket();
        list(&bucket).anonymous().expect_error(403, "AccessDenied");
        bucket.put_acl("public-read").expect(200);
        list(&bucket).anonymous().expect(200);
    }
);
