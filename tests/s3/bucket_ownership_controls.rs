use bleepstore_tests::http::{ALICE, Bucket, Request, S3};
use bleepstore_tests::s3_test;

use crate::get_bucket_acl::grants;

const OWNERSHIP: &str = "OwnershipControls/Rule/ObjectOwnership";

fn rule(ownership: &str) -> String {
    format!("<Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>")
}

/// PutBucketOwnershipControls with these rules.
fn put(bucket: &Bucket, rules: &str) -> Request {
    let body = format!("<OwnershipControls>{rules}</OwnershipControls>");
    bucket.request("PUT").flag("ownershipControls").body(body)
}

s3_test!(
    of_object_writer_are_kept_until_they_are_deleted,
    largest_body = 200,
    |s3: &S3| {
        let bucket = s3.bucket();
        let get = || bucket.request("GET").flag("ownershipControls");
        let absent = get().expect_error(404, "OwnershipControlsNotFoundError");
        assert_eq!(absent.field("BucketName"), bucket.name);
        for _ in 0..2 {
            assert_eq!(put(&bucket, &rule("ObjectWriter")).expect(200).body, b"");
            assert_eq!(get().expect(200).value(OWNERSHIP), "ObjectWriter");
        }
        // They change nothing: lists decide with them and without.
        for _ in 0..2 {
            bucket.put_acl("public-read-write").expect(200);
            bucket.acting_for(&ALICE).put("key", "x").expect(200);
            bucket.get("key").expect_error(403, "AccessDenied");
            let deleted = bucket.request("DELETE").flag("ownershipControls");
            assert_eq!(deleted.expect(204).body, b"");
            get().expect_error(404, "OwnershipControlsNotFoundError");
        }
    }
);

s3_test!(
    of_the_owner_who_is_preferred_give_it_what_is_given_to_it,
    largest_body = 200,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put_acl("public-read-write").expect(200);
        put(&bucket, &rule("BucketOwnerPreferred")).expect(200);
        let (own, alice) = (s3.own_id(), bucket.acting_for(&ALICE));
        let owner = |bucket: &Bucket, key: &str| {
            let list = bucket.object("GET", key).flag("acl").expect(200);
            list.value("AccessControlPolicy/Owner/ID").to_owned()
        };
        alice.put("hers", "x").expect(200);
        assert_eq!(owner(&alice, "hers"), ALICE.id);
        let giving = |request: Request| request.header("x-amz-acl", "bucket-owner-full-control");
        giving(alice.put("given", "x")).expect(200);
        assert_eq!(owner(&bucket, "given"), own);
        assert_eq!(bucket.read("given"), b"x");
        alice.get("given").expect_error(403, "AccessDenied");
        // Lists still count, and an upload is hers until it is completed.
        let upload = alice.begin_upload_by(giving(alice.create_upload("parts")));
        let upload = upload.value("InitiateMultipartUploadResult/UploadId").to_owned();
        let part = alice.upload_part("parts", &upload, 1, b"x");
        alice.complete("parts", &upload, &[part]).expect(200);
        assert_eq!(owner(&bucket, "parts"), own);
    }
);

s3_test!(
    of_the_owner_who_is_enforced_make_lists_count_for_nothing,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket
            .put("old", "x")
            .header("x-amz-acl", "public-read")
            .expect(200);
        bucket.put_acl("public-read").expect(200);
        let error = put(&bucket, &rule("BucketOwnerEnforced"));
        error.expect_error(400, "InvalidBucketAclWithObjectOwnership");
        bucket.put_acl("private").expect(200);
        put(&bucket, &rule("BucketOwnerEnforced")).expect(200);
        bucket.get("old").anonymous().expect_error(403, "AccessDenied");
        let own = s3.own_id();
        let shown = grants(&bucket.object("GET", "old").flag("acl").expect(200));
        assert_eq!(shown, [format!("{own} FULL_CONTROL")]);
        // Lists that say something are refused, and others are taken and change nothing.
        for request in [
            bucket.put("key", "x"),
            bucket.copy("old", "key"),
            bucket.request("PUT").flag("acl"),
            bucket.object("PUT", "old").flag("acl"),
        ] {
            let refused = request.header("x-amz-acl", "public-read");
            let refused = refused.expect_error(400, "AccessControlListNotSupported");
            assert_eq!(refused.message, "The bucket does not allow ACLs");
        }
        let taken = bucket
            .put("key", "x")
            .header("x-amz-acl", "bucket-owner-full-control");
        taken.expect(200);
        bucket.put_acl("bucket-owner-full-control").expect(200);
        // Whom a policy lets write writes for the owner.
        let name = &bucket.name;
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"CanonicalUser":"{}"}},
            "Action":"s3:PutObject","Resource":"arn:aws:s3:::{name}/*"}}]}}"#,
            ALICE.id
        );
        bucket.request("PUT").flag("policy").body(policy).expect(204);
        bucket.acting_for(&ALICE).put("hers", "hers").expect(200);
        assert_eq!(bucket.read("hers"), b"hers");
        bucket
            .acting_for(&ALICE)
            .get("hers")
            .expect_error(403, "AccessDenied");
        // Without them the lists of before count again.
        let deleted = bucket.request("DELETE").flag("ownershipControls");
        deleted.expect(204);
        bucket.get("old").anonymous().expect(200);
    }
);

s3_test!(
    that_s3_does_not_have_are_refused,
    largest_body = 200,
    |s3: &S3| {
        let bucket = s3.bucket();
        for rules in ["", "<Rule/>", &rule("Nobody"), &rule("ObjectWriter").repeat(2)] {
            put(&bucket, rules).expect_error(400, "MalformedXML");
        }
        let empty = bucket.request("PUT").flag("ownershipControls");
        empty.expect_error(400, "MissingRequestBodyError");
        let get = bucket.request("GET").flag("ownershipControls");
        get.expect_error(404, "OwnershipControlsNotFoundError");
    }
);

s3_test!(are_the_bucket_owners_alone, largest_body = 200, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.put_acl("public-read-write").expect(200);
    put(&bucket, &rule("ObjectWriter")).expect(200);
    let seen = bucket.acting_for(&ALICE);
    put(&seen, &rule("ObjectWriter")).expect_error(403, "AccessDenied");
    for method in ["GET", "DELETE"] {
        let request = seen.request(method).flag("ownershipControls");
        request.expect_error(403, "AccessDenied");
    }
    let absent = s3.bucket_named(s3.unused_name());
    put(&absent, &rule("ObjectWriter")).expect_error(404, "NoSuchBucket");
});

s3_test!(
    can_be_stated_when_a_bucket_is_created,
    largest_body = 0,
    |s3: &S3| {
        let created = s3.bucket_named(s3.unused_name());
        let create = |ownership: &str| {
            let request = created.request("PUT");
            request.header("x-amz-object-ownership", ownership)
        };
        let enforced = create("BucketOwnerEnforced").header("x-amz-acl", "public-read");
        enforced.expect_error(400, "InvalidBucketAclWithObjectOwnership");
        let unknown = create("Nobody").expect_error(400, "InvalidArgument");
        assert_eq!(unknown.message, "Invalid x-amz-object-ownership header: Nobody");
        assert_eq!(unknown.field("ArgumentName"), "x-amz-object-ownership");
        created.request("HEAD").expect(404);
        create("ObjectWriter")
            .header("x-amz-acl", "log-delivery-write")
            .expect(200);
        let get = created.request("GET").flag("ownershipControls");
        assert_eq!(get.expect(200).value(OWNERSHIP), "ObjectWriter");
        let list = created.request("GET").flag("acl").expect(200);
        assert_eq!(grants(&list)[1..], ["LogDelivery WRITE", "LogDelivery READ_ACP"]);
    }
);

s3_test!(
    leave_grants_to_the_log_delivery_group_as_they_are,
    largest_body = 10,
    |s3: &S3| {
        const GROUP: &str = "uri=\"http://acs.amazonaws.com/groups/s3/LogDelivery\"";
        let bucket = s3.bucket();
        let own = s3.own_id();
        bucket
            .request("PUT")
            .flag("acl")
            .header("x-amz-grant-full-control", format!("id={own}"))
            .header("x-amz-grant-write", GROUP)
            .header("x-amz-grant-read-acp", GROUP)
            .expect(200);
        let mut shown = grants(&bucket.request("GET").flag("acl").expect(200));
        shown.sort();
        let mut expected = [
            "LogDelivery READ_ACP".to_owned(),
            "LogDelivery WRITE".to_owned(),
            format!("{own} FULL_CONTROL"),
        ];
        expected.sort();
        assert_eq!(shown, expected);
        // Nobody is in it.
        let anybody = bucket.acting_for(&ALICE);
        anybody.put("key", "x").expect_error(403, "AccessDenied");
        let list = anybody.request("GET").flag("acl");
        list.expect_error(403, "AccessDenied");
        let put = bucket.put("key", "x").header("x-amz-acl", "log-delivery-write");
        put.expect_error(400, "InvalidArgument");
    }
);
