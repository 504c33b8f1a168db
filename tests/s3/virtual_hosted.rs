//! Requests that name their bucket in the host. The servers of these rules have the base domain `DOMAIN`.

use std::time::Duration;

use bleepstore_tests::domain_test;
use bleepstore_tests::http::{Bucket, DOMAIN, Request, S3};

/// A request to this path below the bucket's own host.
fn below(s3: &S3, bucket: &Bucket, method: &str, path: &str) -> Request {
    s3.request(method, path)
        .header("host", format!("{}.{DOMAIN}", bucket.name))
}

domain_test!(the_host_names_the_bucket, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket_named(s3.unused_name());
    below(s3, &bucket, "PUT", "/").expect(200);
    below(s3, &bucket, "PUT", "/a/key").body("body").expect(200);
    assert_eq!(bucket.read("a/key"), b"body");
    assert_eq!(below(s3, &bucket, "GET", "/a/key").expect(200).text(), "body");
    let listed = below(s3, &bucket, "GET", "/").query("list-type", 2).expect(200);
    assert_eq!(listed.value("ListBucketResult/Name"), bucket.name);
    assert_eq!(listed.value("ListBucketResult/Contents/Key"), "a/key");
    below(s3, &bucket, "DELETE", "/a/key").expect(204);
    below(s3, &bucket, "HEAD", "/").expect(200);
    below(s3, &bucket, "DELETE", "/").expect(204);
    bucket.request("HEAD").send().assert_bodiless(404);
});

domain_test!(the_whole_path_is_the_key, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    for path in [
        format!("/{}/key", bucket.name),
        "/_bleepstore/health".to_owned(),
        "//".to_owned(),
    ] {
        below(s3, &bucket, "PUT", &path).body("body").expect(200);
        assert_eq!(bucket.read(&path[1..]), b"body", "{path}");
    }
});

domain_test!(
    case_a_port_and_a_dot_at_the_end_do_not_matter,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let name = &bucket.name;
        for host in [
            format!("{name}.{DOMAIN}:9000"),
            format!("{name}.{}", DOMAIN.to_uppercase()),
            format!("{}.{DOMAIN}:80", name.to_uppercase()),
            format!("{name}.{DOMAIN}."),
            format!("{name}.{DOMAIN}.:443"),
        ] {
            let request = s3.request("GET", "/key").header("host", &host);
            assert_eq!(request.expect(200).text(), "key", "{host}");
        }
    }
);

domain_test!(other_hosts_are_path_style, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let port = s3.endpoint.address.port();
    for host in [
        DOMAIN.to_owned(),
        format!("{DOMAIN}:{port}"),
        format!("[::1]:{port}"),
        "[2001:db8::1]".to_owned(),
        format!("{}.elsewhere.example", bucket.name),
        format!("other-{DOMAIN}"),
    ] {
        let path = format!("/{}/key", bucket.name);
        let request = s3.request("GET", &path).header("host", &host);
        assert_eq!(request.expect(200).text(), "key", "{host}");
    }
});

domain_test!(a_name_may_have_dots, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket_named(format!("a.{}", s3.unused_name()));
    below(s3, &bucket, "PUT", "/").expect(200);
    below(s3, &bucket, "PUT", "/key").body("body").expect(200);
    assert_eq!(bucket.read("key"), b"body");
});

domain_test!(the_name_is_checked, largest_body = 0, |s3: &S3| {
    for label in ["", "ab", "-ab", "a_b", "a..b"] {
        let request = s3.request("GET", "/key");
        let request = request.header("host", format!("{label}.{DOMAIN}"));
        request.expect_error(400, "InvalidBucketName");
    }
    let absent = s3.bucket_named(s3.unused_name());
    below(s3, &absent, "GET", "/key").expect_error(404, "NoSuchBucket");
});

domain_test!(the_host_is_signed, largest_body = 10, |s3: &S3| {
    let [own, other] = [s3.bucket(), s3.bucket()];
    own.fill(&["key"]);
    other.fill(&["key"]);
    let mut request = below(s3, &own, "GET", "/key").sign();
    request.set_header("host", &format!("{}.{DOMAIN}", other.name));
    request.expect_error(403, "SignatureDoesNotMatch");
    let minute = Duration::from_secs(60);
    let mut request = below(s3, &own, "GET", "/key").presigned(minute).sign();
    assert_eq!(request.send().assert_status(200).text(), "key");
    request.set_header("host", &format!("{}.{DOMAIN}", other.name));
    request.expect_error(403, "SignatureDoesNotMatch");
});

domain_test!(a_preflight_request_is_refused, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    for path in ["/", "/key"] {
        let request = below(s3, &bucket, "OPTIONS", path).anonymous();
        let error = request
            .header("origin", "https://app.example")
            .header("access-control-request-method", "GET")
            .expect_error(403, "AccessForbidden");
        assert_eq!(error.field("ResourceType"), "BUCKET");
    }
});

domain_test!(
    a_copy_names_its_source_by_its_path,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let request = below(s3, &bucket, "PUT", "/copy");
        request
            .header("x-amz-copy-source", format!("{}/key", bucket.name))
            .expect(200);
        assert_eq!(bucket.read("copy"), b"key");
    }
);
