use bleepstore_tests::http::encoding::url_decode;
use bleepstore_tests::http::{Request, Response, S3};
use bleepstore_tests::s3_test;

const KEYS: &str = "ListBucketResult/Contents/Key";
const PREFIXES: &str = "ListBucketResult/CommonPrefixes/Prefix";

fn field(response: &Response, name: &str) -> String {
    response.value(&format!("ListBucketResult/{name}"))
}

/// Follows the listing to its end and returns the keys and common prefixes of each page.
fn pages(first: &Request) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut request = first.clone();
    loop {
        let response = request.expect(200);
        let mut page = response.all(KEYS);
        page.extend(response.all(PREFIXES));
        assert_eq!(field(&response, "KeyCount"), page.len().to_string());
        pages.push(page);
        assert!(pages.len() < 100, "the listing does not end");
        let token = response.optional("ListBucketResult/NextContinuationToken");
        assert_eq!(field(&response, "IsTruncated"), token.is_some().to_string());
        match token {
            Some(token) => request = first.clone().query("continuation-token", token),
            None => return pages,
        }
    }
}

s3_test!(describes_the_listing, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "b", "c/d"]);
    let response = bucket
        .list()
        .query("prefix", "")
        .query("delimiter", "/")
        .query("start-after", "a")
        .expect(200);
    assert_eq!(field(&response, "Name"), bucket.name);
    assert_eq!(field(&response, "Prefix"), "");
    assert_eq!(field(&response, "Delimiter"), "/");
    assert_eq!(field(&response, "StartAfter"), "a");
    assert_eq!(field(&response, "MaxKeys"), "1000");
    assert_eq!(field(&response, "KeyCount"), "2");
    assert_eq!(field(&response, "IsTruncated"), "false");
    assert_eq!(response.all(KEYS), ["b"]);
    assert_eq!(response.all(PREFIXES), ["c/"]);
    assert_eq!(response.optional("ListBucketResult/Marker"), None);
});

s3_test!(pages_through_keys, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "b", "c", "d", "e"]);
    let pages = pages(&bucket.list().query("max-keys", 2));
    assert_eq!(pages, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
});

s3_test!(pages_through_common_prefixes, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "d/1", "d/2", "e/1", "e/2", "f"]);
    let pages = pages(&bucket.list().query("max-keys", 1).query("delimiter", "/"));
    assert_eq!(pages, [["a"], ["d/"], ["e/"], ["f"]]);
});

s3_test!(pages_within_a_prefix, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["o", "p/1", "p/2/x", "p/2/y", "p/3", "q"]);
    let pages = pages(
        &bucket
            .list()
            .query("max-keys", 2)
            .query("delimiter", "/")
            .query("prefix", "p/"),
    );
    assert_eq!(pages, [vec!["p/1", "p/2/"], vec!["p/3"]]);
});

s3_test!(
    pages_over_keys_that_differ_in_control_characters,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let keys = [
            "a",
            "a\u{1}",
            "a\u{1}\u{1}",
            "a\u{7f}",
            "a\u{fffd}",
            "a\u{10ffff}",
            "b",
        ];
        bucket.fill(&keys);
        let pages = pages(&bucket.list().query("max-keys", 1).query("encoding-type", "url"));
        let listed: Vec<String> = pages.iter().flatten().map(|key| url_decode(key)).collect();
        assert_eq!(listed, keys);
    }
);

s3_test!(
    echoes_the_token_and_ignores_start_after_beside_it,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a", "b", "c", "d"]);
        let token = field(
            &bucket.list().query("max-keys", 1).expect(200),
            "NextContinuationToken",
        );
        let response = bucket
            .list()
            .query("continuation-token", &token)
            .query("start-after", "c")
            .expect(200);
        assert_eq!(response.all(KEYS), ["b", "c", "d"]);
        assert_eq!(field(&response, "ContinuationToken"), token);
        assert_eq!(response.optional("ListBucketResult/StartAfter"), None);
    }
);

s3_test!(
    refuses_a_token_that_it_did_not_give,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for token in ["", "not a token", "AAAA", "é"] {
            bucket
                .list()
                .query("continuation-token", token)
                .expect_error(400, "InvalidArgument");
        }
    }
);

s3_test!(takes_empty_parameters_as_none, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "b"]);
    let response = bucket
        .list()
        .query("max-keys", "")
        .query("start-after", "")
        .query("prefix", "")
        .query("delimiter", "")
        .expect(200);
    assert_eq!(response.all(KEYS), ["a", "b"]);
    assert_eq!(field(&response, "MaxKeys"), "1000");
    assert_eq!(response.optional("ListBucketResult/StartAfter"), None);
});

s3_test!(
    starts_after_a_key_that_need_not_be_there,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a", "b", "c"]);
        assert_eq!(
            bucket.list().query("start-after", "a").expect(200).all(KEYS),
            ["b", "c"]
        );
        assert_eq!(
            bucket.list().query("start-after", "bb").expect(200).all(KEYS),
            ["c"]
        );
    }
);

s3_test!(
    start_after_inside_a_common_prefix_still_lists_it,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["d/1", "d/2", "e/1"]);
        let request = bucket.list().query("delimiter", "/");
        assert_eq!(
            request
                .clone()
                .query("start-after", "d/1")
                .expect(200)
                .all(PREFIXES),
            ["d/", "e/"]
        );
        assert_eq!(
            request.query("start-after", "d/2").expect(200).all(PREFIXES),
            ["e/"]
        );
    }
);

s3_test!(names_owners_only_where_asked_to, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a"]);
    let owner = "ListBucketResult/Contents/Owner/ID";
    assert_eq!(bucket.list().expect(200).optional(owner), None);
    assert_eq!(
        bucket
            .list()
            .query("fetch-owner", "false")
            .expect(200)
            .optional(owner),
        None
    );
    assert_eq!(
        bucket
            .list()
            .query("fetch-owner", "true")
            .expect(200)
            .value(owner)
            .len(),
        64
    );
});

s3_test!(of_no_keys_is_not_truncated, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a"]);
    let response = bucket.list().query("max-keys", 0).expect(200);
    assert_eq!(field(&response, "KeyCount"), "0");
    assert_eq!(field(&response, "MaxKeys"), "0");
    assert_eq!(field(&response, "IsTruncated"), "false");
});

s3_test!(
    url_encodes_every_name_where_asked_to,
    largest_body = 20,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["p +/a\u{1}%", "p +/b c|d"]);
        let response = bucket
            .list()
            .query("encoding-type", "url")
            .query("prefix", "p +/")
            .query("start-after", "p +/a")
            .query("delimiter", "|")
            .expect(200);
        assert_eq!(field(&response, "EncodingType"), "url");
        for (name, value) in [
            ("Prefix", "p +/"),
            ("StartAfter", "p +/a"),
            ("Delimiter", "|"),
            ("Contents/Key", "p +/a\u{1}%"),
            ("CommonPrefixes/Prefix", "p +/b c|"),
        ] {
            let encoded = field(&response, name);
            assert!(
                encoded.is_ascii() && !encoded.contains([' ', '|']),
                "{name}: {encoded}"
            );
            assert_eq!(url_decode(&encoded), value, "{name}");
        }
    }
);

s3_test!(sees_every_write_at_once, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    for key in ["a", "b", "c"] {
        bucket.put(key, key).expect(200);
        assert_eq!(bucket.list().query("prefix", key).expect(200).all(KEYS), [key]);
        bucket.delete(key).expect(204);
        assert_eq!(bucket.list().expect(200).all(KEYS), [""; 0]);
    }
});

s3_test!(refuses_another_list_type, largest_body = 0, |s3: &S3| {
    s3.bucket()
        .request("GET")
        .query("list-type", 3)
        .expect_error(400, "InvalidArgument");
});

s3_test!(needs_the_bucket, largest_body = 0, |s3: &S3| {
    s3.bucket_named(s3.unused_name())
        .list()
        .expect_error(404, "NoSuchBucket");
});

s3_test!(names_the_region, largest_body = 0, |s3: &S3| {
    let request = s3.bucket().request("GET").query("list-type", 2);
    let region = &s3.endpoint.region;
    let listed = request.clone().expect(200);
    assert_eq!(listed.required("x-amz-bucket-region"), region);
    let refused = request.clone().anonymous().expect_error(403, "AccessDenied");
    assert_eq!(refused.response.required("x-amz-bucket-region"), region);
    let elsewhere = request.region("mars-north-1").send().assert_status(400);
    assert_eq!(elsewhere.required("x-amz-bucket-region"), region);
});
