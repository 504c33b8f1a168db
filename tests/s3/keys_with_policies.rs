//! What users do, that is keys with a policy of their own: within their account, and in buckets of others.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html>

use bleepstore_tests::http::{ALICE, ALICE_READER, OWNER_WRITER, Request, S3};
use bleepstore_tests::s3_test;

fn denied(request: Request) {
    request.expect_error(403, "AccessDenied");
}

s3_test!(
    let_a_user_do_what_they_say_in_its_account,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key", "secret/key"]);
        let writer = bucket.acting_for(&OWNER_WRITER);
        writer.put("key", "written").expect(200);
        assert_eq!(bucket.read("key"), b"written");
        assert_eq!(writer.read("key"), b"written");
        writer.list().expect(200);
        writer.get("absent").expect_error(404, "NoSuchKey");
        // What it puts is its account's.
        let list = bucket.object("GET", "key").flag("acl").expect(200);
        assert_eq!(list.value("AccessControlPolicy/Owner/ID"), OWNER_WRITER.id);
        for request in [
            writer.delete("key"),
            writer.object("GET", "key").flag("acl"),
            writer.put("key", "x").header("x-amz-acl", "private"),
            writer.put("key", "x").header("x-amz-tagging", "a=b"),
            writer.request("DELETE"),
            writer.request("GET").flag("versioning"),
            writer.get("secret/key"),
            writer.put("secret/key", "x"),
            writer.put("secret/new", "x"),
            writer.copy("secret/key", "copy"),
            s3.acting_for(&OWNER_WRITER).request("GET", "/"),
            s3.bucket_named(s3.unused_name())
                .acting_for(&OWNER_WRITER)
                .request("PUT"),
        ] {
            denied(request);
        }
        writer.copy("key", "copy").expect(200);
    }
);

s3_test!(
    let_a_user_only_what_its_account_may_in_buckets_of_others,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let (alice, reader) = (bucket.acting_for(&ALICE), bucket.acting_for(&ALICE_READER));
        denied(reader.get("key"));
        let name = &bucket.name;
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"CanonicalUser":"{}"}},
            "Action":["s3:GetObject","s3:PutObject","s3:ListBucket"],
            "Resource":["arn:aws:s3:::{name}","arn:aws:s3:::{name}/*"]}}]}}"#,
            ALICE.id
        );
        bucket.request("PUT").flag("policy").body(policy).expect(204);
        reader.get("key").expect(200);
        reader.list().expect(200);
        denied(reader.put("key", "x"));
        alice.put("key", "x").expect(200);
        // What lists grant to everybody is granted to its account too.
        bucket.request("DELETE").flag("policy").expect(204);
        bucket.put_acl("public-read-write").expect(200);
        reader.list().expect(200);
        denied(reader.put("new", "x"));
        alice.put("new", "x").expect(200);
    }
);

s3_test!(
    let_a_user_have_what_a_buckets_policy_grants_to_it_or_to_everybody,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key", "other"]);
        let writer = bucket.acting_for(&OWNER_WRITER);
        let name = &bucket.name;
        let put = |principal: &str| {
            let policy = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},
                "Action":"s3:DeleteObject","Resource":"arn:aws:s3:::{name}/*"}}]}}"#
            );
            bucket.request("PUT").flag("policy").body(policy).expect(204);
        };
        // What is granted to the account is for the account to hand on.
        put(r#"{"AWS":"arn:aws:iam::000000000000:root"}"#);
        denied(writer.delete("key"));
        put(r#"{"AWS":"arn:aws:iam::000000000000:user/writer"}"#);
        writer.delete("key").expect(204);
        put(r#""*""#);
        writer.delete("other").expect(204);
    }
);

s3_test!(
    let_a_user_change_nothing_of_its_accounts_where_everybody_may_write,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.put_acl("public-read-write").expect(200);
        bucket.fill(&["secret/key"]);
        let writer = bucket.acting_for(&OWNER_WRITER);
        denied(writer.delete("secret/key"));
        bucket.fill(&["key"]);
        // Its policy says nothing of deletions, and nobody in particular may not delete this either.
        denied(writer.delete("key"));
        denied(bucket.delete("key").anonymous());
    }
);
