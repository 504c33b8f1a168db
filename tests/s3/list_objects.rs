use bleepstore_tests::http::encoding::{etag, url_decode};
use bleepstore_tests::http::{Request, Response, S3};
use bleepstore_tests::s3_test;

const KEYS: &str = "ListBucketResult/Contents/Key";
const PREFIXES: &str = "ListBucketResult/CommonPrefixes/Prefix";

fn field(response: &Response, name: &str) -> String {
    response.value(&format!("ListBucketResult/{name}"))
}

/// Follows the listing to its end by `next`, and returns the keys and common prefixes of each page.
fn pages(first: &Request, next: impl Fn(&Response) -> String) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut request = first.clone();
    loop {
        let response = request.expect(200);
        let mut page = response.all(KEYS);
        page.extend(response.all(PREFIXES));
        pages.push(page);
        assert!(pages.len() < 100, "the listing does not end");
        if field(&response, "IsTruncated") == "false" {
            return pages;
        }
        request = first.clone().query("marker", next(&response));
    }
}

s3_test!(describes_every_object, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("key", "body").expect(200);
    let response = bucket.request("GET").expect(200);
    assert_eq!(response.required("content-type"), "application/xml");
    assert!(
        response
            .text()
            .contains("xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
    );
    assert_eq!(field(&response, "Name"), bucket.name);
    assert_eq!(field(&response, "Prefix"), "");
    assert_eq!(field(&response, "Marker"), "");
    assert_eq!(field(&response, "MaxKeys"), "1000");
    assert_eq!(field(&response, "IsTruncated"), "false");
    assert_eq!(field(&response, "Contents/Key"), "key");
    assert_eq!(field(&response, "Contents/ETag"), etag(b"body"));
    assert_eq!(field(&response, "Contents/Size"), "4");
    assert_eq!(field(&response, "Contents/StorageClass"), "STANDARD");
    assert!(field(&response, "Contents/LastModified").ends_with(".000Z"));
    assert_eq!(field(&response, "Contents/Owner/ID").len(), 64);
});

s3_test!(of_an_empty_bucket_is_empty, largest_body = 0, |s3: &S3| {
    let response = s3.bucket().request("GET").expect(200);
    assert_eq!(response.all(KEYS), [""; 0]);
    assert_eq!(field(&response, "IsTruncated"), "false");
});

s3_test!(needs_the_bucket, largest_body = 0, |s3: &S3| {
    s3.bucket_named(s3.unused_name())
        .request("GET")
        .expect_error(404, "NoSuchBucket");
});

s3_test!(filters_by_prefix, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "ab/1", "ab/2", "abc", "b"]);
    let response = bucket.request("GET").query("prefix", "ab").expect(200);
    assert_eq!(response.all(KEYS), ["ab/1", "ab/2", "abc"]);
    assert_eq!(field(&response, "Prefix"), "ab");
    assert_eq!(
        bucket
            .request("GET")
            .query("prefix", "")
            .expect(200)
            .all(KEYS)
            .len(),
        5
    );
});

s3_test!(folds_keys_at_the_delimiter, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "dir/1", "dir/2", "dir/sub/3", "other/4", "z"]);
    let response = bucket.request("GET").query("delimiter", "/").expect(200);
    assert_eq!(response.all(KEYS), ["a", "z"]);
    assert_eq!(response.all(PREFIXES), ["dir/", "other/"]);
    assert_eq!(field(&response, "Delimiter"), "/");
    let inside = bucket
        .request("GET")
        .query("delimiter", "/")
        .query("prefix", "dir/")
        .expect(200);
    assert_eq!(inside.all(KEYS), ["dir/1", "dir/2"]);
    assert_eq!(inside.all(PREFIXES), ["dir/sub/"]);
});

s3_test!(
    looks_for_the_delimiter_after_the_prefix_only,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["dir/", "dir/a", "dir/b/c"]);
        let response = bucket
            .request("GET")
            .query("delimiter", "/")
            .query("prefix", "dir")
            .expect(200);
        assert_eq!(response.all(KEYS), [""; 0]);
        assert_eq!(response.all(PREFIXES), ["dir/"]);
        let inside = bucket
            .request("GET")
            .query("delimiter", "/")
            .query("prefix", "dir/")
            .expect(200);
        assert_eq!(inside.all(KEYS), ["dir/", "dir/a"]);
    }
);

s3_test!(takes_delimiters_of_any_length, largest_body = 20, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a--b--c", "a--d", "a-b", "é中é", "x", "a--"]);
    let response = bucket.request("GET").query("delimiter", "--").expect(200);
    assert_eq!(response.all(KEYS), ["a-b", "x", "é中é"]);
    assert_eq!(response.all(PREFIXES), ["a--"]);
    assert_eq!(
        bucket
            .request("GET")
            .query("delimiter", "中")
            .expect(200)
            .all(PREFIXES),
        ["é中"]
    );
    assert_eq!(
        bucket
            .request("GET")
            .query("delimiter", "a--d")
            .expect(200)
            .all(PREFIXES),
        ["a--d"]
    );
});

s3_test!(takes_an_empty_delimiter_as_none, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a/b", "c"]);
    assert_eq!(
        bucket.request("GET").query("delimiter", "").expect(200).all(KEYS),
        ["a/b", "c"]
    );
});

s3_test!(starts_after_the_marker, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "b", "c"]);
    let response = bucket.request("GET").query("marker", "a").expect(200);
    assert_eq!(response.all(KEYS), ["b", "c"]);
    assert_eq!(field(&response, "Marker"), "a");
    assert_eq!(
        bucket.request("GET").query("marker", "aa").expect(200).all(KEYS),
        ["b", "c"]
    );
    assert_eq!(
        bucket.request("GET").query("marker", "z").expect(200).all(KEYS),
        [""; 0]
    );
});

s3_test!(
    with_a_marker_inside_a_folded_group_skips_the_group,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&[
            "folder/aSubfolder/subFile1",
            "folder/aSubfolder/subFile2",
            "folder/file1",
            "folder/file2",
        ]);
        let request = bucket
            .request("GET")
            .query("prefix", "folder/")
            .query("delimiter", "/")
            .query("max-keys", 1);
        for marker in [
            "folder/aSubfolder/subFile1",
            "folder/aSubfolder/",
            "folder/aSubfolder/0",
        ] {
            let response = request.clone().query("marker", marker).expect(200);
            assert_eq!(response.all(KEYS), ["folder/file1"], "{marker}");
            assert_eq!(response.all(PREFIXES), [""; 0], "{marker}");
            assert_eq!(field(&response, "NextMarker"), "folder/file1");
        }
        // Without the delimiter nothing is folded, and nothing skipped.
        let response = bucket
            .request("GET")
            .query("marker", "folder/aSubfolder/subFile1");
        let keys = response.expect(200).all(KEYS);
        assert_eq!(
            keys,
            ["folder/aSubfolder/subFile2", "folder/file1", "folder/file2"]
        );
    }
);

s3_test!(takes_empty_parameters_as_none, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "b"]);
    let request = bucket.request("GET").query("max-keys", "").query("marker", "");
    let response = request.expect(200);
    assert_eq!(response.all(KEYS), ["a", "b"]);
    assert_eq!(field(&response, "MaxKeys"), "1000");
});

s3_test!(
    with_a_marker_before_the_prefix_starts_at_the_prefix,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a", "p/1", "p/2", "q"]);
        let request = bucket.request("GET").query("prefix", "p/");
        assert_eq!(
            request.clone().query("marker", "a").expect(200).all(KEYS),
            ["p/1", "p/2"]
        );
        assert_eq!(
            request.clone().query("marker", "p/1").expect(200).all(KEYS),
            ["p/2"]
        );
        assert_eq!(request.query("marker", "q").expect(200).all(KEYS), [""; 0]);
    }
);

s3_test!(
    without_a_delimiter_continues_after_the_last_key,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a", "b", "c", "d", "e"]);
        let pages = pages(&bucket.request("GET").query("max-keys", 2), |response| {
            assert_eq!(response.optional("ListBucketResult/NextMarker"), None);
            response.all(KEYS).pop().unwrap()
        });
        assert_eq!(pages, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    }
);

s3_test!(
    with_a_delimiter_continues_after_next_marker,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a", "d/1", "d/2", "e/1", "e/2", "f"]);
        let next_marker = |response: &Response| field(response, "NextMarker");
        let first = bucket.request("GET").query("max-keys", 1).query("delimiter", "/");
        assert_eq!(pages(&first, next_marker), [["a"], ["d/"], ["e/"], ["f"]]);
        let response = first.query("marker", "a").expect(200);
        assert_eq!(next_marker(&response), "d/");
    }
);

s3_test!(
    of_exactly_max_keys_is_not_truncated,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a", "d/1", "d/2"]);
        let response = bucket
            .request("GET")
            .query("max-keys", 2)
            .query("delimiter", "/")
            .expect(200);
        assert_eq!(response.all(KEYS), ["a"]);
        assert_eq!(response.all(PREFIXES), ["d/"]);
        assert_eq!(field(&response, "IsTruncated"), "false");
        assert_eq!(response.optional("ListBucketResult/NextMarker"), None);
    }
);

s3_test!(counts_a_common_prefix_as_one_key, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["d/1", "d/2", "d/3", "e", "f"]);
    let response = bucket
        .request("GET")
        .query("max-keys", 2)
        .query("delimiter", "/")
        .expect(200);
    assert_eq!(response.all(PREFIXES), ["d/"]);
    assert_eq!(response.all(KEYS), ["e"]);
    assert_eq!(field(&response, "IsTruncated"), "true");
    assert_eq!(field(&response, "NextMarker"), "e");
});

s3_test!(of_no_keys_is_not_truncated, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "b"]);
    let response = bucket.request("GET").query("max-keys", 0).expect(200);
    assert_eq!(response.all(KEYS), [""; 0]);
    assert_eq!(field(&response, "MaxKeys"), "0");
    assert_eq!(field(&response, "IsTruncated"), "false");
});

s3_test!(answers_at_most_a_thousand_keys, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let mut connection = s3.connect();
    for number in 0..1_001 {
        let request = bucket.put(&format!("{number:04}"), "x").sign();
        connection.send(&request).assert_status(200);
    }
    for max_keys in ["1000", "1001", "2147483647"] {
        let response = bucket.request("GET").query("max-keys", max_keys).expect(200);
        assert_eq!(field(&response, "MaxKeys"), "1000");
        assert_eq!(response.all(KEYS).len(), 1_000);
        assert_eq!(field(&response, "IsTruncated"), "true");
    }
    // Of versions there are as many.
    let versions = bucket.request("GET").flag("versions").query("max-keys", 1_001);
    let versions = versions.expect(200);
    assert_eq!(versions.all("ListVersionsResult/Version/Key").len(), 1_000);
    assert_eq!(versions.value("ListVersionsResult/IsTruncated"), "true");
    assert_eq!(
        bucket
            .request("GET")
            .query("marker", "0999")
            .expect(200)
            .all(KEYS),
        ["1000"]
    );
});

s3_test!(refuses_max_keys_that_is_no_count, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    for max_keys in ["-1", "many", "1.5", "99999999999999999999"] {
        let error = bucket
            .request("GET")
            .query("max-keys", max_keys)
            .expect_error(400, "InvalidArgument");
        assert_eq!(error.field("ArgumentName"), "max-keys");
    }
});

s3_test!(orders_keys_by_their_utf8_bytes, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let ordered = [
        "A",
        "a",
        "a-",
        "a/",
        "a/é",
        "a0",
        "ab",
        "é",
        "中",
        "\u{ffff}",
        "\u{10000}",
    ];
    let mut shuffled = ordered;
    shuffled.reverse();
    bucket.fill(&shuffled);
    let response = bucket.request("GET").query("encoding-type", "url").expect(200);
    let keys: Vec<String> = response.all(KEYS).iter().map(|key| url_decode(key)).collect();
    assert_eq!(keys, ordered);
    let mut marker = String::new();
    for key in ordered {
        let request = bucket
            .request("GET")
            .query("encoding-type", "url")
            .query("max-keys", 1);
        let response = request.query("marker", &marker).expect(200);
        marker = url_decode(&response.value(KEYS));
        assert_eq!(marker, key);
    }
});

s3_test!(
    url_encodes_every_name_where_asked_to,
    largest_body = 20,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["p +/a\u{1}%", "p +/b c|d", "p +/é"]);
        let response = bucket
            .request("GET")
            .query("encoding-type", "url")
            .query("prefix", "p +/")
            .query("marker", "p +/a")
            .query("delimiter", "|")
            .query("max-keys", 2)
            .expect(200);
        assert_eq!(field(&response, "EncodingType"), "url");
        for (name, value) in [
            ("Prefix", "p +/"),
            ("Marker", "p +/a"),
            ("Delimiter", "|"),
            ("NextMarker", "p +/b c|"),
            ("Contents/Key", "p +/a\u{1}%"),
            ("CommonPrefixes/Prefix", "p +/b c|"),
        ] {
            let encoded = field(&response, name);
            assert!(
                encoded.is_ascii() && !encoded.contains([' ', '|', '\u{1}']),
                "{name}: {encoded}"
            );
            assert_eq!(url_decode(&encoded), value, "{name}");
        }
        assert!(field(&response, "Contents/Key").contains("%01%25"));
        assert_eq!(field(&response, "Prefix"), "p%20%2B/");
    }
);

s3_test!(
    leaves_names_alone_without_encoding_type,
    largest_body = 20,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a b+c%20é&<>\""]);
        let response = bucket.request("GET").expect(200);
        assert_eq!(response.value(KEYS), "a b+c%20é&<>\"");
        assert_eq!(response.optional("ListBucketResult/EncodingType"), None);
    }
);

s3_test!(keeps_white_space_in_keys, largest_body = 20, |s3: &S3| {
    let bucket = s3.bucket();
    let keys = ["  two  spaces  ", "carriage\rreturn", "line\nfeed", "tab\t"];
    bucket.fill(&keys);
    assert_eq!(bucket.request("GET").expect(200).all(KEYS), keys);
});

s3_test!(
    writes_characters_that_xml_forbids_as_references,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a\u{1}b", "c"]);
        let response = bucket.request("GET").expect(200);
        assert!(
            response.text().contains("<Key>a&#x1;b</Key>"),
            "{}",
            response.text()
        );
    }
);

s3_test!(refuses_an_unknown_encoding_type, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    for value in ["base64", "", "URL"] {
        for request in [
            bucket.request("GET"),
            bucket.list(),
            bucket.request("GET").flag("uploads"),
        ] {
            let error = request
                .query("encoding-type", value)
                .expect_error(400, "InvalidArgument");
            assert_eq!(error.field("ArgumentName"), "encoding-type");
            assert_eq!(error.message, "Invalid Encoding Method specified in Request");
        }
    }
});

s3_test!(
    refuses_a_list_type_that_does_not_exist,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .request("GET")
            .query("list-type", "3")
            .expect_error(400, "InvalidArgument");
    }
);

s3_test!(names_the_region, largest_body = 0, |s3: &S3| {
    let request = s3.bucket().request("GET");
    let region = &s3.endpoint.region;
    let listed = request.clone().expect(200);
    assert_eq!(listed.required("x-amz-bucket-region"), region);
    let refused = request.clone().anonymous().expect_error(403, "AccessDenied");
    assert_eq!(refused.response.required("x-amz-bucket-region"), region);
    let elsewhere = request.region("mars-north-1").send().assert_status(400);
    assert_eq!(elsewhere.required("x-amz-bucket-region"), region);
});
