//! GetPublicAccessBlock, PutPublicAccessBlock, DeletePublicAccessBlock, and what the four switches do.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use bleepstore_tests::http::{ALICE, Bucket, Request, S3};
use bleepstore_tests::s3_test;

const ALL_USERS: &str = "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"";

const SWITCHES: [&str; 4] = [
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
];

fn put(bucket: &Bucket, switches: &str) -> Request {
    let body = format!("<PublicAccessBlockConfiguration>{switches}</PublicAccessBlockConfiguration>");
    bucket.request("PUT").flag("publicAccessBlock").body(body)
}

fn get(bucket: &Bucket) -> Request {
    bucket.request("GET").flag("publicAccessBlock")
}

/// Turns one of them on.
fn set(bucket: &Bucket, switch: &str) {
    put(bucket, &format!("<{switch}>true</{switch}>")).expect(200);
}

fn policy(bucket: &Bucket, principal: &str) -> Request {
    let name = &bucket.name;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},
        "Action":"s3:GetObject","Resource":"arn:aws:s3:::{name}/*"}}]}}"#
    );
    bucket.request("PUT").flag("policy").body(policy)
}

fn alice() -> String {
    format!(r#"{{"CanonicalUser":"{}"}}"#, ALICE.id)
}

s3_test!(is_kept_until_it_is_deleted, largest_body = 400, |s3: &S3| {
    let bucket = s3.bucket();
    let absent = get(&bucket).expect_error(404, "NoSuchPublicAccessBlockConfiguration");
    assert_eq!(absent.field("BucketName"), bucket.name);
    for on in SWITCHES {
        set(&bucket, on);
        let kept = get(&bucket).expect(200);
        for switch in SWITCHES {
            let value = kept.value(&format!("PublicAccessBlockConfiguration/{switch}"));
            assert_eq!(value, (switch == on).to_string(), "{switch}");
        }
    }
    put(&bucket, "").expect_error(400, "InvalidRequest");
    put(&bucket, "<BlockPublicAcls>2</BlockPublicAcls>").expect_error(400, "MalformedXML");
    for _ in 0..2 {
        bucket.request("DELETE").flag("publicAccessBlock").expect(204);
        get(&bucket).expect_error(404, "NoSuchPublicAccessBlockConfiguration");
    }
    get(&bucket.acting_for(&ALICE)).expect_error(403, "AccessDenied");
});

s3_test!(can_refuse_public_lists, largest_body = 400, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    set(&bucket, "BlockPublicAcls");
    let denied = |request: Request| request.expect_error(403, "AccessDenied");
    for canned in ["public-read", "public-read-write", "authenticated-read"] {
        denied(bucket.put_acl(canned));
        denied(
            bucket
                .object("PUT", "key")
                .flag("acl")
                .header("x-amz-acl", canned),
        );
        denied(bucket.put("new", "x").header("x-amz-acl", canned));
        denied(bucket.copy("key", "new").header("x-amz-acl", canned));
    }
    denied(bucket.put("new", "x").header("x-amz-grant-read", ALL_USERS));
    bucket
        .put("new", "x")
        .header("x-amz-acl", "bucket-owner-full-control")
        .expect(200);
    bucket.put_acl("private").expect(200);
});

s3_test!(
    can_make_public_lists_count_for_nothing,
    largest_body = 400,
    |s3: &S3| {
        let bucket = s3.bucket();
        let list = bucket.request("PUT").flag("acl");
        list.header("x-amz-grant-full-control", format!("id={}", s3.own_id()))
            .header("x-amz-grant-read", format!("id={}", ALICE.id))
            .header("x-amz-grant-write", ALL_USERS)
            .expect(200);
        bucket
            .put("key", "x")
            .header("x-amz-acl", "public-read")
            .expect(200);
        bucket.get("key").anonymous().expect(200);
        bucket.put("other", "x").anonymous().expect(200);
        set(&bucket, "IgnorePublicAcls");
        bucket.get("key").anonymous().expect_error(403, "AccessDenied");
        bucket
            .put("another", "x")
            .anonymous()
            .expect_error(403, "AccessDenied");
        bucket.get("key").expect(200);
        bucket.list().expect(200);
        // What is granted to one account stays.
        bucket.acting_for(&ALICE).list().expect(200);
        // The list itself stays as it was.
        bucket.request("DELETE").flag("publicAccessBlock").expect(204);
        bucket.get("key").anonymous().expect(200);
    }
);

s3_test!(can_refuse_public_policies, largest_body = 400, |s3: &S3| {
    let bucket = s3.bucket();
    set(&bucket, "BlockPublicPolicy");
    policy(&bucket, r#""*""#).expect_error(403, "AccessDenied");
    bucket
        .request("GET")
        .flag("policy")
        .expect_error(404, "NoSuchBucketPolicy");
    policy(&bucket, &alice()).expect(204);
});

s3_test!(can_restrict_public_policies, largest_body = 400, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    policy(&bucket, r#""*""#).expect(204);
    bucket.get("key").anonymous().expect(200);
    set(&bucket, "RestrictPublicBuckets");
    bucket.get("key").anonymous().expect_error(403, "AccessDenied");
    bucket
        .acting_for(&ALICE)
        .get("key")
        .expect_error(403, "AccessDenied");
    bucket.get("key").expect(200);
    policy(&bucket, &alice()).expect(204);
    bucket.acting_for(&ALICE).get("key").expect(200);
});

s3_test!(
    can_refuse_public_lists_of_uploads,
    largest_body = 400,
    |s3: &S3| {
        let bucket = s3.bucket();
        let open = bucket.begin_upload_by(bucket.create_upload("key").header("x-amz-acl", "public-read"));
        let open = open.value("InitiateMultipartUploadResult/UploadId").to_owned();
        set(&bucket, "BlockPublicAcls");
        let public = bucket.create_upload("new").header("x-amz-acl", "public-read");
        public.expect_error(403, "AccessDenied");
        // One that was begun before becomes no public object.
        let part = bucket.upload_part("key", &open, 1, b"x");
        bucket.complete("key", &open, &[part]).expect(200);
        bucket.get("key").anonymous().expect_error(403, "AccessDenied");
        assert_eq!(bucket.read("key"), b"x");
    }
);
