use bleepstore_tests::http::{ALICE, Bucket, S3};
use bleepstore_tests::s3_test;

use crate::get_bucket_acl::grants;
use crate::put_bucket_acl::{assert_lists_are_checked, grant, policy};

fn shown(bucket: &Bucket, key: &str) -> Vec<String> {
    grants(&bucket.get(key).flag("acl").expect(200))
}

s3_test!(
    replaces_the_list_and_nothing_else,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let own = s3.own_id();
        // One that may lie within the record, and one that lies in a blob.
        for body in [b"x".to_vec(), vec![7; 20_000]] {
            bucket
                .put("key", body.clone())
                .header("x-amz-meta-a", "b")
                .expect(200);
            let before = bucket.head("key").expect(200);
            let put = bucket
                .object("PUT", "key")
                .flag("acl")
                .header("x-amz-acl", "public-read");
            assert_eq!(put.expect(200).body, b"");
            assert_eq!(
                shown(&bucket, "key"),
                [format!("{own} FULL_CONTROL"), "AllUsers READ".to_owned()]
            );
            let after = bucket.head("key").expect(200);
            for name in ["etag", "last-modified", "x-amz-meta-a"] {
                assert_eq!(after.header(name), before.header(name), "{name}");
            }
            assert_eq!(bucket.read("key"), body);
            assert_eq!(bucket.get("key").anonymous().expect(200).body, body);
        }
    }
);

s3_test!(
    takes_grants_in_headers_and_in_xml,
    largest_body = 1_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let own = s3.own_id();
        bucket.fill(&["key"]);
        let put = || bucket.object("PUT", "key").flag("acl");
        put()
            .header("x-amz-grant-read", format!("id=\"{}\"", ALICE.id))
            .expect(200);
        assert_eq!(shown(&bucket, "key"), [format!("{} READ", ALICE.id)]);
        // Its owner may no longer read it, but for its list.
        bucket.get("key").expect_error(403, "AccessDenied");
        assert_eq!(bucket.acting_for(&ALICE).read("key"), b"key");
        let full = grant(
            "CanonicalUser",
            &format!("<ID>{own}</ID><DisplayName>me</DisplayName>"),
            "FULL_CONTROL",
        );
        put()
            .query("versionId", "null")
            .body(policy(&own, &full))
            .expect(200);
        assert_eq!(shown(&bucket, "key"), [format!("{own} FULL_CONTROL")]);
        assert_eq!(bucket.read("key"), b"key");
    }
);

s3_test!(
    of_a_shared_object_leaves_its_copies,
    largest_body = 20_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let body = vec![7; 20_000];
        bucket.put("key", body.clone()).expect(200);
        bucket.copy("key", "copy").expect(200);
        let put = bucket.object("PUT", "key").flag("acl");
        put.header("x-amz-acl", "public-read").expect(200);
        bucket.get("copy").anonymous().expect_error(403, "AccessDenied");
        bucket.delete("key").expect(204);
        assert_eq!(bucket.read("copy"), body);
    }
);

s3_test!(refuses_what_is_no_list, largest_body = 50_000, |s3: &S3| {
    let bucket = s3.bucket();
    let own = s3.own_id();
    bucket.fill(&["key"]);
    assert_lists_are_checked(|| bucket.object("PUT", "key").flag("acl"), &own);
    let put = bucket.object("PUT", "key").flag("acl");
    let delivery = put.header("x-amz-acl", "log-delivery-write");
    delivery.expect_error(400, "InvalidArgument");
    assert_eq!(shown(&bucket, "key"), [format!("{own} FULL_CONTROL")]);
});

s3_test!(
    needs_permission_to_write_the_list,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let seen = bucket.acting_for(&ALICE);
        let attempt = |permission: &str| {
            let name = format!("x-amz-grant-{permission}");
            bucket
                .put("key", "x")
                .header(&name, format!("id={}", ALICE.id))
                .expect(200);
            seen.object("PUT", "key")
                .flag("acl")
                .header("x-amz-acl", "public-read")
        };
        attempt("read").expect_error(403, "AccessDenied");
        attempt("read-acp").expect_error(403, "AccessDenied");
        attempt("write").expect_error(403, "AccessDenied");
        attempt("write-acp").expect(200);
        // The object is still its owner's.
        assert_eq!(
            shown(&bucket, "key"),
            [
                format!("{} FULL_CONTROL", s3.own_id()),
                "AllUsers READ".to_owned()
            ]
        );
        let anonymous = bucket
            .object("PUT", "key")
            .flag("acl")
            .header("x-amz-acl", "private");
        anonymous.anonymous().expect_error(403, "AccessDenied");
    }
);

s3_test!(needs_the_object, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let put = |key: &str| {
        bucket
            .object("PUT", key)
            .flag("acl")
            .header("x-amz-acl", "private")
    };
    put("absent").expect_error(404, "NoSuchKey");
    put("absent")
        .query("versionId", "a".repeat(32))
        .expect_error(400, "InvalidArgument");
    let elsewhere = s3.bucket_named(s3.unused_name());
    let put = elsewhere
        .object("PUT", "key")
        .flag("acl")
        .header("x-amz-acl", "private");
    put.expect_error(404, "NoSuchBucket");
});
