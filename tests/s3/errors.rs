//! What goes wrong whatever the operation, and what the connection does then.

use bleepstore_tests::http::{Response, S3};
use bleepstore_tests::s3_test;

s3_test!(an_error_is_a_whole_document, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let error = bucket.get("absent").expect_error(404, "NoSuchKey");
    assert!(
        error
            .response
            .text()
            .starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")
    );
    assert_eq!(error.message, "The specified key does not exist.");
    // S3's documentation has a Resource, its answers have none.
    assert!(!error.response.text().contains("<Resource>"));
});

s3_test!(
    every_response_is_identified_and_dated,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let responses = [
            bucket.get("key").send(),
            bucket.head("key").send(),
            bucket.get("key").header("if-none-match", "*").send(),
            bucket.get("absent").send(),
            bucket.delete("key").send(),
            s3.request("GET", "/").anonymous().send(),
        ];
        let mut ids: Vec<&str> = Vec::new();
        for response in &responses {
            response.assert_common_headers();
            assert!(response.required("date").ends_with(" GMT"));
            ids.push(response.required("x-amz-request-id"));
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), responses.len(), "a request id came twice");
    }
);

s3_test!(an_error_on_head_has_no_body, largest_body = 0, |s3: &S3| {
    let mut connection = s3.connect();
    let bucket = s3.bucket();
    connection
        .send(&bucket.head("absent").sign())
        .assert_bodiless(404);
    connection
        .send(&bucket.head("absent").anonymous().sign())
        .assert_bodiless(403);
    connection.send(&bucket.list().sign()).assert_status(200);
});

s3_test!(
    the_connection_is_usable_after_an_error,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let mut connection = s3.connect();
        connection
            .send(&bucket.get("absent").sign())
            .into_error(404, "NoSuchKey");
        connection
            .send(&bucket.put("key", "wrong").header("content-md5", "x").sign())
            .into_error(400, "InvalidDigest");
        let forged = bucket
            .put("key", "body")
            .keys(&s3.endpoint.access_key, "wrong")
            .sign();
        connection.send(&forged).into_error(403, "SignatureDoesNotMatch");
        connection
            .send(&bucket.request("POST").flag("delete").body("<x").sign())
            .assert_status(400);
        connection
            .send(&bucket.put("key", "body").sign())
            .assert_status(200);
        assert_eq!(connection.send(&bucket.get("key").sign()).text(), "body");
    }
);

s3_test!(an_unknown_method_is_not_allowed, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    for path in [
        "/".to_owned(),
        format!("/{}", bucket.name),
        format!("/{}/key", bucket.name),
    ] {
        let error = s3
            .request("PROPFIND", &path)
            .expect_error(405, "MethodNotAllowed");
        assert_eq!(error.field("Method"), "PROPFIND");
    }
});

s3_test!(
    a_method_that_the_resource_does_not_take_is_not_allowed,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        let error = s3.request("DELETE", "/").expect_error(405, "MethodNotAllowed");
        assert_eq!(error.field("Method"), "DELETE");
        bucket.object("POST", "key").expect_error(405, "MethodNotAllowed");
    }
);

s3_test!(
    a_query_that_is_not_percent_encoding_is_refused,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for query in ["prefix=%zz", "prefix=%FF", "prefix=%2"] {
            let mut request = bucket.list().sign();
            request.target = format!("/{}?list-type=2&{query}", bucket.name);
            let response = request.send();
            assert!(
                matches!(response.status, 400 | 403),
                "{query}: {}",
                response.status
            );
            assert!(!response.value("Error/Code").is_empty());
        }
    }
);

s3_test!(
    a_path_that_is_not_percent_encoding_is_refused,
    largest_body = 0,
    |s3: &S3| {
        let bucket = s3.bucket();
        for path in ["%zz", "%2", "a%"] {
            let mut request = bucket.get("key").sign();
            request.target = format!("/{}/{path}", bucket.name);
            let response = request.send();
            assert!(
                matches!(response.status, 400 | 403),
                "{path}: {}",
                response.status
            );
        }
    }
);

s3_test!(
    a_body_shorter_than_declared_stores_nothing,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let mut request = bucket
            .object("PUT", "key")
            .payload_hash("UNSIGNED-PAYLOAD")
            .sign();
        request.add_header("content-length", "10");
        let mut connection = s3.connect();
        connection.write_head(&request);
        connection.write(b"short");
        connection.finish_writing();
        // The client is gone as far as the server can tell: an answer is allowed, not owed.
        assert!(connection.is_closed() || bucket.get("key").send().status == 404);
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(
    bytes_after_the_declared_body_are_no_part_of_it,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let mut request = bucket
            .object("PUT", "key")
            .payload_hash("UNSIGNED-PAYLOAD")
            .sign();
        request.add_header("content-length", "4");
        let mut connection = s3.connect();
        connection.write_head(&request);
        connection.write(b"bodyEXTRA\r\n\r\n");
        connection.read_response("PUT").assert_status(200);
        let next: Response = connection.read_response("GET");
        assert_eq!(next.status, 400);
        assert!(connection.is_closed());
        assert_eq!(bucket.read("key"), b"body");
    }
);

s3_test!(
    a_document_that_is_too_large_is_refused,
    largest_body = 3_000_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let key = "k".repeat(1_000);
        let object = format!("<Object><Key>{key}</Key></Object>");
        let document = format!("<Delete>{}</Delete>", object.repeat(2_900));
        let md5 = bleepstore_tests::http::encoding::content_md5(document.as_bytes());
        let response = bucket
            .request("POST")
            .flag("delete")
            .header("content-md5", md5)
            .body(document)
            .send();
        assert_eq!(response.status, 400);
        let code = response.value("Error/Code");
        assert!(
            code == "MalformedXML" || code == "MaxMessageLengthExceeded",
            "{code}"
        );
    }
);

s3_test!(
    a_document_that_is_too_deep_is_refused,
    largest_body = 100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let document = format!(
            "<Delete>{}{}</Delete>",
            "<a>".repeat(10_000),
            "</a>".repeat(10_000)
        );
        let md5 = bleepstore_tests::http::encoding::content_md5(document.as_bytes());
        let request = bucket
            .request("POST")
            .flag("delete")
            .header("content-md5", md5)
            .body(document);
        request.expect_error(400, "MalformedXML");
    }
);

s3_test!(entities_are_not_expanded, largest_body = 1_000, |s3: &S3| {
    let bucket = s3.bucket();
    let document = "<!DOCTYPE Delete [<!ENTITY a \"aaaa\">]><Delete><Object><Key>&a;</Key></Object></Delete>";
    let md5 = bleepstore_tests::http::encoding::content_md5(document.as_bytes());
    let request = bucket
        .request("POST")
        .flag("delete")
        .header("content-md5", md5)
        .body(document);
    request.expect_error(400, "MalformedXML");
});

s3_test!(
    headers_that_are_too_long_are_refused,
    largest_body = 0,
    |s3: &S3| {
        let mut request = s3.request("GET", "/").sign();
        request.add_header("x-long", &"a".repeat(200_000));
        let mut connection = s3.connect();
        let response = connection.send(&request);
        assert!(matches!(response.status, 400 | 431), "{}", response.status);
    }
);

s3_test!(
    a_request_that_is_not_http_is_refused,
    largest_body = 0,
    |s3: &S3| {
        let mut connection = s3.connect();
        connection.write(b"\x16\x03\x01 hello\r\n\r\n");
        assert_eq!(connection.read_response("GET").status, 400);
        assert!(connection.is_closed());
    }
);

s3_test!(two_lengths_are_refused, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let mut request = bucket.put("key", "body").sign();
    request.add_header("content-length", "4");
    request.add_header("content-length", "5");
    let mut connection = s3.connect();
    assert_eq!(connection.send(&request).status, 400);
    bucket.get("key").expect_error(404, "NoSuchKey");
});

s3_test!(
    head_and_body_may_come_byte_by_byte,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let request = bucket.put("key", "body").sign();
        let mut connection = s3.connect();
        for byte in request.head(s3.endpoint.address).iter().chain(&request.body) {
            connection.write(&[*byte]);
        }
        connection.read_response("PUT").assert_status(200);
        assert_eq!(bucket.read("key"), b"body");
    }
);

s3_test!(requests_may_be_pipelined, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a", "b"]);
    let mut connection = s3.connect();
    let both = ["a", "b"]
        .map(|key| bucket.get(key).sign().head(s3.endpoint.address))
        .concat();
    connection.write(&both);
    assert_eq!(connection.read_response("GET").text(), "a");
    assert_eq!(connection.read_response("GET").text(), "b");
});
