use bleepstore_tests::http::{ALICE, BOB, Request, S3};
use bleepstore_tests::s3_test;

use crate::get_bucket_acl::grants;

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

/// A grant in XML, to an account or a group.
pub(crate) fn grant(kind: &str, content: &str, permission: &str) -> String {
    format!(
        "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\">{content}</Grantee>\
         <Permission>{permission}</Permission></Grant>"
    )
}

/// A list in XML of what `owner` owns.
pub(crate) fn policy(owner: &str, grants: &str) -> String {
    format!(
        "<AccessControlPolicy><Owner><ID>{owner}</ID></Owner><AccessControlList>{grants}</AccessControlList>\
         </AccessControlPolicy>"
    )
}

/// Checks every error that a list can have, of a request that takes one. Nothing may change.
pub(crate) fn assert_lists_are_checked(put: impl Fn() -> Request, own: &str) {
    let mixed = put()
        .header("x-amz-acl", "private")
        .header("x-amz-grant-read", format!("uri={ALL_USERS}"));
    let error = mixed.expect_error(400, "InvalidRequest");
    assert_eq!(
        error.message,
        "Specifying both Canned ACLs and Header Grants is not allowed"
    );
    let one = grant("CanonicalUser", &format!("<ID>{}</ID>", ALICE.id), "READ");
    let with_body = |request: Request| request.body(policy(own, &one));
    with_body(put().header("x-amz-acl", "private")).expect_error(400, "UnexpectedContent");
    let granted = put().header("x-amz-grant-read", format!("id={}", ALICE.id));
    with_body(granted).expect_error(400, "UnexpectedContent");
    let nothing = put().expect_error(400, "MissingSecurityHeader");
    assert_eq!(nothing.field("MissingHeaderName"), "x-amz-acl");

    let canned = put()
        .header("x-amz-acl", "public")
        .expect_error(400, "InvalidArgument");
    assert_eq!(canned.field("ArgumentName"), "x-amz-acl");
    assert_eq!(canned.field("ArgumentValue"), "public");
    let ec2 = put()
        .header("x-amz-acl", "aws-exec-read")
        .expect_error(501, "NotImplemented");
    assert!(ec2.message.contains("aws-exec-read"), "{}", ec2.message);

    let by_header = |value: &str| put().header("x-amz-grant-read", value);
    let by_xml = |kind: &str, content: &str| put().body(policy(own, &grant(kind, content, "READ")));
    for (request, argument) in [
        (by_header("id=nobody"), "id"),
        (by_xml("CanonicalUser", "<ID>nobody</ID>"), "CanonicalUser/ID"),
    ] {
        let error = request.expect_error(400, "InvalidArgument");
        assert_eq!(error.message, "Invalid id");
        assert_eq!(error.field("ArgumentName"), argument);
        assert_eq!(error.field("ArgumentValue"), "nobody");
    }
    for (request, argument) in [
        (by_header("uri=\"http://x\""), "uri"),
        (by_xml("Group", "<URI>http://x</URI>"), "Group/URI"),
    ] {
        let error = request.expect_error(400, "InvalidArgument");
        assert_eq!(error.message, "Invalid group uri");
        assert_eq!(error.field("ArgumentName"), argument);
        assert_eq!(error.field("ArgumentValue"), "http://x");
    }
    for request in [
        by_header("emailAddress=\"a@example.com\""),
        by_xml(
            "AmazonCustomerByEmail",
            "<EmailAddress>a@example.com</EmailAddress>",
        ),
    ] {
        request.expect_error(405, "MethodNotAllowed");
    }
    by_header("alice").expect_error(400, "InvalidArgument");
    for body in [
        "x".to_owned(),
        "<AccessControlPolicy/>".to_owned(),
        // S3 wants to be told the owner.
        format!("<AccessControlPolicy><AccessControlList>{one}</AccessControlList></AccessControlPolicy>"),
        policy(own, &one.repeat(101)),
    ] {
        put().body(body).expect_error(400, "MalformedACLError");
    }
    let error = put()
        .body(policy("wrong-id", &one))
        .expect_error(400, "InvalidArgument");
    assert_eq!(error.message, "Invalid id");
    assert_eq!(error.field("ArgumentName"), "CanonicalUser/ID");
    assert_eq!(error.field("ArgumentValue"), "wrong-id");
    put().body(policy(BOB.id, &one)).expect_error(403, "AccessDenied");
}

s3_test!(takes_a_canned_list, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let full = format!("{} FULL_CONTROL", s3.own_id());
    for (canned, more) in [
        ("public-read", &["AllUsers READ"][..]),
        ("public-read-write", &["AllUsers READ", "AllUsers WRITE"]),
        ("authenticated-read", &["AuthenticatedUsers READ"]),
        (
            "log-delivery-write",
            &["LogDelivery WRITE", "LogDelivery READ_ACP"],
        ),
        ("private", &[]),
    ] {
        assert_eq!(bucket.put_acl(canned).expect(200).body, b"", "{canned}");
        let expected = [&[full.as_str()], more].concat();
        assert_eq!(grants(&bucket.request("GET").flag("acl").expect(200)), expected);
    }
});

s3_test!(
    takes_grants_in_headers_and_no_others,
    largest_body = 10,
    |s3: &S3| {
        let bucket = s3.bucket();
        let (alice, bob) = (ALICE.id, BOB.id);
        let put = bucket
            .request("PUT")
            .flag("acl")
            .header("x-amz-grant-read", format!("uri=\"{ALL_USERS}\", id=\"{alice}\""))
            .header("x-amz-grant-write-acp", format!("id={bob}"));
        put.expect(200);
        let expected = [
            "AllUsers READ".to_owned(),
            format!("{alice} READ"),
            format!("{bob} WRITE_ACP"),
        ];
        assert_eq!(grants(&bucket.request("GET").flag("acl").expect(200)), expected);
        // The owner has lost what it is not granted, but for the list, and gets it back.
        bucket.list().expect(200);
        bucket.put("key", "x").expect_error(403, "AccessDenied");
        bucket.put_acl("private").expect(200);
        bucket.put("key", "x").expect(200);
    }
);

s3_test!(takes_the_list_that_was_shown, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put_acl("public-read-write").expect(200);
    let shown = bucket.request("GET").flag("acl").expect(200);
    bucket.put_acl("private").expect(200);
    let put = bucket.request("PUT").flag("acl").body(shown.body.clone());
    put.expect(200);
    let again = bucket.request("GET").flag("acl").expect(200);
    assert_eq!(again.body, shown.body);
});

s3_test!(refuses_what_is_no_list, largest_body = 50_000, |s3: &S3| {
    let bucket = s3.bucket();
    let own = s3.own_id();
    assert_lists_are_checked(|| bucket.request("PUT").flag("acl"), &own);
    let shown = bucket.request("GET").flag("acl").expect(200);
    assert_eq!(grants(&shown), [format!("{own} FULL_CONTROL")]);
});

s3_test!(needs_permission_to_write_the_list, largest_body = 0, |s3: &S3| {
    let bucket = s3.bucket();
    let own = s3.own_id();
    let seen = bucket.acting_for(&ALICE);
    for permission in ["read", "write", "read-acp"] {
        bucket.grant(&own, permission, &format!("id={}", ALICE.id));
        seen.put_acl("public-read").expect_error(403, "AccessDenied");
    }
    let anonymous = bucket.put_acl("public-read").anonymous();
    anonymous.expect_error(403, "AccessDenied");
    bucket.grant(&own, "write-acp", &format!("id={}", ALICE.id));
    seen.put_acl("public-read").expect(200);
    // The bucket is still its owner's, and the permission went with the list.
    let shown = bucket.request("GET").flag("acl").expect(200);
    assert_eq!(
        grants(&shown),
        [format!("{own} FULL_CONTROL"), "AllUsers READ".to_owned()]
    );
    seen.put_acl("private").expect_error(403, "AccessDenied");
});

s3_test!(decides_the_next_request, largest_body = 10, |s3: &S3| {
    let bucket = s3.bucket();
    let seen = bucket.acting_for(&BOB);
    for _ in 0..4 {
        bucket.put_acl("public-read-write").expect(200);
        seen.put("key", "x").expect(200);
        bucket.put_acl("private").expect(200);
        seen.put("key", "x").expect_error(403, "AccessDenied");
    }
});

s3_test!(needs_the_bucket, largest_body = 0, |s3: &S3| {
    let absent = s3.bucket_named(s3.unused_name());
    absent.put_acl("private").expect_error(404, "NoSuchBucket");
});
