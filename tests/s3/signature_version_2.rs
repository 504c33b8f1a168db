//! Signature Version 2. Deployments take it in presigned URLs unless they are told otherwise.

use std::time::Duration;

use bleepstore_core::model::SigV2;
use bleepstore_tests::http::encoding::{base64, md5, sha256_hex};
use bleepstore_tests::http::{DOMAIN, Request, S3, UploadedPart, start_server_with};
use bleepstore_tests::{domain_test, s3_test};

const MINUTE: Duration = Duration::from_secs(60);

s3_test!(reads_writes_and_deletes, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put("a key+", "body").presigned_v2(MINUTE).expect(200);
    assert_eq!(
        bucket.get("a key+").presigned_v2(MINUTE).expect(200).text(),
        "body"
    );
    bucket.head("a key+").presigned_v2(MINUTE).expect(200);
    bucket.delete("a key+").presigned_v2(MINUTE).expect(204);
    bucket
        .get("a key+")
        .presigned_v2(MINUTE)
        .expect_error(404, "NoSuchKey");
    s3.request("GET", "/").presigned_v2(MINUTE).expect(200);
    let listed = bucket.request("GET").query("list-type", 2).query("prefix", "a");
    assert_eq!(
        listed
            .presigned_v2(MINUTE)
            .expect(200)
            .value("ListBucketResult/Prefix"),
        "a"
    );
});

s3_test!(
    covers_sub_resources_and_overrides,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let named = bucket.get("key").query("response-content-type", "text/x; a=b c");
        let mut named = named.presigned_v2(MINUTE).sign();
        let answer = named.send().assert_status(200);
        assert_eq!(answer.required("content-type"), "text/x; a=b c");
        named.target = named.target.replace("text%2Fx", "text%2Fy");
        named.expect_error(403, "SignatureDoesNotMatch");
        let mut acl = bucket.get("key").flag("acl").presigned_v2(MINUTE).sign();
        acl.send().assert_status(200);
        acl.target = acl.target.replace("?acl&", "?");
        acl.expect_error(403, "SignatureDoesNotMatch");
        let mut plain = bucket.get("key").presigned_v2(MINUTE).sign();
        plain.target.push_str("&acl");
        plain.expect_error(403, "SignatureDoesNotMatch");
    }
);

s3_test!(covers_method_path_and_expiry, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key", "other"]);
    let signed = bucket.get("key").presigned_v2(MINUTE).sign();
    let mut changed = [signed.clone(), signed.clone(), signed.clone()];
    changed[0].method = "DELETE".to_owned();
    changed[1].target = changed[1].target.replace("/key?", "/other?");
    // The last second that S3 reads, in 2038.
    let (start, _) = signed.target.split_once("Expires=").unwrap();
    let (_, signature) = signed.target.split_once("&Signature=").unwrap();
    changed[2].target = format!("{start}Expires=2147483647&Signature={signature}");
    for request in changed {
        request.expect_error(403, "SignatureDoesNotMatch");
    }
    assert_eq!(bucket.read("key"), b"key");
});

s3_test!(holds_until_it_expires, largest_body = 0, |s3: &S3| {
    let expired = s3.request("GET", "/").presigned_v2(MINUTE).signed_ago(2 * MINUTE);
    let error = expired.expect_error(403, "AccessDenied");
    assert_eq!(error.message, "Request has expired");
    assert!(!error.field("Expires").is_empty() && !error.field("ServerTime").is_empty());
});

s3_test!(
    refuses_another_secret_and_shows_what_to_sign,
    largest_body = 0,
    |s3: &S3| {
        let request = s3.request("GET", "/").keys(&s3.endpoint.access_key, "wrong");
        let error = request
            .presigned_v2(MINUTE)
            .expect_error(403, "SignatureDoesNotMatch");
        assert!(error.field("StringToSign").starts_with("GET\n\n\n"));
        assert_eq!(error.field("AWSAccessKeyId"), s3.endpoint.access_key);
        assert!(!error.response.text().contains(&s3.endpoint.secret_key));
        let unknown = s3.request("GET", "/").keys("AKIANOBODY", "x");
        unknown
            .presigned_v2(MINUTE)
            .expect_error(403, "InvalidAccessKeyId");
    }
);

s3_test!(carries_headers_in_the_query, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let request = bucket
        .put("key", "body")
        .query("x-amz-meta-color", "red")
        .query("x-amz-acl", "public-read")
        .query("content-type", "text/x")
        .query("content-md5", base64(&md5(b"body")));
    request.clone().presigned_v2(MINUTE).expect(200);
    let head = bucket.head("key").anonymous().expect(200);
    assert_eq!(head.required("x-amz-meta-color"), "red");
    assert_eq!(head.required("content-type"), "text/x");
    request
        .body("evil")
        .presigned_v2(MINUTE)
        .expect_error(400, "BadDigest");
    let copy = bucket
        .put("copy", "")
        .query("x-amz-copy-source", format!("{}/key", bucket.name));
    copy.presigned_v2(MINUTE).expect(200);
    assert_eq!(bucket.read("copy"), b"body");
});

s3_test!(lets_no_header_be_added, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["secret"]);
    let source = format!("{}/secret", bucket.name);
    for (name, value) in [
        ("x-amz-copy-source", source.as_str()),
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-added", "1"),
        ("content-type", "text/html"),
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    ] {
        let request = bucket.put("key", "").query("x-amz-acl", "private");
        let mut request = request.presigned_v2(MINUTE).sign();
        request.add_header(name, value);
        request.expect_error(403, "SignatureDoesNotMatch");
    }
    bucket.get("key").expect_error(404, "NoSuchKey");
});

s3_test!(refuses_what_it_does_not_cover, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let refused = |request: Request| {
        request.presigned_v2(MINUTE).expect_error(400, "InvalidRequest");
    };
    refused(bucket.put("key", "other").query("If-None-Match", "*"));
    refused(bucket.put("key", "other").query("If-Match", "\"0123\""));
    refused(bucket.put("key", "other").query("Cache-Control", "no-cache"));
    refused(bucket.get("key").query("Range", "bytes=0-0"));
    refused(bucket.get("key").flag("attributes"));
    refused(bucket.put("new", "").flag("renameObject"));
    refused(bucket.request("GET").flag("ownershipControls"));
    let chunked = bucket
        .put("key", "0\r\n\r\n")
        .header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    refused(chunked.header("x-amz-decoded-content-length", 0));
    assert_eq!(bucket.read("key"), b"key");
});

s3_test!(checks_a_hash_of_the_body, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let hash = sha256_hex(b"body");
    let put = |body: &str| bucket.put("key", body).header("x-amz-content-sha256", &hash);
    put("evil")
        .presigned_v2(MINUTE)
        .expect_error(400, "XAmzContentSHA256Mismatch");
    put("body").presigned_v2(MINUTE).expect(200);
});

s3_test!(uploads_parts, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let create = bucket.create_upload("key").presigned_v2(MINUTE);
    let upload = bucket
        .begin_upload_by(create)
        .value("InitiateMultipartUploadResult/UploadId");
    let part = bucket.part("key", &upload, 1, "part").presigned_v2(MINUTE);
    let etag = part.expect(200).etag();
    let parts = [UploadedPart { number: 1, etag }];
    bucket
        .complete("key", &upload, &parts)
        .presigned_v2(MINUTE)
        .expect(200);
    assert_eq!(bucket.read("key"), b"part");
});

s3_test!(
    refuses_both_versions_in_one_query_and_a_part_of_one,
    largest_body = 0,
    |s3: &S3| {
        let mut both = s3.request("GET", "/").presigned(MINUTE).sign();
        let of_two = s3.request("GET", "/").presigned_v2(MINUTE).sign();
        both.target.push_str(&of_two.target.replace("/?", "&"));
        both.expect_error(400, "InvalidArgument");
        for name in ["AWSAccessKeyId=", "Expires=", "Signature="] {
            let mut request = of_two.clone();
            request.target = request.target.replace(name, "x=");
            request.expect_error(403, "AccessDenied");
        }
    }
);

const USE_VERSION_4: &str =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";

s3_test!(
    in_the_header_is_refused_unless_it_is_on,
    largest_body = 0,
    |s3: &S3| {
        let error = s3
            .request("GET", "/")
            .signed_v2()
            .expect_error(400, "InvalidRequest");
        assert_eq!(error.message, USE_VERSION_4);
    }
);

domain_test!(covers_the_bucket_of_the_host, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let path = format!("/{}/key", bucket.name);
    let mut request = s3.request("GET", &path).presigned_v2(MINUTE).sign();
    request.target = request.target.replace(&path, "/key");
    request.add_header("host", &format!("{}.{DOMAIN}", bucket.name));
    assert_eq!(request.send().assert_status(200).text(), "key");
    request.set_header("host", &format!("other.{DOMAIN}"));
    request.expect_error(403, "SignatureDoesNotMatch");
});

#[test]
fn in_the_header_it_is_taken_where_it_is_on() {
    let s3 = S3 {
        endpoint: start_server_with(|settings| settings.sigv2 = SigV2::On),
    };
    let bucket = s3.bucket();
    let put = bucket.put("key", "body").header("x-amz-meta-a", "1");
    let mut changed = put.clone().signed_v2().sign();
    changed.set_header("x-amz-meta-a", "2");
    changed.expect_error(403, "SignatureDoesNotMatch");
    put.signed_v2().expect(200);
    assert_eq!(bucket.get("key").signed_v2().expect(200).text(), "body");
    bucket.get("key").presigned_v2(MINUTE).expect(200);
    let late = bucket.get("key").signed_v2().signed_ago(16 * MINUTE);
    late.expect_error(403, "RequestTimeTooSkewed");
    let attributes = bucket.get("key").flag("attributes").signed_v2();
    attributes.expect_error(400, "InvalidRequest");
}

#[test]
fn nothing_of_it_is_taken_where_it_is_off() {
    let s3 = S3 {
        endpoint: start_server_with(|settings| settings.sigv2 = SigV2::Off),
    };
    for request in [
        s3.request("GET", "/").signed_v2(),
        s3.request("GET", "/").presigned_v2(MINUTE),
    ] {
        let error = request.expect_error(400, "InvalidRequest");
        assert_eq!(error.message, USE_VERSION_4);
    }
}
