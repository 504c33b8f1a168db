//! Keys of the client's for the encryption of an object (SSE-C), which no object has, and other headers that are not built.

use bleepstore_tests::http::{Request, S3};
use bleepstore_tests::s3_test;

const PAST: &str = "Fri, 01 Jan 2010 00:00:00 GMT";
const NOT_APPLICABLE: &str = "The encryption parameters are not applicable to this object.";

/// The request with such a key, for the object or for a copy's source.
fn with_key(request: Request, prefix: &str) -> Request {
    let header = |name: &str| format!("x-amz-{prefix}server-side-encryption-customer-{name}");
    request
        .header(&header("algorithm"), "AES256")
        .header(&header("key"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
        .header(&header("key-md5"), "dr2/Fgbwt7Zr4oQAQCFW1A==")
}

s3_test!(for_a_read_do_not_apply, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let attributes = bucket.get("key").flag("attributes");
    for request in [
        bucket.get("key"),
        bucket.get("key").header("if-none-match", "*"),
        bucket.get("key").query("partNumber", 1),
        attributes.header("x-amz-object-attributes", "ETag"),
    ] {
        let error = with_key(request, "").expect_error(400, "InvalidRequest");
        assert_eq!(error.message, NOT_APPLICABLE);
    }
    assert_eq!(with_key(bucket.head("key"), "").expect(400).body, b"");
    with_key(bucket.get("absent"), "").expect_error(404, "NoSuchKey");
    let algorithm = "x-amz-server-side-encryption-customer-algorithm";
    let alone = bucket.get("key").header(algorithm, "AES256");
    alone.expect_error(400, "InvalidRequest");
    assert_eq!(bucket.read("key"), b"key");
});

s3_test!(
    for_the_source_of_a_copy_do_not_apply,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["source"]);
        let copy = with_key(bucket.copy("source", "copy"), "copy-source-");
        assert_eq!(copy.expect_error(400, "InvalidRequest").message, NOT_APPLICABLE);
        let absent = with_key(bucket.copy("absent", "copy"), "copy-source-");
        absent.expect_error(404, "NoSuchKey");
        bucket.get("copy").expect(404);
    }
);

s3_test!(for_parts_are_refused, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["source"]);
    let upload = bucket.begin_upload("key");
    let copied = bucket.part("key", &upload, 1, "");
    let copied = copied.header("x-amz-copy-source", format!("{}/source", bucket.name));
    let copied = with_key(copied, "copy-source-");
    assert_eq!(copied.expect_error(400, "InvalidRequest").message, NOT_APPLICABLE);
    let listed = with_key(bucket.list_parts("key", &upload), "");
    assert_eq!(listed.expect_error(400, "InvalidRequest").message, NOT_APPLICABLE);
    with_key(bucket.create_upload("key"), "").expect_error(501, "NotImplemented");
    let part = with_key(bucket.part("key", &upload, 1, "x"), "");
    part.expect_error(501, "NotImplemented");
    let parts = bucket.list_parts("key", &upload).expect(200);
    assert_eq!(parts.all("ListPartsResult/Part"), [""; 0]);
    let part = bucket.upload_part("key", &upload, 1, b"x");
    let complete = with_key(bucket.complete("key", &upload, &[part]), "");
    complete.expect_error(501, "NotImplemented");
    bucket.get("key").expect(404);
});

s3_test!(for_a_write_are_refused_by_name, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["source"]);
    for request in [bucket.put("key", "x"), bucket.copy("source", "key")] {
        let error = with_key(request, "").expect_error(501, "NotImplemented");
        assert!(error.message.contains("customer"), "{}", error.message);
    }
    bucket.get("key").expect(404);
});

s3_test!(
    and_headers_that_reads_do_not_have_are_ignored_as_by_s3,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        for (header, value) in [
            ("x-amz-request-payer", "requester"),
            ("x-amz-optional-object-attributes", "RestoreStatus"),
            ("x-amz-tagging", "a=b"),
        ] {
            assert_eq!(bucket.get("key").header(header, value).expect(200).text(), "key");
            bucket.list().header(header, value).expect(200);
        }
        let paid = bucket.put("key", "x").header("x-amz-request-payer", "requester");
        assert_eq!(paid.expect(200).header("x-amz-request-charged"), None);
    }
);

s3_test!(
    and_headers_of_other_operations_are_refused_where_s3_does,
    largest_body = 10,
    |s3: &S3| {
        const ENCRYPTION: &str = "x-amz-server-side-encryption";
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let attributes = bucket.get("key").flag("attributes");
        let part = |header: &str, value: &str| {
            let request = bucket.part("key", &"0".repeat(32), 1, "x");
            request.header(header, value)
        };
        for (request, header) in [
            (bucket.get("key").header(ENCRYPTION, "AES256"), ENCRYPTION),
            (attributes.header(ENCRYPTION, "AES256"), ENCRYPTION),
            (part(ENCRYPTION, "AES256"), ENCRYPTION),
            (part("x-amz-acl", "private"), "x-amz-acl"),
        ] {
            let error = request.expect_error(400, "InvalidArgument");
            assert_eq!(error.field("ArgumentName"), header);
        }
        bucket.head("key").header(ENCRYPTION, "AES256").expect(400);
    }
);

s3_test!(
    and_conditions_that_only_directory_buckets_have_are_refused_by_name,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let upload = "0".repeat(32);
        for (request, header, value) in [
            (bucket.delete("key"), "x-amz-if-match-size", "1"),
            (bucket.delete("key"), "x-amz-if-match-last-modified-time", PAST),
            (bucket.delete("key"), "x-amz-mfa", "1 2"),
            (
                bucket.abort("key", &upload),
                "x-amz-if-match-initiated-time",
                PAST,
            ),
        ] {
            let error = request.header(header, value).expect_error(501, "NotImplemented");
            assert_eq!(error.field("Header"), header);
        }
        let bypass = "x-amz-bypass-governance-retention";
        for value in ["true", "false"] {
            let error = bucket.delete("key").header(bypass, value);
            let error = error.expect_error(400, "InvalidArgument");
            assert_eq!(
                error.message,
                "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets."
            );
        }
        assert_eq!(bucket.read("key"), b"key");
    }
);
