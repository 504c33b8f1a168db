use bleepstore_tests::http::{ALICE, Response, S3};
use bleepstore_tests::s3_test;

/// The list in a response: each grantee with what it may do.
#[track_caller]
pub(crate) fn grants(response: &Response) -> Vec<String> {
    let grant = "AccessControlPolicy/AccessControlList/Grant";
    let permissions = response.all(&format!("{grant}/Permission"));
    // Documents hold one or the other of a grantee, in the order of the grants.
    let text = response.text();
    let grantees = text.split("<Grantee ").skip(1).map(|grantee| {
        let of = |element: &str| {
            let (_, rest) = grantee.split_once(&format!("<{element}>"))?;
            rest.split_once('<')
                .map(|(id, _)| id.rsplit('/').next().unwrap_or(id).to_owned())
        };
        let (kind, _) = grantee
            .split_once("xsi:type=\"")
            .unwrap()
            .1
            .split_once('"')
            .unwrap();
        match kind {
            "CanonicalUser" => of("ID").unwrap(),
            "Group" => of("URI").unwrap(),
            other => panic!("a grantee of type {other}"),
        }
    });
    let grants: Vec<String> = grantees
        .zip(&permissions)
        .map(|(who, what)| format!("{who} {what}"))
        .collect();
    assert_eq!(grants.len(), permissions.len());
    grants
}

s3_test!(shows_the_owner_with_full_control, largest_body = 0, |s3: &S3| {
    let own = s3.own_id();
    let shown = s3.bucket().request("GET").flag("acl").expect(200);
    assert_eq!(shown.value("AccessControlPolicy/Owner/ID"), own);
    assert_eq!(shown.value("AccessControlPolicy/Owner/DisplayName"), "root");
    assert_eq!(grants(&shown), [format!("{own} FULL_CONTROL")]);
    let grantee = "AccessControlPolicy/AccessControlList/Grant/Grantee";
    assert_eq!(shown.value(&format!("{grantee}/DisplayName")), "root");
});

s3_test!(
    shows_what_the_bucket_was_created_with,
    largest_body = 0,
    |s3: &S3| {
        let own = s3.own_id();
        let create = |name: &str, value: &str| {
            let bucket = s3.bucket_named(s3.unused_name());
            bucket.request("PUT").header(name, value).expect(200);
            grants(&bucket.request("GET").flag("acl").expect(200))
        };
        let full = format!("{own} FULL_CONTROL");
        assert_eq!(
            create("x-amz-acl", "public-read"),
            [full.as_str(), "AllUsers READ"]
        );
        // S3 ignores this one where a bucket is created.
        assert_eq!(create("x-amz-acl", "bucket-owner-full-control"), [full]);
        let granted = create("x-amz-grant-write", &format!("id={}", ALICE.id));
        assert_eq!(granted, [format!("{} WRITE", ALICE.id)]);
    }
);

s3_test!(needs_permission_to_read_the_list, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let own = s3.own_id();
    let seen = bucket.acting_for(&ALICE);
    for permission in ["read", "write", "write-acp"] {
        bucket.grant(&own, permission, &format!("id={}", ALICE.id));
        seen.request("GET").flag("acl").expect_error(403, "AccessDenied");
    }
    bucket.grant(&own, "read-acp", &format!("id={}", ALICE.id));
    let shown = seen.request("GET").flag("acl").expect(200);
    assert_eq!(shown.value("AccessControlPolicy/Owner/ID"), own);
    let anonymous = bucket.request("GET").flag("acl").anonymous();
    anonymous.expect_error(403, "AccessDenied");
});

s3_test!(needs_the_bucket, largest_body = 0, |s3: &S3| {
    let absent = s3.bucket_named(s3.unused_name());
    absent
        .request("GET")
        .flag("acl")
        .expect_error(404, "NoSuchBucket");
});
