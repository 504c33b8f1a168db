//! Requests that temporary credentials sign.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#UsingTemporarySecurityCredentials>

use std::time::Duration;

use bleepstore_tests::http::{ALICE, Bucket, OWNER_WRITER, S3};
use bleepstore_tests::s3_test;

const MINUTE: Duration = Duration::from_secs(60);

s3_test!(
    work_in_headers_queries_and_forms_of_both_versions,
    largest_body = 8_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let inside = bucket.in_session(&s3.session(None));
        inside.put("key", "x").expect(200);
        inside.get("key").presigned(MINUTE).expect(200);
        inside.get("key").presigned_v2(MINUTE).expect(200);
        inside.form("form", "x").expect(204);
        inside.form("form", "x").signed_v2().expect(204);
    }
);

s3_test!(need_their_token_and_no_others, largest_body = 8_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["key"]);
    let (session, other) = (s3.session(None), s3.session(None));
    let inside = bucket.in_session(&session);
    inside
        .get("key")
        .session_token(None)
        .expect_error(403, "InvalidAccessKeyId");
    let get = || inside.get("key");
    for request in [get(), get().presigned(MINUTE), get().presigned_v2(MINUTE)] {
        let error = request
            .session_token(Some(&other.token))
            .expect_error(400, "InvalidToken");
        assert_eq!(error.field("Token-0"), other.token);
    }
    get()
        .keys(&session.access_key, &other.secret_key)
        .expect_error(403, "SignatureDoesNotMatch");
    // A key that is none of a session has no token.
    bucket
        .get("key")
        .session_token(Some(&session.token))
        .expect_error(400, "InvalidToken");
    let form = inside
        .form("form", "x")
        .sign()
        .with("x-amz-security-token", &other.token);
    form.request().expect_error(400, "InvalidToken");
    let unsigned = get().sign();
    let mut without = unsigned.clone();
    without.headers.retain(|(name, _)| name != "x-amz-security-token");
    without.expect_error(403, "InvalidAccessKeyId");
});

s3_test!(
    cover_the_token_by_the_policy_of_a_form,
    largest_body = 8_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let session = s3.session(None);
        let form = bucket.in_session(&session).form("form", "x").sign();
        // The same token, signed by a policy that does not name it.
        let bare = bucket
            .form("form", "x")
            .keys(&session.access_key, &session.secret_key);
        let bare = bare.bare_field("x-amz-security-token", &session.token);
        bare.expect_error(403, "AccessDenied");
        form.request().expect(204);
    }
);

fn policy(bucket: &Bucket, effect: &str, condition: &str) {
    let name = &bucket.name;
    let policy = format!(
        r#"{{"Statement":{{"Effect":"{effect}","Principal":"*","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::{name}/*","Condition":{condition}}}}}"#
    );
    bucket.request("PUT").flag("policy").body(policy).expect(204);
}

s3_test!(
    are_known_by_when_they_were_given,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let inside = bucket.in_session(&s3.session(None));
        policy(
            &bucket,
            "Deny",
            r#"{"DateLessThan":{"aws:TokenIssueTime":"2020-01-01T00:00:00Z"}}"#,
        );
        inside.get("key").expect(200);
        policy(
            &bucket,
            "Deny",
            r#"{"DateLessThan":{"aws:TokenIssueTime":"2999-01-01T00:00:00Z"}}"#,
        );
        inside.get("key").expect_error(403, "AccessDenied");
        bucket.get("key").expect(200);
        policy(
            &bucket,
            "Deny",
            r#"{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#,
        );
        inside.get("key").expect_error(403, "AccessDenied");
        bucket.get("key").expect(200);
    }
);

s3_test!(
    are_their_parent_to_policies_of_buckets,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let name = &bucket.name;
        let put = |principal: &str| {
            let policy = format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},
            "Action":"s3:DeleteObject","Resource":"arn:aws:s3:::{name}/*"}}}}"#
            );
            bucket.request("PUT").flag("policy").body(policy).expect(204);
        };
        let inside = bucket.in_session(&bucket.session_of(&OWNER_WRITER, None));
        put("arn:aws:sts::000000000000:assumed-role/any/tests");
        inside.delete("key").expect_error(403, "AccessDenied");
        put("arn:aws:iam::000000000000:role/any");
        inside.delete("key").expect_error(403, "AccessDenied");
        put("arn:aws:iam::000000000000:user/writer");
        inside.delete("key").expect(204);
    }
);

s3_test!(
    of_another_account_have_what_is_granted_to_it,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key"]);
        let inside = bucket.in_session(&bucket.session_of(&ALICE, None));
        inside.get("key").expect_error(403, "AccessDenied");
        let object = bucket.object("PUT", "key").flag("acl");
        let object = object.header("x-amz-grant-read", format!("id={}", ALICE.id));
        object.expect(200);
        inside.get("key").expect(200);
        let nothing = r#"{"Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}}"#;
        let narrowed = bucket.in_session(&bucket.session_of(&ALICE, Some(nothing)));
        narrowed.get("key").expect_error(403, "AccessDenied");
    }
);
