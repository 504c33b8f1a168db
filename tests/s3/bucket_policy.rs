//! PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy and GetBucketPolicyStatus, and what a policy decides.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>

use bleepstore_tests::http::{ALICE, BOB, Bucket, Request, S3};
use bleepstore_tests::s3_test;

const EVERYBODY: &str = r#""*""#;

/// A statement about everything in the bucket, and the bucket.
fn statement(bucket: &Bucket, effect: &str, principal: &str, actions: &str, more: &str) -> String {
    let name = &bucket.name;
    format!(
        r#"{{"Effect":"{effect}","Principal":{principal},"Action":[{actions}],
        "Resource":["arn:aws:s3:::{name}","arn:aws:s3:::{name}/*"]{more}}}"#
    )
}

fn of(statements: &[String]) -> String {
    let statements = statements.join(",");
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

fn put(bucket: &Bucket, policy: &str) -> Request {
    bucket.request("PUT").flag("policy").body(policy)
}

fn get(bucket: &Bucket) -> Request {
    bucket.request("GET").flag("policy")
}

/// A bucket with a policy of one statement.
fn with(s3: &S3, effect: &str, principal: &str, actions: &str, more: &str) -> Bucket {
    let bucket = s3.bucket();
    let policy = of(&[statement(&bucket, effect, principal, actions, more)]);
    put(&bucket, &policy).expect(204);
    bucket
}

fn allow(s3: &S3, principal: &str, actions: &str) -> Bucket {
    with(s3, "Allow", principal, actions, "")
}

fn account(id: &str) -> String {
    format!(r#"{{"CanonicalUser":"{id}"}}"#)
}

s3_test!(
    is_kept_as_it_was_written_until_it_is_deleted,
    largest_body = 30_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let absent = get(&bucket).expect_error(404, "NoSuchBucketPolicy");
        assert_eq!(absent.message, "The bucket policy does not exist");
        assert_eq!(absent.field("BucketName"), bucket.name);
        let short = of(&[statement(
            &bucket,
            "Allow",
            EVERYBODY,
            r#""s3:GetObject", "s3:ListBucket""#,
            "",
        )]);
        // Too long for a bucket's row.
        let long: Vec<String> = (0..40)
            .map(|n| {
                let sid = format!(r#","Sid":"Statement{n}""#);
                statement(&bucket, "Allow", EVERYBODY, r#""s3:GetObject""#, &sid)
            })
            .collect();
        let long = of(&long);
        for policy in [&short, &long, &short] {
            assert_eq!(put(&bucket, policy).expect(204).body, b"");
            let kept = get(&bucket).expect(200);
            assert_eq!(kept.text(), policy);
            assert_eq!(kept.required("content-type"), "application/json");
        }
        for _ in 0..2 {
            let deleted = bucket.request("DELETE").flag("policy").expect(204);
            assert_eq!(deleted.body, b"");
            get(&bucket).expect_error(404, "NoSuchBucketPolicy");
        }
    }
);

s3_test!(
    that_cannot_be_one_is_refused_and_the_old_one_stays,
    largest_body = 30_000,
    |s3: &S3| {
        let bucket = allow(s3, EVERYBODY, r#""s3:GetObject""#);
        let kept = get(&bucket).expect(200).text().to_owned();
        let name = &bucket.name;
        let one = |statement: &str| format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        let good = format!(r#""Effect":"Allow","Principal":"*","Resource":"arn:aws:s3:::{name}/*""#);
        let malformed = [
            "not a policy".to_owned(),
            "{".to_owned(),
            one("[]"),
            one(&format!("{{{good}}}")),
            one(&format!(r#"{{{good},"Action":"s3:Fly"}}"#)),
            one(&format!(r#"{{{good},"Action":"ec2:RunInstances"}}"#)),
            one(
                r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"}"#,
            ),
            one(&format!(
                r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{name}"}}"#
            )),
            one(&format!(
                r#"{{{good},"Action":"s3:GetObject","Condition":{{"StringEquals":{{"s3:colour":"blue"}}}}}}"#
            )),
            one(&format!(
                r#"{{{good},"Action":"s3:GetObject","Condition":{{"Sounds":{{"aws:Referer":"x"}}}}}}"#
            )),
        ];
        for policy in malformed {
            put(&bucket, &policy).expect_error(400, "MalformedPolicy");
        }
        let long = one(&format!(
            r#"{{{good},"Action":"s3:GetObject","Sid":"{}"}}"#,
            "x".repeat(21_000)
        ));
        put(&bucket, &long).expect_error(400, "MalformedPolicy");
        put(&bucket, "").expect_error(400, "MissingRequestBodyError");
        assert_eq!(get(&bucket).expect(200).text(), kept);
        let absent = s3.bucket_named(s3.unused_name());
        put(&absent, &kept).expect_error(404, "NoSuchBucket");
        get(&absent).expect_error(404, "NoSuchBucket");
    }
);

s3_test!(
    lets_everybody_do_what_it_says_and_nothing_else,
    largest_body = 500,
    |s3: &S3| {
        let bucket = allow(s3, EVERYBODY, r#""s3:GetObject", "s3:ListBucket""#);
        bucket.fill(&["key"]);
        let read = bucket.get("key").anonymous().expect(200);
        assert_eq!(read.body, bucket.read("key"));
        bucket.head("key").anonymous().expect(200);
        bucket.list().anonymous().expect(200);
        bucket.get("absent").anonymous().expect_error(404, "NoSuchKey");
        bucket.acting_for(&ALICE).get("key").expect(200);
        bucket
            .put("key", "x")
            .anonymous()
            .expect_error(403, "AccessDenied");
        bucket.delete("key").anonymous().expect_error(403, "AccessDenied");
        bucket
            .object("GET", "key")
            .flag("acl")
            .anonymous()
            .expect_error(403, "AccessDenied");
        bucket.request("DELETE").flag("policy").expect(204);
        bucket.get("key").anonymous().expect_error(403, "AccessDenied");
    }
);

s3_test!(
    that_only_reads_objects_does_not_tell_which_there_are,
    largest_body = 500,
    |s3: &S3| {
        let bucket = allow(s3, EVERYBODY, r#""s3:GetObject""#);
        bucket.get("absent").anonymous().expect_error(403, "AccessDenied");
        bucket.list().anonymous().expect_error(403, "AccessDenied");
    }
);

s3_test!(names_accounts, largest_body = 500, |s3: &S3| {
    let own = s3.own_id();
    let bucket = allow(s3, &account(ALICE.id), r#""s3:GetObject", "s3:PutObject""#);
    bucket.fill(&["key"]);
    let alice = bucket.acting_for(&ALICE);
    assert_eq!(alice.read("key"), bucket.read("key"));
    // Whom a policy lets write writes over what others own.
    alice.put("key", "hers").expect(200);
    bucket
        .acting_for(&BOB)
        .get("key")
        .expect_error(403, "AccessDenied");
    bucket.get("key").anonymous().expect_error(403, "AccessDenied");
    // What she wrote is hers, as in a bucket without a policy.
    let list = alice.object("GET", "key").flag("acl").expect(200);
    assert_eq!(list.value("AccessControlPolicy/Owner/ID"), ALICE.id);
    // The policy of a bucket gives nothing away that another account owns.
    let all = of(&[
        statement(&bucket, "Allow", &account(&own), r#""s3:*""#, ""),
        statement(&bucket, "Allow", &account(BOB.id), r#""s3:*""#, ""),
    ]);
    put(&bucket, &all).expect(204);
    bucket
        .acting_for(&BOB)
        .get("key")
        .expect_error(403, "AccessDenied");
    bucket.get("key").expect_error(403, "AccessDenied");
});

s3_test!(denies_whoever_else_allows, largest_body = 600, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key", "private/key"]);
    bucket
        .object("PUT", "key")
        .flag("acl")
        .header("x-amz-acl", "public-read")
        .expect(200);
    let name = &bucket.name;
    let policy = of(&[
        format!(
            r#"{{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{name}/private/*"}}"#
        ),
        format!(
            r#"{{"Effect":"Deny","NotPrincipal":{},"Action":"s3:GetObject","Resource":"arn:aws:s3:::{name}/key"}}"#,
            account(&s3.own_id())
        ),
    ]);
    put(&bucket, &policy).expect(204);
    // To the owner too.
    bucket.get("private/key").expect_error(403, "AccessDenied");
    bucket.delete("private/key").expect(204);
    bucket.get("key").expect(200);
    bucket.get("key").anonymous().expect_error(403, "AccessDenied");
    bucket
        .acting_for(&ALICE)
        .get("key")
        .expect_error(403, "AccessDenied");
});

s3_test!(
    that_denies_all_leaves_the_owner_the_policy_itself,
    largest_body = 500,
    |s3: &S3| {
        let bucket = with(s3, "Deny", EVERYBODY, r#""s3:*""#, "");
        bucket.list().expect_error(403, "AccessDenied");
        bucket
            .request("GET")
            .flag("policyStatus")
            .expect_error(403, "AccessDenied");
        let kept = get(&bucket).expect(200).text().to_owned();
        put(&bucket, &kept).expect(204);
        bucket.request("DELETE").flag("policy").expect(204);
        bucket.list().expect(200);
    }
);

s3_test!(
    is_not_for_other_accounts_to_see_whatever_it_says,
    largest_body = 500,
    |s3: &S3| {
        let bucket = allow(s3, &account(ALICE.id), r#""s3:*""#);
        let alice = bucket.acting_for(&ALICE);
        let kept = get(&bucket).expect(200).text().to_owned();
        for request in [
            get(&alice),
            put(&alice, &kept),
            alice.request("DELETE").flag("policy"),
        ] {
            let error = request.expect_error(405, "MethodNotAllowed");
            assert_eq!(error.field("ResourceType"), "BUCKETPOLICY");
        }
        let bob = bucket.acting_for(&BOB);
        get(&bob).expect_error(403, "AccessDenied");
        put(&bob, &kept).expect_error(403, "AccessDenied");
        // Its status, and everything else, is hers to see and to change.
        alice.request("GET").flag("policyStatus").expect(200);
        alice
            .request("PUT")
            .flag("versioning")
            .body("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
            .expect(200);
        assert_eq!(get(&bucket).expect(200).text(), kept);
    }
);

s3_test!(
    has_a_status_that_tells_whether_it_is_public,
    largest_body = 500,
    |s3: &S3| {
        let status = |bucket: &Bucket| {
            let shown = bucket.request("GET").flag("policyStatus").expect(200);
            shown.value("PolicyStatus/IsPublic").to_owned()
        };
        let fixed = r#","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#;
        let referer = r#","Condition":{"StringLike":{"aws:Referer":"http://example.com/*"}}"#;
        let actions = r#""s3:GetObject""#;
        assert_eq!(status(&allow(s3, EVERYBODY, actions)), "true");
        assert_eq!(status(&with(s3, "Allow", EVERYBODY, actions, referer)), "true");
        assert_eq!(status(&allow(s3, &account(ALICE.id), actions)), "false");
        assert_eq!(status(&with(s3, "Deny", EVERYBODY, actions, "")), "false");
        let none = s3.bucket().request("GET").flag("policyStatus");
        none.expect_error(404, "NoSuchBucketPolicy");
        // Where the platform does not tell where a request comes from, a policy cannot ask for it.
        let bucket = s3.bucket();
        let here = of(&[statement(&bucket, "Allow", EVERYBODY, actions, fixed)]);
        let answer = put(&bucket, &here).send();
        if answer.status == 204 {
            assert_eq!(status(&bucket), "false");
        } else {
            answer.into_error(400, "MalformedPolicy");
        }
    }
);

s3_test!(decides_by_what_a_request_says, largest_body = 900, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a/key", "b/key"]);
    let name = &bucket.name;
    let alice = account(ALICE.id);
    put(
        &bucket,
        &of(&[
            format!(
                r#"{{"Effect":"Allow","Principal":{alice},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::{name}",
                "Condition":{{"StringEquals":{{"s3:prefix":"a/"}},"NumericLessThanEquals":{{"s3:max-keys":"10"}}}}}}"#
            ),
            format!(
                r#"{{"Effect":"Allow","Principal":{alice},"Action":["s3:PutObject","s3:PutObjectAcl"],
                "Resource":"arn:aws:s3:::{name}/a/*",
                "Condition":{{"StringEquals":{{"s3:x-amz-acl":"bucket-owner-full-control"}}}}}}"#
            ),
        ]),
    )
    .expect(204);
    let seen = bucket.acting_for(&ALICE);
    seen.list()
        .query("prefix", "a/")
        .query("max-keys", 10)
        .expect(200);
    seen.list()
        .query("prefix", "a/")
        .expect_error(403, "AccessDenied");
    seen.list()
        .query("prefix", "b/")
        .query("max-keys", 10)
        .expect_error(403, "AccessDenied");
    seen.list()
        .query("max-keys", 10)
        .expect_error(403, "AccessDenied");
    let put = |key: &str| seen.put(key, "x");
    put("a/new")
        .header("x-amz-acl", "bucket-owner-full-control")
        .expect(200);
    put("a/new").expect_error(403, "AccessDenied");
    put("a/new")
        .header("x-amz-acl", "private")
        .expect_error(403, "AccessDenied");
    put("b/new")
        .header("x-amz-acl", "bucket-owner-full-control")
        .expect_error(403, "AccessDenied");
});

s3_test!(
    asks_for_more_where_a_request_does_more,
    largest_body = 500,
    |s3: &S3| {
        let bucket = allow(s3, &account(ALICE.id), r#""s3:PutObject""#);
        let alice = bucket.acting_for(&ALICE);
        alice.put("key", "x").expect(200);
        let denied = |request: Request| request.expect_error(403, "AccessDenied");
        denied(alice.put("key", "x").header("x-amz-acl", "public-read"));
        denied(alice.put("key", "x").header("x-amz-tagging", "a=b"));
        denied(
            alice
                .put("key", "x")
                .header("if-match", alice.head("key").send().etag()),
        );
        denied(
            alice
                .object("PUT", "key")
                .flag("tagging")
                .body(crate::object_tagging::document(&[("a", "b")])),
        );
        let more = r#""s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:GetObjectTagging""#;
        put(
            &bucket,
            &of(&[statement(&bucket, "Allow", &account(ALICE.id), more, "")]),
        )
        .expect(204);
        alice
            .put("key", "x")
            .header("x-amz-acl", "public-read")
            .expect(200);
        alice.put("key", "x").header("x-amz-tagging", "a=b").expect(200);
        let tags = alice.object("GET", "key").flag("tagging").expect(200);
        assert_eq!(crate::object_tagging::listed(&tags), ["a=b"]);
    }
);

s3_test!(decides_by_the_tags_of_an_object, largest_body = 500, |s3: &S3| {
    let condition = r#","Condition":{"StringEquals":{"s3:ExistingObjectTag/open":"yes"}}"#;
    let bucket = with(s3, "Allow", EVERYBODY, r#""s3:GetObject""#, condition);
    bucket
        .put("open", "x")
        .header("x-amz-tagging", "open=yes")
        .expect(200);
    bucket
        .put("closed", "x")
        .header("x-amz-tagging", "open=no&x=yes")
        .expect(200);
    bucket.put("bare", "x").expect(200);
    bucket.get("open").anonymous().expect(200);
    bucket.get("closed").anonymous().expect_error(403, "AccessDenied");
    bucket.get("bare").anonymous().expect_error(403, "AccessDenied");
    bucket.object("DELETE", "open").flag("tagging").expect(204);
    bucket.get("open").anonymous().expect_error(403, "AccessDenied");
});

s3_test!(
    decides_about_each_key_of_several_that_are_deleted,
    largest_body = 700,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["a/key", "b/key"]);
        let name = &bucket.name;
        let policy = of(&[format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::{name}/a/*"}}"#
        )]);
        put(&bucket, &policy).expect(204);
        let body = "<Delete><Object><Key>a/key</Key></Object><Object><Key>b/key</Key></Object></Delete>";
        let delete = bucket.request("POST").flag("delete").body(body);
        let answer = delete
            .header(
                "content-md5",
                bleepstore_tests::http::encoding::content_md5(body.as_bytes()),
            )
            .anonymous()
            .expect(200);
        assert_eq!(answer.value("DeleteResult/Deleted/Key"), "a/key");
        assert_eq!(answer.value("DeleteResult/Error/Key"), "b/key");
        assert_eq!(answer.value("DeleteResult/Error/Code"), "AccessDenied");
        bucket.get("a/key").expect_error(404, "NoSuchKey");
        bucket.get("b/key").expect(200);
    }
);

s3_test!(
    tells_versions_from_what_is_current,
    largest_body = 500,
    |s3: &S3| {
        let bucket = allow(s3, EVERYBODY, r#""s3:GetObject", "s3:DeleteObject""#);
        let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        bucket.request("PUT").flag("versioning").body(enabled).expect(200);
        let first = bucket
            .put("key", "first")
            .expect(200)
            .required("x-amz-version-id")
            .to_owned();
        bucket.put("key", "second").expect(200);
        let anybody = |request: Request| request.anonymous();
        assert_eq!(anybody(bucket.get("key")).expect(200).body, b"second");
        let version = || bucket.get("key").query("versionId", &first);
        anybody(version()).expect_error(403, "AccessDenied");
        let gone = || bucket.delete("key").query("versionId", &first);
        anybody(gone()).expect_error(403, "AccessDenied");
        anybody(bucket.delete("key")).expect(204);
        let more = r#""s3:GetObjectVersion", "s3:DeleteObjectVersion""#;
        put(&bucket, &of(&[statement(&bucket, "Allow", EVERYBODY, more, "")])).expect(204);
        assert_eq!(anybody(version()).expect(200).body, b"first");
        anybody(bucket.get("key")).expect_error(403, "AccessDenied");
        anybody(gone()).expect(204);
        version().expect_error(404, "NoSuchVersion");
    }
);

s3_test!(
    decides_about_both_sides_of_a_copy,
    largest_body = 500,
    |s3: &S3| {
        let source = s3.bucket();
        source.fill(&["key"]);
        let destination = allow(s3, &account(ALICE.id), r#""s3:PutObject""#);
        let alice = destination.acting_for(&ALICE);
        let copy = || {
            let from = format!("/{}/key", source.name);
            alice.object("PUT", "copy").header("x-amz-copy-source", from)
        };
        copy().expect_error(403, "AccessDenied");
        put(
            &source,
            &of(&[statement(
                &source,
                "Allow",
                &account(ALICE.id),
                r#""s3:GetObject""#,
                "",
            )]),
        )
        .expect(204);
        copy().expect(200);
        destination.request("DELETE").flag("policy").expect(204);
        copy().expect_error(403, "AccessDenied");
    }
);

s3_test!(
    that_is_for_uploads_lets_others_upload_in_parts,
    largest_body = 500,
    |s3: &S3| {
        let bucket = allow(s3, &account(ALICE.id), r#""s3:PutObject""#);
        let alice = bucket.acting_for(&ALICE);
        let upload = alice.begin_upload("key");
        let part = alice.upload_part("key", &upload, 1, b"part");
        // It is hers alone, though the policy lets Bob write as well.
        let both = format!(r#"{{"CanonicalUser":["{}","{}"]}}"#, ALICE.id, BOB.id);
        put(
            &bucket,
            &of(&[statement(&bucket, "Allow", &both, r#""s3:PutObject""#, "")]),
        )
        .expect(204);
        let bob = bucket.acting_for(&BOB);
        bob.part("key", &upload, 1, "x").expect_error(403, "AccessDenied");
        alice.list_parts("key", &upload).expect(200);
        alice.complete("key", &upload, &[part]).expect(200);
        alice.get("key").expect(200);
    }
);
