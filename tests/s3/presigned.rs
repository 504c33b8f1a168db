//! Signature Version 4 in the query.

use std::time::Duration;

use bleepstore_tests::http::encoding::{base64, md5, sha256_hex};
use bleepstore_tests::http::{S3, UploadedPart};
use bleepstore_tests::s3_test;

const MINUTE: Duration = Duration::from_secs(60);
const WEEK: Duration = Duration::from_secs(604_800);

s3_test!(reads_writes_and_deletes, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("a key", "body").presigned(MINUTE).expect(200);
    assert_eq!(bucket.get("a key").presigned(MINUTE).expect(200).text(), "body");
    bucket.head("a key").presigned(MINUTE).expect(200);
    bucket.delete("a key").presigned(MINUTE).expect(204);
    bucket
        .get("a key")
        .presigned(MINUTE)
        .expect_error(404, "NoSuchKey");
});

s3_test!(keeps_other_query_parameters, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let request = bucket
        .get("key")
        .query("response-content-type", "text/x")
        .presigned(MINUTE);
    assert_eq!(request.expect(200).required("content-type"), "text/x");
});

s3_test!(holds_until_it_expires, largest_body = 0, |s3: &S3| {
    s3.request("GET", "/")
        .presigned(WEEK)
        .signed_ago(WEEK - MINUTE)
        .expect(200);
    let expired = s3.request("GET", "/").presigned(MINUTE).signed_ago(2 * MINUTE);
    let error = expired.expect_error(403, "AccessDenied");
    assert_eq!(error.message, "Request has expired");
    assert_eq!(error.field("X-Amz-Expires"), "60");
    assert!(!error.field("Expires").is_empty() && !error.field("ServerTime").is_empty());
});

s3_test!(
    refuses_lifetimes_outside_one_second_to_a_week,
    largest_body = 0,
    |s3: &S3| {
        for lifetime in [Duration::ZERO, WEEK + Duration::from_secs(1)] {
            let request = s3.request("GET", "/").presigned(lifetime);
            request.expect_error(400, "AuthorizationQueryParametersError");
        }
        s3.request("GET", "/").presigned(WEEK).expect(200);
    }
);

s3_test!(refuses_a_date_in_the_future, largest_body = 0, |s3: &S3| {
    s3.request("GET", "/")
        .presigned(WEEK)
        .signed_ahead(14 * MINUTE)
        .expect(200);
    s3.request("GET", "/")
        .presigned(WEEK)
        .signed_ahead(16 * MINUTE)
        .expect_error(403, "AccessDenied");
});

s3_test!(refuses_another_secret, largest_body = 0, |s3: &S3| {
    let request = s3
        .request("GET", "/")
        .keys(&s3.endpoint.access_key, "wrong")
        .presigned(MINUTE);
    request.expect_error(403, "SignatureDoesNotMatch");
});

s3_test!(refuses_an_unknown_access_key, largest_body = 0, |s3: &S3| {
    s3.request("GET", "/")
        .keys("AKIANOBODY", "x")
        .presigned(MINUTE)
        .expect_error(403, "InvalidAccessKeyId");
});

s3_test!(refuses_another_region, largest_body = 0, |s3: &S3| {
    let request = s3.request("GET", "/").region("mars-north-1").presigned(MINUTE);
    request.expect_error(400, "AuthorizationQueryParametersError");
});

s3_test!(covers_method_path_and_query, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key", "other"]);
    let signed = bucket.get("key").presigned(MINUTE).sign();
    let mut changed = [signed.clone(), signed.clone(), signed.clone(), signed];
    changed[0].method = "DELETE".to_owned();
    changed[1].target = changed[1].target.replace("/key?", "/other?");
    changed[2].target = changed[2].target.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    changed[3].target.push_str("&response-content-type=text%2Fx");
    for request in changed {
        request.expect_error(403, "SignatureDoesNotMatch");
    }
    assert_eq!(bucket.read("key"), b"key");
});

s3_test!(
    refuses_amz_headers_that_are_not_signed,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["secret"]);
        let mut request = bucket.object("PUT", "copy").presigned(MINUTE).sign();
        request.add_header("x-amz-copy-source", &format!("{}/secret", bucket.name));
        request.expect_error(403, "AccessDenied");
        bucket.get("copy").expect_error(404, "NoSuchKey");
    }
);

s3_test!(takes_signed_headers, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket
        .put("key", "x")
        .header("x-amz-meta-a", "1")
        .presigned(MINUTE)
        .expect(200);
    assert_eq!(bucket.head("key").expect(200).required("x-amz-meta-a"), "1");
});

s3_test!(needs_every_parameter_once, largest_body = 0, |s3: &S3| {
    for name in [
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    ] {
        let mut request = s3.request("GET", "/").presigned(MINUTE).sign();
        let (path, query) = request.target.split_once('?').unwrap();
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.starts_with(&format!("{name}=")))
            .collect();
        request.target = format!("{path}?{}", kept.join("&"));
        request.expect_error(400, "AuthorizationQueryParametersError");
    }
});

s3_test!(carries_headers_in_the_query, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("source", "source").expect(200);
    let request = bucket
        .put("key", "body")
        .query("x-amz-meta-color", "red")
        .query("x-amz-storage-class", "GLACIER")
        .query("x-amz-checksum-crc32", "AAAAAA==");
    request.presigned(MINUTE).expect(200);
    let head = bucket.head("key").expect(200);
    assert_eq!(head.required("x-amz-meta-color"), "red");
    assert_eq!(head.required("x-amz-storage-class"), "GLACIER");
    let source = format!("/{}/source", bucket.name);
    bucket
        .put("key", "")
        .query("x-amz-copy-source", source)
        .presigned(MINUTE)
        .expect(200);
    assert_eq!(bucket.get("key").expect(200).text(), "source");
});

s3_test!(obeys_the_refusals_in_the_query, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("key", "body").expect(200);
    let held = bucket
        .put("key", "other")
        .query("x-amz-object-lock-legal-hold", "ON");
    held.presigned(MINUTE).expect_error(501, "NotImplemented");
    let tagged = bucket.put("key", "other").query("x-amz-tagging", "a=1&a=2");
    tagged.presigned(MINUTE).expect_error(400, "InvalidArgument");
    let public = bucket.put("key", "other").query("x-amz-acl", "public");
    public.presigned(MINUTE).expect_error(400, "InvalidArgument");
    let guarded = bucket
        .delete("key")
        .query("x-amz-expected-bucket-owner", "0".repeat(64));
    guarded.presigned(MINUTE).expect_error(403, "AccessDenied");
    assert_eq!(bucket.get("key").expect(200).text(), "body");
});

s3_test!(uploads_parts, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let create = bucket.create_upload("key").presigned(MINUTE);
    let upload = bucket
        .begin_upload_by(create)
        .value("InitiateMultipartUploadResult/UploadId");
    let part = bucket.part("key", &upload, 1, "part").presigned(MINUTE);
    let etag = part.expect(200).etag();
    let listed = bucket.list_parts("key", &upload).presigned(MINUTE).expect(200);
    assert_eq!(listed.value("ListPartsResult/Part/ETag"), etag);
    let parts = [UploadedPart { number: 1, etag }];
    let complete = bucket.complete("key", &upload, &parts).presigned(MINUTE);
    complete.expect(200);
    assert_eq!(bucket.read("key"), b"part");
    let upload = bucket.begin_upload("key");
    bucket.abort("key", &upload).presigned(MINUTE).expect(204);
});

s3_test!(
    covers_the_body_where_its_hash_is_in_the_query_or_a_header,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let hash = sha256_hex(b"body");
        let in_query = bucket.put("key", "").query("X-Amz-Content-Sha256", &hash);
        let in_header = bucket.put("key", "").header("x-amz-content-sha256", &hash);
        for request in [in_query, in_header] {
            let mut request = request.payload_hash(&hash).presigned(MINUTE).sign();
            request.body = b"other".to_vec();
            request.expect_error(400, "XAmzContentSHA256Mismatch");
            request.body = b"body".to_vec();
            request.send().assert_status(200);
        }
    }
);

s3_test!(obeys_conditions_in_the_query, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let etag = bucket.put("key", "first").expect(200).etag();
    let put = |name: &str, value: &str| bucket.put("key", "second").query(name, value).presigned(MINUTE);
    put("If-None-Match", "*").expect_error(412, "PreconditionFailed");
    put("if-match", "\"0123\"").expect_error(412, "PreconditionFailed");
    assert_eq!(bucket.read("key"), b"first");
    let unmodified = bucket
        .get("key")
        .query("If-Unmodified-Since", "Sat, 01 Jan 2000 00:00:00 GMT");
    unmodified
        .presigned(MINUTE)
        .expect_error(412, "PreconditionFailed");
    let known = bucket.get("key").query("If-None-Match", &etag).presigned(MINUTE);
    known.send().assert_bodiless(304);
    put("If-Match", &etag).expect(200);
    assert_eq!(bucket.read("key"), b"second");
});

s3_test!(
    takes_what_describes_an_object_from_the_query,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let described = [
            ("Cache-Control", "no-cache"),
            ("Content-Disposition", "inline"),
            ("Content-Encoding", "br"),
            ("Content-Language", "de"),
            ("Content-Type", "text/x"),
            ("Expires", "Sat, 01 Jan 2050 00:00:00 GMT"),
        ];
        let mut put = bucket.put("key", "0123456789");
        for (name, value) in described {
            put = put.query(name, value);
        }
        put.presigned(MINUTE).expect(200);
        let head = bucket.head("key").expect(200);
        for (name, value) in described {
            assert_eq!(head.required(&name.to_lowercase()), value);
        }
        let part = bucket.get("key").query("Range", "bytes=2-4").presigned(MINUTE);
        assert_eq!(part.expect(206).text(), "234");
    }
);

s3_test!(
    checks_the_body_by_what_is_in_the_query,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let by_md5 = bucket
            .put("key", "body")
            .query("Content-MD5", base64(&md5(b"other")));
        by_md5.presigned(MINUTE).expect_error(400, "BadDigest");
        let by_length = bucket.put("key", "body").query("Content-Length", 5);
        let error = by_length.presigned(MINUTE).expect_error(403, "AccessDenied");
        assert_eq!(error.field("HeadersNotSigned"), "content-length");
        bucket.get("key").expect_error(404, "NoSuchKey");
        let right = bucket.put("key", "body").query("Content-Length", 4);
        let right = right.query("Content-MD5", base64(&md5(b"body")));
        right.presigned(MINUTE).expect(200);
    }
);

s3_test!(
    refuses_a_header_that_contradicts_the_query,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let request = bucket.put("key", "other").query("If-None-Match", "*");
        let mut request = request.presigned(MINUTE).sign();
        request.add_header("if-none-match", "\"0123\"");
        let error = request.expect_error(403, "AccessDenied");
        assert_eq!(error.field("HeadersNotSigned"), "if-none-match");
        assert_eq!(bucket.read("key"), b"key");
    }
);

s3_test!(
    takes_a_signed_header_from_the_query,
    largest_body = 10,
    |s3: &S3| {
        // As the AWS SDK for JavaScript 2 presigns: the header is signed, and only in the query.
        let bucket = s3.bucket();
        for acl in ["private", "public-read"] {
            let put = bucket
                .put(acl, "body")
                .query("x-amz-acl", acl)
                .header("x-amz-acl", acl);
            let mut request = put.presigned(MINUTE).sign();
            request.headers.retain(|(name, _)| name != "x-amz-acl");
            assert!(request.target.contains("SignedHeaders=host%3Bx-amz-acl"));
            let mut changed = request.clone();
            changed.target = changed.target.replace("x-amz-acl=p", "x-amz-acl=P");
            changed.expect_error(403, "SignatureDoesNotMatch");
            request.send().assert_status(200);
        }
        bucket
            .get("private")
            .anonymous()
            .expect_error(403, "AccessDenied");
        bucket.get("public-read").anonymous().expect(200);
    }
);

s3_test!(
    ignores_a_hash_of_the_payload_that_is_not_signed,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let mut request = bucket.put("key", "body").presigned(MINUTE).sign();
        request.add_header("x-amz-content-sha256", &sha256_hex(b"other"));
        request.send().assert_status(200);
        assert_eq!(bucket.read("key"), b"body");
    }
);
