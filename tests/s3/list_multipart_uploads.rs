use std::time::{Duration, SystemTime};

use bleepstore_tests::http::encoding::url_decode;
use bleepstore_tests::http::{Request, Response, S3};
use bleepstore_tests::s3_test;

const KEYS: &str = "ListMultipartUploadsResult/Upload/Key";
const IDS: &str = "ListMultipartUploadsResult/Upload/UploadId";
const PREFIXES: &str = "ListMultipartUploadsResult/CommonPrefixes/Prefix";

fn field(response: &Response, name: &str) -> String {
    response.value(&format!("ListMultipartUploadsResult/{name}"))
}

/// Follows the listing to its end and returns the keys and common prefixes of each page.
fn pages(first: &Request) -> Vec<Vec<String>> {
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
        request = first
            .clone()
            .query("key-marker", field(&response, "NextKeyMarker"))
            .query("upload-id-marker", field(&response, "NextUploadIdMarker"));
    }
}

s3_test!(describes_every_upload, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let upload = bucket.begin_upload("a key");
    let response = bucket.request("GET").flag("uploads").expect(200);
    assert_eq!(field(&response, "Bucket"), bucket.name);
    assert_eq!(field(&response, "KeyMarker"), "");
    assert_eq!(field(&response, "UploadIdMarker"), "");
    // What was not asked for is left out; where to go on is always said.
    for name in ["Prefix", "Delimiter", "EncodingType"] {
        let path = format!("ListMultipartUploadsResult/{name}");
        assert_eq!(response.optional(&path), None);
    }
    assert_eq!(field(&response, "NextKeyMarker"), "a key");
    assert_eq!(field(&response, "NextUploadIdMarker"), upload);
    assert_eq!(field(&response, "MaxUploads"), "1000");
    assert_eq!(field(&response, "IsTruncated"), "false");
    assert_eq!(field(&response, "Upload/Key"), "a key");
    assert_eq!(field(&response, "Upload/UploadId"), upload);
    assert_eq!(field(&response, "Upload/Owner/ID").len(), 64);
    assert_eq!(field(&response, "Upload/Initiator/ID").len(), 64);
    assert_eq!(field(&response, "Upload/StorageClass"), "STANDARD");
    assert!(field(&response, "Upload/Initiated").ends_with(".000Z"));
});

/// Returns once the clock has moved: uploads that begin within one millisecond have no order between them.
fn next_millisecond() {
    let begun = SystemTime::now();
    while begun
        .elapsed()
        .is_ok_and(|elapsed| elapsed < Duration::from_millis(1))
    {
        std::thread::yield_now();
    }
}

s3_test!(
    orders_uploads_by_key_and_then_by_initiation,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let late_key = bucket.begin_upload("b");
        let mut ids: Vec<String> = Vec::new();
        for _ in 0..3 {
            ids.push(bucket.begin_upload("a"));
            next_millisecond();
        }
        ids.push(late_key);
        assert_eq!(bucket.request("GET").flag("uploads").expect(200).all(IDS), ids);
    }
);

s3_test!(pages_within_one_key, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let mut ids: Vec<String> = (0..3).map(|_| bucket.begin_upload("key")).collect();
    let request = bucket.request("GET").flag("uploads").query("max-uploads", 1);
    let mut response = request.clone().expect(200);
    let mut listed = response.all(IDS);
    while field(&response, "IsTruncated") == "true" {
        assert_eq!(field(&response, "NextKeyMarker"), "key");
        let marker = field(&response, "NextUploadIdMarker");
        assert_eq!(marker, field(&response, "Upload/UploadId"));
        response = request
            .clone()
            .query("key-marker", "key")
            .query("upload-id-marker", &marker)
            .expect(200);
        assert_eq!(field(&response, "UploadIdMarker"), marker);
        listed.extend(response.all(IDS));
    }
    ids.sort();
    listed.sort();
    assert_eq!(listed, ids);
});

s3_test!(
    with_a_key_marker_alone_starts_after_all_uploads_of_that_key,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for key in ["a", "a", "b", "c"] {
            bucket.begin_upload(key);
        }
        let response = bucket
            .request("GET")
            .flag("uploads")
            .query("key-marker", "a")
            .expect(200);
        assert_eq!(response.all(KEYS), ["b", "c"]);
        assert_eq!(field(&response, "KeyMarker"), "a");
    }
);

s3_test!(
    ignores_an_upload_id_marker_without_a_key_marker,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let upload = bucket.begin_upload("a");
        let response = bucket
            .request("GET")
            .flag("uploads")
            .query("upload-id-marker", &upload)
            .expect(200);
        assert_eq!(response.all(IDS), [upload]);
        assert_eq!(field(&response, "UploadIdMarker"), "");
    }
);

s3_test!(
    refuses_an_upload_id_marker_of_another_key,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let (first, other) = (bucket.begin_upload("a"), bucket.begin_upload("b"));
        bucket.begin_upload("c");
        let listed = |id: &str| {
            let request = bucket.request("GET").flag("uploads");
            request.query("key-marker", "a").query("upload-id-marker", id)
        };
        for id in [other.as_str(), "no-id"] {
            let error = listed(id).expect_error(400, "InvalidArgument");
            assert_eq!(error.message, "Invalid uploadId marker");
            assert_eq!(error.field("ArgumentName"), "upload-id-marker");
            assert_eq!(error.field("ArgumentValue"), id);
        }
        assert_eq!(listed(&first).expect(200).all(KEYS), ["b", "c"]);
        // An upload that has ended since the page before still tells where to go on.
        bucket.abort("a", &first).expect(204);
        assert_eq!(listed(&first).expect(200).all(KEYS), ["b", "c"]);
    }
);

s3_test!(
    names_the_last_upload_also_where_the_listing_is_whole,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let request = bucket.request("GET").flag("uploads");
        let markers = |response: &Response| {
            let next = ["NextKeyMarker", "NextUploadIdMarker"];
            next.map(|name| field(response, name))
        };
        assert_eq!(markers(&request.clone().expect(200)), ["", ""]);
        bucket.begin_upload("a/1");
        let last = bucket.begin_upload("b");
        assert_eq!(markers(&request.clone().expect(200)), ["b".to_owned(), last]);
        let folded = request.query("delimiter", "/").query("prefix", "a");
        assert_eq!(markers(&folded.expect(200)), ["", ""]);
    }
);

s3_test!(
    with_a_key_marker_inside_a_folded_group_skips_the_group,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for key in ["folder/sub/1", "folder/sub/2", "folder/z1", "folder/z2"] {
            bucket.begin_upload(key);
        }
        for marker in ["folder/sub/1", "folder/sub/"] {
            let response = bucket
                .request("GET")
                .flag("uploads")
                .query("prefix", "folder/")
                .query("delimiter", "/")
                .query("max-uploads", 1)
                .query("key-marker", marker)
                .expect(200);
            assert_eq!(response.all(KEYS), ["folder/z1"], "{marker}");
            assert_eq!(response.all(PREFIXES), [""; 0], "{marker}");
        }
    }
);

s3_test!(takes_empty_parameters_as_none, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.begin_upload("a");
    let request = bucket.request("GET").flag("uploads");
    let request = request.query("max-uploads", "").query("key-marker", "");
    let response = request.query("upload-id-marker", "").expect(200);
    assert_eq!(response.all(KEYS), ["a"]);
    assert_eq!(field(&response, "MaxUploads"), "1000");
});

s3_test!(
    filters_by_prefix_and_folds_at_the_delimiter,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for key in ["a", "p/1", "p/d/2", "p/d/3", "p/e/4", "q"] {
            bucket.begin_upload(key);
        }
        let request = bucket
            .request("GET")
            .flag("uploads")
            .query("prefix", "p/")
            .query("delimiter", "/");
        let response = request.clone().expect(200);
        assert_eq!(response.all(KEYS), ["p/1"]);
        assert_eq!(response.all(PREFIXES), ["p/d/", "p/e/"]);
        assert_eq!(field(&response, "Prefix"), "p/");
        assert_eq!(field(&response, "Delimiter"), "/");
        assert_eq!(
            pages(&request.query("max-uploads", 1)),
            [["p/1"], ["p/d/"], ["p/e/"]]
        );
    }
);

s3_test!(
    of_exactly_max_uploads_is_not_truncated,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.begin_upload("a");
        bucket.begin_upload("b");
        let response = bucket
            .request("GET")
            .flag("uploads")
            .query("max-uploads", 2)
            .expect(200);
        assert_eq!(response.all(KEYS), ["a", "b"]);
        assert_eq!(field(&response, "IsTruncated"), "false");
    }
);

s3_test!(url_encodes_keys_where_asked_to, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.begin_upload("a +é");
    let response = bucket
        .request("GET")
        .flag("uploads")
        .query("encoding-type", "url")
        .expect(200);
    let key = response.value(KEYS);
    assert!(key.is_ascii() && !key.contains(' '), "{key}");
    assert_eq!(url_decode(&key), "a +é");
    assert_eq!(field(&response, "EncodingType"), "url");
});

s3_test!(
    refuses_max_uploads_that_is_no_count,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for value in ["-1", "x"] {
            let request = bucket.request("GET").flag("uploads").query("max-uploads", value);
            request.expect_error(400, "InvalidArgument");
        }
    }
);

s3_test!(needs_the_bucket, largest_body = 0, |s3: &S3| {
    s3.bucket_named(s3.unused_name())
        .request("GET")
        .flag("uploads")
        .expect_error(404, "NoSuchBucket");
});
