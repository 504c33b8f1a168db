//! Signature Version 4 in the `Authorization` header.

use std::time::Duration;

use bleepstore_tests::http::encoding::sha256_hex;
use bleepstore_tests::http::{PREVIOUS_SECRET_KEY, S3, SignedRequest};
use bleepstore_tests::s3_test;

const MINUTE: Duration = Duration::from_secs(60);

s3_test!(needs_a_signature, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    bucket.get("key").anonymous().expect_error(403, "AccessDenied");
    bucket
        .put("key", "other")
        .anonymous()
        .expect_error(403, "AccessDenied");
    bucket.list().anonymous().expect_error(403, "AccessDenied");
    assert_eq!(bucket.read("key"), b"key");
});

s3_test!(
    tells_anonymous_clients_which_buckets_there_are_and_no_more,
    largest_body = 0,
    |s3: &S3| {
        let there = s3.bucket();
        let absent = s3.bucket_named(s3.unused_name());
        absent.get("key").anonymous().expect_error(404, "NoSuchBucket");
        there.get("key").anonymous().expect_error(403, "AccessDenied");
        there.head("key").anonymous().send().assert_bodiless(403);
    }
);

s3_test!(refuses_another_secret, largest_body = 0, |s3: &S3| {
    let access_key = &s3.endpoint.access_key;
    let error = s3
        .request("GET", "/")
        .keys(access_key, "wrong")
        .expect_error(403, "SignatureDoesNotMatch");
    assert_eq!(error.field("AWSAccessKeyId"), access_key);
    assert!(error.field("StringToSign").starts_with("AWS4-HMAC-SHA256\n"));
    assert!(error.field("CanonicalRequest").starts_with("GET\n/\n"));
    assert_eq!(error.field("SignatureProvided").len(), 64);
    assert!(!error.response.text().contains(&s3.endpoint.secret_key));
});

s3_test!(
    takes_the_secret_before_a_rotation_as_long_as_it_is_told,
    largest_body = 3,
    |s3: &S3| {
        let bucket = s3.bucket();
        let root = &s3.endpoint.access_key;
        bucket
            .put("a+key", "new")
            .keys(root, PREVIOUS_SECRET_KEY)
            .expect(200);
        let read = bucket.get("a+key").keys(root, PREVIOUS_SECRET_KEY).expect(200);
        assert_eq!(read.body, b"new");
        // It is the root's alone: no other key is signed with it.
        bucket
            .get("a+key")
            .keys("AKIANOBODY", PREVIOUS_SECRET_KEY)
            .expect_error(403, "InvalidAccessKeyId");
    }
);

s3_test!(refuses_an_unknown_access_key, largest_body = 0, |s3: &S3| {
    let request = s3.request("GET", "/").keys("AKIANOBODY", &s3.endpoint.secret_key);
    assert_eq!(
        request
            .expect_error(403, "InvalidAccessKeyId")
            .field("AWSAccessKeyId"),
        "AKIANOBODY"
    );
});

s3_test!(
    refuses_another_region_and_names_its_own,
    largest_body = 0,
    |s3: &S3| {
        let request = s3.request("GET", "/").region("mars-north-1");
        let error = request.expect_error(400, "AuthorizationHeaderMalformed");
        assert_eq!(error.field("Region"), s3.endpoint.region);
    }
);

s3_test!(refuses_another_service, largest_body = 0, |s3: &S3| {
    let mut request = s3.request("GET", "/").sign();
    let authorization = request.header("authorization").replace("/s3/", "/ec2/");
    request.set_header("authorization", &authorization);
    request.expect_error(400, "AuthorizationHeaderMalformed");
});

s3_test!(takes_a_clock_fourteen_minutes_off, largest_body = 0, |s3: &S3| {
    s3.request("GET", "/").signed_ago(14 * MINUTE).expect(200);
    s3.request("GET", "/").signed_ahead(14 * MINUTE).expect(200);
});

s3_test!(
    refuses_a_clock_sixteen_minutes_off,
    largest_body = 0,
    |s3: &S3| {
        let request = s3.request("GET", "/");
        let error = request
            .clone()
            .signed_ago(16 * MINUTE)
            .expect_error(403, "RequestTimeTooSkewed");
        assert_eq!(error.field("MaxAllowedSkewMilliseconds"), "900000");
        assert!(!error.field("RequestTime").is_empty() && !error.field("ServerTime").is_empty());
        request
            .signed_ahead(16 * MINUTE)
            .expect_error(403, "RequestTimeTooSkewed");
    }
);

s3_test!(
    refuses_an_amz_header_that_is_not_signed,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let mut request = bucket.put("key", "x").sign();
        request.add_header("x-amz-meta-added", "1");
        let error = request.expect_error(403, "AccessDenied");
        assert_eq!(error.field("HeadersNotSigned"), "x-amz-meta-added");
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    ignores_other_headers_that_are_not_signed,
    largest_body = 0,
    |s3: &S3| {
        let mut request = s3.request("GET", "/").sign();
        request.add_header("user-agent", "somebody/1.0");
        request.add_header("x-forwarded-for", "192.0.2.1");
        request.send().assert_status(200);
    }
);

s3_test!(
    refuses_a_signature_in_header_and_query,
    largest_body = 0,
    |s3: &S3| {
        let presigned = s3.request("GET", "/").presigned(MINUTE).sign();
        let mut both = s3.request("GET", "/").sign();
        both.target = presigned.target;
        both.expect_error(400, "InvalidArgument");
    }
);

s3_test!(covers_the_method, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let mut request = bucket.get("key").sign();
    request.method = "DELETE".to_owned();
    request.expect_error(403, "SignatureDoesNotMatch");
    assert_eq!(bucket.read("key"), b"key");
});

s3_test!(
    covers_the_path_without_normalising_it,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key", "other", "a/../key"]);
        for path in ["other", "./key", "a/../key", "key/", "/key"] {
            let mut request = bucket.get("key").sign();
            request.target = format!("/{}/{path}", bucket.name);
            request.expect_error(403, "SignatureDoesNotMatch");
        }
    }
);

s3_test!(equates_the_spellings_of_one_path, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a+b c"]);
    let mut request = bucket.get("a+b c").sign();
    request.target = format!("/{}/%61+b%20%63", bucket.name);
    assert_eq!(request.send().assert_status(200).text(), "a+b c");
});

s3_test!(covers_the_query, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let mut request = bucket.list().query("prefix", "a").sign();
    request.target = request.target.replace("prefix=a", "prefix=b");
    request.expect_error(403, "SignatureDoesNotMatch");
    let mut request = bucket.list().sign();
    request.target.push_str("&max-keys=1");
    request.expect_error(403, "SignatureDoesNotMatch");
});

s3_test!(
    takes_query_parameters_in_any_order,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let mut request = bucket
            .list()
            .query("prefix", "a b")
            .query("delimiter", "/")
            .sign();
        request.target = format!("/{}?prefix=a%20b&delimiter=%2F&list-type=2", bucket.name);
        request.send().assert_status(200);
    }
);

s3_test!(covers_signed_headers, largest_body = 10, |s3: &S3| {
    let mut request = s3.bucket().put("key", "x").header("x-amz-meta-a", "1").sign();
    request.set_header("x-amz-meta-a", "2");
    request.expect_error(403, "SignatureDoesNotMatch");
});

s3_test!(
    folds_white_space_in_signed_headers,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .put("key", "x")
            .header("x-amz-meta-a", "  one   two  ")
            .expect(200);
        assert_eq!(
            bucket.head("key").expect(200).required("x-amz-meta-a"),
            "one   two"
        );
    }
);

s3_test!(covers_the_host, largest_body = 0, |s3: &S3| {
    let mut request = s3.request("GET", "/").sign();
    request.add_header("host", "elsewhere.example");
    request.expect_error(403, "SignatureDoesNotMatch");
});

s3_test!(compares_the_body_with_its_hash, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let request = bucket.put("key", "body").payload_hash(&sha256_hex(b"other"));
    let error = request.expect_error(400, "XAmzContentSHA256Mismatch");
    assert_eq!(error.field("ClientComputedContentSHA256"), sha256_hex(b"other"));
    assert_eq!(error.field("S3ComputedContentSHA256"), sha256_hex(b"body"));
    bucket.get("key").expect_error(404, "NoSuchKey");
});

s3_test!(covers_the_hash_of_the_body, largest_body = 10, |s3: &S3| {
    let mut request = s3.bucket().put("key", "body").sign();
    request.body = b"other".to_vec();
    request.set_header("x-amz-content-sha256", &sha256_hex(b"other"));
    request.expect_error(403, "SignatureDoesNotMatch");
});

s3_test!(takes_an_unsigned_payload, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket
        .put("key", "body")
        .payload_hash("UNSIGNED-PAYLOAD")
        .expect(200);
    assert_eq!(bucket.read("key"), b"body");
});

s3_test!(refuses_an_unknown_payload_mode, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket
        .put("key", "body")
        .payload_hash("SIGNED-SOMEHOW")
        .expect_error(400, "InvalidArgument");
});

s3_test!(
    needs_the_header_that_names_the_payload,
    largest_body = 10,
    |s3: &S3| {
        let mut request = s3.bucket().put("key", "body").sign();
        request.headers.retain(|(name, _)| name != "x-amz-content-sha256");
        let authorization = request
            .header("authorization")
            .replace("x-amz-content-sha256;", "");
        request.set_header("authorization", &authorization);
        let response = request.send();
        assert!(matches!(response.status, 400 | 403), "{}", response.status);
    }
);

s3_test!(refuses_a_malformed_header, largest_body = 0, |s3: &S3| {
    for (value, code) in [
        ("AWS4-HMAC-SHA256 Credential=a", "AuthorizationHeaderMalformed"),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00",
            "AuthorizationHeaderMalformed",
        ),
        ("Basic dXNlcjpwYXNz", "InvalidArgument"),
        ("AWS AKIA:c2lnbmF0dXJl", "InvalidRequest"),
    ] {
        let mut request = s3.request("GET", "/").sign();
        request.set_header("authorization", value);
        request.expect_error(400, code);
    }
});

s3_test!(refuses_a_session_token, largest_body = 0, |s3: &S3| {
    let request = s3.request("GET", "/").header("x-amz-security-token", "nobody's");
    let error = request.expect_error(400, "InvalidToken");
    assert_eq!(error.field("Token-0"), "nobody's");
});

s3_test!(needs_a_date, largest_body = 0, |s3: &S3| {
    let mut request = s3.request("GET", "/").sign();
    request.headers.retain(|(name, _)| name != "x-amz-date");
    request.expect_error(403, "AccessDenied");
});

/// The head of a request with a wrong signature that waits to be asked for 100 MiB.
fn forged_upload_that_waits(s3: &S3) -> SignedRequest {
    let request = s3.bucket().object("PUT", "key");
    let request = request.keys(&s3.endpoint.access_key, "wrong");
    let mut request = request.payload_hash("UNSIGNED-PAYLOAD").sign();
    request.add_header("expect", "100-continue");
    request.add_header("content-length", "104857600");
    request
}

s3_test!(
    refuses_a_bad_signature_before_the_body_is_sent,
    largest_body = 0,
    |s3: &S3| {
        let mut connection = s3.connect();
        connection.write_head(&forged_upload_that_waits(s3));
        connection
            .read_response("PUT")
            .into_error(403, "SignatureDoesNotMatch");
    },
    // Lambda takes the whole body before it asks the function, and refuses by itself one that is too large.
    on AWS_LAMBDA: |s3: &S3| {
        let mut connection = s3.connect();
        connection.write_head(&forged_upload_that_waits(s3));
        connection.read_response("PUT").assert_status(413);
    }
);

s3_test!(
    asks_for_the_body_once_the_signature_is_good,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let mut request = bucket
            .object("PUT", "key")
            .payload_hash("UNSIGNED-PAYLOAD")
            .sign();
        request.add_header("expect", "100-continue");
        request.add_header("content-length", "4");
        let mut connection = s3.connect();
        connection.write_head(&request);
        assert_eq!(connection.read_response("PUT").status, 100);
        connection.write(b"body");
        assert_eq!(connection.read_response("PUT").status, 200);
        assert_eq!(bucket.read("key"), b"body");
    }
);

s3_test!(
    takes_a_hash_of_the_payload_that_is_not_signed,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let mut request = bucket.put("key", "body").leaving_its_hash_unsigned().sign();
        request.add_header("x-amz-content-sha256", &sha256_hex(b"body"));
        assert!(!request.header("authorization").contains("x-amz-content-sha256"));
        let mut changed = request.clone();
        changed.set_header("x-amz-content-sha256", &sha256_hex(b"other"));
        changed.expect_error(403, "SignatureDoesNotMatch");
        let mut changed = request.clone();
        changed.body = b"evil".to_vec();
        changed.expect_error(400, "XAmzContentSHA256Mismatch");
        request.send().assert_status(200);
    }
);

s3_test!(leaves_aside_what_cloudfront_adds, largest_body = 0, |s3: &S3| {
    let mut request = s3.request("GET", "/").sign();
    request.add_header("x-amz-cf-id", "of-cloudfront");
    request.send().assert_status(200);
    let mut request = s3.request("GET", "/").presigned(MINUTE).sign();
    request.add_header("x-amz-cf-id", "of-cloudfront");
    request.send().assert_status(200);
});

s3_test!(
    takes_a_plus_in_the_path_for_a_space,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put("a b", "space").expect(200);
        bucket
            .put("a+b", "plus")
            .header("x-amz-acl", "public-read")
            .expect(200);
        for (signed_as, text) in [("a b", "space"), ("a+b", "plus")] {
            let mut request = bucket.get(signed_as).sign();
            request.target = format!("/{}/a+b", bucket.name);
            assert_eq!(request.send().assert_status(200).text(), text);
        }
        bucket.delete("a b").expect(204);
        let mut request = bucket.get("a b").sign();
        request.target = format!("/{}/a+b", bucket.name);
        request.expect_error(404, "NoSuchKey");
        let mut anonymous = bucket.get("a+b").anonymous().sign();
        anonymous.send().assert_status(200);
        anonymous.target = format!("/{}/a+b", bucket.name);
        anonymous.expect_error(403, "AccessDenied");
    }
);

s3_test!(
    takes_an_accept_encoding_that_was_changed_on_the_way,
    largest_body = 0,
    |s3: &S3| {
        let request = |value: &str| s3.request("GET", "/").header("accept-encoding", value).sign();
        for (signed, arrived) in [
            ("identity", "identity,gzip(gfe)"),
            ("identity", "gzip, deflate, br"),
            ("gzip", "gzip,gzip(gfe)"),
            ("gzip", "br"),
            ("br;q=1, zstd", "br;q=1, zstd, gzip(gfe)"),
        ] {
            let mut request = request(signed);
            request.set_header("accept-encoding", arrived);
            request.send().assert_status(200);
        }
        let mut lost = request("identity");
        lost.headers.retain(|(name, _)| name != "accept-encoding");
        lost.send().assert_status(200);
        let mut other = request("br");
        other.set_header("accept-encoding", "zstd");
        other.expect_error(403, "SignatureDoesNotMatch");
    }
);
