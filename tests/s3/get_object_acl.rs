use bleepstore_tests::http::{ALICE, S3};
use bleepstore_tests::s3_test;

use crate::get_bucket_acl::grants;

s3_test!(shows_who_wrote_the_object, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["own"]);
    bucket.put_acl("public-read-write").expect(200);
    bucket.acting_for(&ALICE).put("hers", "x").expect(200);
    for (acting, key, id) in [
        (&bucket, "own", s3.own_id()),
        (&bucket.acting_for(&ALICE), "hers", ALICE.id.to_owned()),
    ] {
        let shown = acting.get(key).flag("acl").expect(200);
        assert_eq!(shown.value("AccessControlPolicy/Owner/ID"), id);
        assert_eq!(grants(&shown), [format!("{id} FULL_CONTROL")]);
    }
});

s3_test!(
    shows_what_each_kind_of_write_asked_for,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let full = format!("{} FULL_CONTROL", s3.own_id());
        let list = |key: &str| grants(&bucket.get(key).flag("acl").expect(200));
        let public = ("x-amz-acl", "public-read");
        bucket.put("put", "x").header(public.0, public.1).expect(200);
        assert_eq!(list("put"), [full.as_str(), "AllUsers READ"]);
        // A copy does not take over the source's list.
        bucket.copy("put", "copy").expect(200);
        assert_eq!(list("copy"), [full.as_str()]);
        bucket
            .copy("put", "public")
            .header("x-amz-acl", "authenticated-read")
            .expect(200);
        assert_eq!(list("public"), [full.as_str(), "AuthenticatedUsers READ"]);
        // Neither does what replaces an object.
        bucket.put("put", "y").expect(200);
        assert_eq!(list("put"), [full.as_str()]);
        let granted = bucket
            .put("granted", "x")
            .header("x-amz-grant-read", format!("id={}", ALICE.id));
        granted.expect(200);
        assert_eq!(list("granted"), [format!("{} READ", ALICE.id)]);
    }
);

s3_test!(
    shows_what_the_upload_was_begun_with,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let create = bucket.create_upload("key").header("x-amz-acl", "public-read");
        let upload = bucket
            .begin_upload_by(create)
            .value("InitiateMultipartUploadResult/UploadId");
        let part = bucket.upload_part("key", &upload, 1, b"x");
        bucket.complete("key", &upload, &[part]).expect(200);
        let shown = bucket.get("key").flag("acl").expect(200);
        assert_eq!(
            grants(&shown),
            [
                format!("{} FULL_CONTROL", s3.own_id()),
                "AllUsers READ".to_owned()
            ]
        );
    }
);

s3_test!(needs_permission_to_read_the_list, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let seen = bucket.acting_for(&ALICE);
    let put = |permission: &str| {
        let name = format!("x-amz-grant-{permission}");
        bucket
            .put("key", "x")
            .header(&name, format!("id={}", ALICE.id))
            .expect(200);
        seen.get("key").flag("acl")
    };
    put("read").expect_error(403, "AccessDenied");
    put("write-acp").expect_error(403, "AccessDenied");
    put("read-acp").expect(200);
    seen.get("key").expect_error(403, "AccessDenied");
    put("full-control").expect(200);
});

s3_test!(needs_the_object, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    bucket.get("absent").flag("acl").expect_error(404, "NoSuchKey");
    bucket
        .get("key")
        .flag("acl")
        .query("versionId", "null")
        .expect(200);
    let other = bucket.get("key").flag("acl").query("versionId", "a".repeat(32));
    other.expect_error(400, "InvalidArgument");
    let seen = bucket.acting_for(&ALICE);
    seen.get("absent").flag("acl").expect_error(403, "AccessDenied");
});
