//! Form uploads. <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>

use bleepstore_tests::http::encoding::{
    checksum_crc32, checksum_sha256, content_md5, etag, pattern, percent,
};
use bleepstore_tests::http::form::BOUNDARY;
use bleepstore_tests::http::{ALICE, ANONYMOUS_ID, Account, BOB, Bucket, DOMAIN, ErrorDocument, S3};
use bleepstore_tests::{domain_test, s3_test};
use serde_json::json;

const MULTIPART: &str = "multipart/form-data; boundary=b";

/// The answer to a body of this type, which nobody signed.
#[track_caller]
fn refusal(bucket: &Bucket, content_type: &str, body: &str, status: u16, code: &str) -> ErrorDocument {
    let request = bucket
        .request("POST")
        .anonymous()
        .header("content-type", content_type);
    request.body(body).expect_error(status, code)
}

/// A bucket in which everybody creates objects.
#[track_caller]
fn open_bucket(s3: &S3) -> Bucket {
    let bucket = s3.bucket();
    bucket.put_acl("public-read-write").expect(200);
    bucket
}

s3_test!(
    stores_the_file_and_answers_204,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let response = bucket.form("a/b c", "the file").expect(204);
        assert_eq!(response.body, b"");
        assert_eq!(response.etag(), etag(b"the file"));
        let location = format!("/{}/a%2Fb%20c", bucket.name);
        assert!(response.required("location").ends_with(&location), "{response:?}");
        let object = bucket.get("a/b c").expect(200);
        assert_eq!(object.text(), "the file");
        assert_eq!(object.required("content-type"), "binary/octet-stream");
        assert_eq!(object.etag(), etag(b"the file"));
    }
);

s3_test!(
    replaces_the_object_under_the_key,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .put("key", "first")
            .header("x-amz-meta-old", "1")
            .expect(200);
        bucket.form("key", "second, longer").expect(204);
        let response = bucket.get("key").expect(200);
        assert_eq!(response.text(), "second, longer");
        assert_eq!(response.header("x-amz-meta-old"), None);
    }
);

s3_test!(stores_an_empty_file, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.form("key", "").expect(204);
    let response = bucket.get("key").expect(200);
    assert_eq!(response.required("content-length"), "0");
    assert_eq!(response.etag(), etag(b""));
});

s3_test!(
    stores_a_file_of_several_mebibytes,
    largest_body = 9_440_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let file = pattern(2, 9_437_185);
        assert_eq!(
            bucket.form("key", file.as_slice()).expect(204).etag(),
            etag(&file)
        );
        assert!(bucket.read("key") == file, "another file came back");
    }
);

s3_test!(
    keeps_bytes_that_look_like_a_boundary,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let file = format!(
            "--{BOUNDARY}--\r\n--{}\r\n\r\n--",
            &BOUNDARY[..BOUNDARY.len() - 1]
        );
        bucket.form("key", file.as_str()).expect(204);
        assert_eq!(bucket.read("key"), file.as_bytes());
    }
);

s3_test!(
    keeps_what_the_fields_say_of_the_object,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let described = [
            ("Cache-Control", "no-cache"),
            ("Content-Disposition", "inline"),
            ("Content-Encoding", "br"),
            ("Content-Language", "de"),
            ("Content-Type", "text/x"),
            ("Expires", "Sat, 01 Jan 2050 00:00:00 GMT"),
            ("x-amz-meta-Color", "red"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-server-side-encryption", "AES256"),
        ];
        let mut form = bucket.form("key", "x");
        for (name, value) in described {
            form = form.field(name, value);
        }
        let response = form.expect(204);
        assert_eq!(response.required("x-amz-server-side-encryption"), "AES256");
        let head = bucket.head("key").expect(200);
        for (name, value) in described {
            assert_eq!(head.required(&name.to_lowercase()), value);
        }
    }
);

s3_test!(
    joins_metadata_that_is_said_twice,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let form = bucket.form("key", "x").bare_field("x-amz-meta-a", "1");
        form.field("x-amz-meta-a", "2")
            .condition(json!(["eq", "$x-amz-meta-a", "1,2"]))
            .expect_error(403, "AccessDenied");
        let form = bucket.form("key", "x").bare_field("x-amz-meta-a", "1");
        let form = form.bare_field("x-amz-meta-a", "2");
        form.condition(json!({"x-amz-meta-a": "1,2"})).expect(204);
        assert_eq!(bucket.head("key").expect(200).required("x-amz-meta-a"), "1,2");
    }
);

s3_test!(
    gives_the_object_a_list_and_tags,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
        let form = bucket.form("key", "x").field("acl", "public-read");
        form.field("tagging", tagging).expect(204);
        bucket.get("key").anonymous().expect(200);
        assert_eq!(bucket.get("key").expect(200).required("x-amz-tagging-count"), "1");
        let tags = bucket.get("key").flag("tagging").expect(200);
        assert_eq!(tags.value("Tagging/TagSet/Tag/Key"), "a");
        let wrong = bucket.form("other", "x").field("tagging", "a=1");
        wrong.expect_error(400, "MalformedXML");
        let wrong = bucket.form("other", "x").field("acl", "public");
        wrong.expect_error(400, "InvalidArgument");
        bucket.get("other").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    puts_the_name_of_the_file_into_fields,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for (filename, key) in [
            ("a.txt", "in/a.txt"),
            ("C:\\\\dir\\\\b.txt", "in/b.txt"),
            ("dir/c.txt", "in/c.txt"),
            ("", "in/"),
        ] {
            let form = bucket
                .empty_form("x")
                .bare_field("key", "in/${filename}")
                .filename(filename);
            let form = form.bare_field("x-amz-meta-name", "<${filename}>");
            let form = form.condition(json!(["starts-with", "$x-amz-meta-name", "<"]));
            form.condition(json!({"key": key})).expect(204);
            let name = bucket
                .head(key)
                .expect(200)
                .required("x-amz-meta-name")
                .to_owned();
            assert_eq!(name, format!("<{}>", &key[3..]));
        }
    }
);

s3_test!(reads_names_in_every_case, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let form = bucket
        .empty_form("x")
        .field("KEY", "key")
        .field("cONTENT-tYPE", "text/x");
    let mut form = form.sign();
    for (name, _) in &mut form.fields {
        *name = name.to_uppercase();
    }
    form.request().expect(204);
    assert_eq!(bucket.head("key").expect(200).required("content-type"), "text/x");
});

s3_test!(reads_nothing_after_the_file, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let after = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nother\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nanother\r\n"
    );
    bucket.form("key", "x").followed_by(&after).expect(204);
    assert_eq!(bucket.read("key"), b"x");
    bucket.get("other").expect_error(404, "NoSuchKey");
    let late = bucket.empty_form("x").followed_by(&after);
    late.expect_error(400, "InvalidArgument");
});

s3_test!(keeps_and_answers_checksums, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let response = bucket.form("key", "x").expect(204);
    let default = response.required("x-amz-checksum-crc64nvme").to_owned();
    let read = bucket
        .get("key")
        .header("x-amz-checksum-mode", "ENABLED")
        .expect(200);
    assert_eq!(read.required("x-amz-checksum-crc64nvme"), default);
    let form = bucket
        .form("key", "x")
        .field("x-amz-checksum-algorithm", "SHA256");
    let form = form.field("x-amz-checksum-sha256", &checksum_sha256(b"x"));
    let response = form.field("Content-MD5", &content_md5(b"x")).expect(204);
    assert_eq!(response.required("x-amz-checksum-sha256"), checksum_sha256(b"x"));
});

s3_test!(
    refuses_another_file_than_was_promised,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let wrong = bucket
            .form("key", "x")
            .field("x-amz-checksum-crc32", &checksum_crc32(b"y"));
        wrong.expect_error(400, "BadDigest");
        let wrong = bucket.form("key", "x").field("Content-MD5", &content_md5(b"y"));
        wrong.expect_error(400, "BadDigest");
        let alone = bucket.form("key", "x").field("x-amz-checksum-algorithm", "CRC32");
        alone.expect_error(400, "InvalidRequest");
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    refuses_fields_by_name_as_headers,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for (name, value) in [
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
            ("x-amz-tagging", "a=1"),
            ("x-amz-write-offset-bytes", "0"),
        ] {
            let form = bucket.form("key", "x").field(name, value);
            form.expect_error(501, "NotImplemented");
        }
        let class = bucket.form("key", "x").field("x-amz-storage-class", "WARM");
        class.expect_error(400, "InvalidStorageClass");
        let long = bucket.form("key", "x").field("x-amz-meta-a", &"a".repeat(2_048));
        long.expect_error(400, "MetadataTooLarge");
        let lines = bucket
            .form("key", "x")
            .field("x-amz-meta-a", "1\r\nx-amz-acl: public-read");
        lines.expect_error(400, "InvalidArgument");
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    answers_the_status_that_it_is_asked_for,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        for (asked, status) in [("200", 200), ("204", 204), ("404", 204)] {
            let form = bucket.form("key", "x").field("success_action_status", asked);
            assert_eq!(form.expect(status).body, b"");
        }
        let response = bucket
            .form("a b", "x")
            .field("success_action_status", "201")
            .expect(201);
        assert_eq!(response.required("content-type"), "application/xml");
        assert_eq!(response.value("PostResponse/Bucket"), bucket.name);
        assert_eq!(response.value("PostResponse/Key"), "a b");
        assert_eq!(response.value("PostResponse/ETag"), etag(b"x"));
        assert_eq!(
            response.value("PostResponse/Location"),
            response.required("location")
        );
        assert!(
            response
                .required("location")
                .ends_with(&format!("/{}/a%20b", bucket.name))
        );
    }
);

s3_test!(
    sends_the_client_where_it_is_asked_to,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let stored = format!("bucket={}&key=a%2Fb&etag={}", bucket.name, percent(&etag(b"x")));
        for (name, url, separator) in [
            ("success_action_redirect", "https://example.com/done", '?'),
            ("redirect", "http://example.com/?a=b", '&'),
        ] {
            let form = bucket
                .form("a/b", "x")
                .field(name, url)
                .field("success_action_status", "201");
            let response = form.expect(303);
            assert_eq!(response.required("location"), format!("{url}{separator}{stored}"));
            assert_eq!(response.body, b"");
        }
        let nowhere = bucket
            .form("a/b", "x")
            .field("success_action_redirect", "not a url");
        nowhere.field("success_action_status", "201").expect(201);
    }
);

s3_test!(names_the_version_that_it_made, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket.request("PUT").flag("versioning").body(enabled).expect(200);
    let response = bucket.form("key", "x").expect(204);
    let version = response.required("x-amz-version-id").to_owned();
    bucket.form("key", "y").expect(204);
    assert_eq!(
        bucket.get("key").query("versionId", version).expect(200).text(),
        "x"
    );
});

s3_test!(needs_the_type_of_a_form, largest_body = 100, |s3: &S3| {
    let bucket = s3.bucket();
    for content_type in [
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=b",
        "text/plain",
    ] {
        let error = refusal(&bucket, content_type, "key=k", 412, "PreconditionFailed");
        let condition = "Bucket POST must be of the enclosure-type multipart/form-data";
        assert_eq!(error.field("Condition"), condition);
    }
});

s3_test!(needs_a_body_that_is_a_form, largest_body = 5_000, |s3: &S3| {
    let bucket = open_bucket(s3);
    let file = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx";
    let key = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n";
    for body in [
        "key=k".to_owned(),
        format!("{key}{file}"),
        format!("{key}{file}\r\n--b"),
        format!("{key}{file}\r\n--bc\r\n--b--"),
        format!("{key}--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--"),
    ] {
        let error = refusal(&bucket, MULTIPART, &body, 400, "MalformedPOSTRequest");
        assert_eq!(
            error.message,
            "The body of your POST request is not well-formed multipart/form-data."
        );
    }
    refusal(
        &bucket,
        "multipart/form-data",
        "key=k",
        400,
        "MalformedPOSTRequest",
    );
    bucket.get("k").expect_error(404, "NoSuchKey");
});

s3_test!(needs_a_file, largest_body = 5_000, |s3: &S3| {
    let bucket = open_bucket(s3);
    let body = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b--\r\n";
    let error = refusal(&bucket, MULTIPART, body, 400, "InvalidArgument");
    assert_eq!(
        error.message,
        "POST requires exactly one file upload per request."
    );
    assert_eq!(error.field("ArgumentName"), "file");
});

s3_test!(needs_a_key, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let error = bucket.empty_form("x").expect_error(400, "InvalidArgument");
    let message = "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of \
                   the fields.";
    assert_eq!(error.message, message);
    assert_eq!(error.field("ArgumentName"), "key");
    let error = bucket.form("", "x").expect_error(400, "InvalidArgument");
    assert_eq!(error.message, "User key must have a length greater than 0.");
    bucket
        .form(&"k".repeat(1_025), "x")
        .expect_error(400, "KeyTooLongError");
});

s3_test!(
    bounds_what_stands_before_the_file,
    largest_body = 30_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .form("key", "x")
            .bare_field("x-ignore-a", &"a".repeat(15_000))
            .expect(204);
        let form = bucket
            .form("other", "x")
            .bare_field("x-ignore-a", &"a".repeat(20_480));
        let error = form.expect_error(400, "MaxPostPreDataLengthExceededError");
        assert_eq!(
            error.message,
            "Your POST request fields preceding the upload file were too large."
        );
        bucket.get("other").expect_error(404, "NoSuchKey");
    }
);

s3_test!(takes_a_field_once, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket
        .form("key", "x")
        .bare_field("Key", "other")
        .expect_error(400, "InvalidArgument");
    bucket.get("other").expect_error(404, "NoSuchKey");
});

s3_test!(
    without_a_signature_needs_an_open_bucket,
    largest_body = 5_000,
    |s3: &S3| {
        let closed = s3.bucket();
        let error = closed
            .form("key", "x")
            .anonymous()
            .expect_error(403, "AccessDenied");
        assert_eq!(error.message, "Access Denied");
        closed.get("key").expect_error(404, "NoSuchKey");
        let open = open_bucket(s3);
        open.form("key", "x").anonymous().expect(204);
        let listed = open.list().query("fetch-owner", "true").expect(200);
        assert_eq!(listed.value("ListBucketResult/Contents/Owner/ID"), ANONYMOUS_ID);
        let redirect = open
            .form("key", "x")
            .bare_field("redirect", "https://example.com/");
        let response = redirect.anonymous().expect(204);
        assert!(!response.required("location").contains("example.com"));
    }
);

s3_test!(is_decided_as_a_put, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let by = |account: &Account| {
        let endpoint = &s3.acting_for(account).endpoint;
        bucket
            .form("key", "x")
            .keys(&endpoint.access_key, &endpoint.secret_key)
    };
    by(&ALICE).expect_error(403, "AccessDenied");
    bucket.put_acl("public-read-write").expect(200);
    by(&ALICE).expect(204);
    by(&BOB).expect_error(403, "AccessDenied");
    assert_eq!(bucket.acting_for(&ALICE).read("key"), b"x");
});

s3_test!(needs_the_bucket, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    let error = bucket.form("key", "x").expect_error(404, "NoSuchBucket");
    assert_eq!(error.field("BucketName"), bucket.name);
});

s3_test!(
    is_not_for_the_url_of_an_object,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let request = bucket.object("POST", "key").header("content-type", MULTIPART);
        request.body("--b--").expect_error(405, "MethodNotAllowed");
    }
);

domain_test!(names_the_bucket_in_the_host, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let form = bucket
        .form("a b", "x")
        .field("success_action_status", "201")
        .sign();
    let mut request = s3.request("POST", "/").anonymous().body(form.body());
    request = request.header(
        "content-type",
        format!("multipart/form-data; boundary={BOUNDARY}"),
    );
    let mut request = request.sign();
    let host = format!("{}.{DOMAIN}", bucket.name);
    request.add_header("host", &host);
    let response = request.send().assert_status(201);
    let location = response.value("PostResponse/Location");
    let (scheme, rest) = location.split_once("://").expect("a URL");
    assert!(["http", "https"].contains(&scheme), "{location}");
    assert_eq!(rest, format!("{host}/a%20b"));
    assert_eq!(bucket.read("a b"), b"x");
});
