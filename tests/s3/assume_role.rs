//! AssumeRole, AssumeRoleWithWebIdentity where no issuer is trusted, and GetSessionToken.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use bleepstore_tests::http::{ALICE, OWNER_WRITER, Request, Response, S3};
use bleepstore_tests::s3_test;

const ROLE: (&str, &str) = ("RoleArn", "arn:aws:iam::000000000000:role/team/any");
const NAME: (&str, &str) = ("RoleSessionName", "me@example.com");

fn assume(s3: &S3, more: &[(&str, &str)]) -> Request {
    s3.sts("AssumeRole", &[&[ROLE, NAME], more].concat())
}

fn value(answer: &Response, name: &str) -> String {
    answer.value(&format!("AssumeRoleResponse/AssumeRoleResult/{name}"))
}

s3_test!(gives_credentials_of_who_asks, largest_body = 300, |s3: &S3| {
    let bucket = s3.bucket();
    let answer = assume(s3, &[("DurationSeconds", "900"), ("ExternalId", "42")]).expect(200);
    assert_eq!(
        value(&answer, "AssumedRoleUser/Arn"),
        "arn:aws:sts::000000000000:assumed-role/any/me@example.com"
    );
    let id = value(&answer, "AssumedRoleUser/AssumedRoleId");
    assert!(id.starts_with("AROA") && id.ends_with(":me@example.com"), "{id}");
    let expires = value(&answer, "Credentials/Expiration");
    assert!(expires.len() == 20 && expires.ends_with('Z'), "{expires}");
    assert_eq!(
        answer.optional("AssumeRoleResponse/AssumeRoleResult/PackedPolicySize"),
        None
    );
    let session = answer.session("AssumeRole");
    assert!(session.access_key.starts_with("ASIA") && session.access_key.len() == 20);
    let inside = bucket.in_session(&session);
    inside.put("key", "body").expect(200);
    assert_eq!(inside.read("key"), b"body");
    assert_eq!(bucket.read("key"), b"body");
    // What it puts is its account's.
    assert_eq!(s3.in_session(&session).own_id(), s3.own_id());
});

s3_test!(narrows_a_session_by_its_policy, largest_body = 500, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.fill(&["a/key", "b/key"]);
    let policy = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}/a/*"}}}}"#,
        bucket.name
    );
    let answer = assume(s3, &[("Policy", &policy)]).expect(200);
    let percent: usize = value(&answer, "PackedPolicySize").parse().unwrap();
    assert!((1..=100).contains(&percent));
    let inside = bucket.in_session(&answer.session("AssumeRole"));
    inside.get("a/key").expect(200);
    for request in [
        inside.get("b/key"),
        inside.put("a/key", "x"),
        inside.delete("a/key"),
        inside.list(),
        inside.request("DELETE"),
    ] {
        request.expect_error(403, "AccessDenied");
    }
    bucket.get("b/key").expect(200);
});

s3_test!(
    gives_no_session_more_than_who_asks_has,
    largest_body = 500,
    |s3: &S3| {
        let bucket = s3.bucket();
        bucket.fill(&["key", "secret/key"]);
        let all = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        let inside = bucket.in_session(&bucket.session_of(&OWNER_WRITER, Some(all)));
        inside.get("key").expect(200);
        inside.put("key", "x").expect(200);
        for request in [
            inside.delete("key"),
            inside.get("secret/key"),
            inside.request("GET").flag("policy"),
        ] {
            request.expect_error(403, "AccessDenied");
        }
    }
);

s3_test!(
    takes_any_role_of_ones_own_account_and_none_of_anothers,
    largest_body = 300,
    |s3: &S3| {
        assume(s3, &[]).expect(200);
        let alice = s3.acting_for(&ALICE);
        let error = assume(&alice, &[]).expect_sts_error(403, "AccessDenied");
        assert!(
            error
                .message
                .contains("sts:AssumeRole on resource: arn:aws:iam::000000000000")
        );
    }
);

s3_test!(
    takes_no_role_that_the_policy_of_the_key_denies,
    largest_body = 300,
    |s3: &S3| {
        let writer = s3.acting_for(&OWNER_WRITER);
        let assume = |role: &str| writer.sts("AssumeRole", &[("RoleArn", role), NAME]);
        assume("arn:aws:iam::000000000000:role/allowed").expect(200);
        for partition in ["aws", "aws-cn", "aws-us-gov"] {
            let role = format!("arn:{partition}:iam::000000000000:role/forbidden");
            let error = assume(&role).expect_sts_error(403, "AccessDenied");
            assert_eq!(
                error.message,
                "User: arn:aws:iam::000000000000:user/writer is not authorized to perform: sts:AssumeRole on resource: \
             arn:aws:iam::000000000000:role/forbidden with an explicit deny in an identity-based policy"
            );
        }
    }
);

s3_test!(
    tells_what_is_wrong_with_its_parameters,
    largest_body = 5_000,
    |s3: &S3| {
        s3.sts("AssumeRole", &[ROLE])
            .expect_sts_error(400, "ValidationError");
        s3.sts("AssumeRole", &[NAME])
            .expect_sts_error(400, "ValidationError");
        assume(s3, &[("DurationSeconds", "899")]).expect_sts_error(400, "ValidationError");
        assume(s3, &[("Policy", "{}")]).expect_sts_error(400, "MalformedPolicyDocument");
        assume(s3, &[("Policy", &"x".repeat(2_049))]).expect_sts_error(400, "ValidationError");
        let error = assume(s3, &[("Tags.member.1.Key", "a")]).expect_sts_error(501, "NotImplemented");
        assert!(error.message.contains("Tags.member.1.Key"), "{}", error.message);
    }
);

s3_test!(
    takes_a_policy_of_2048_characters,
    largest_body = 9_000,
    |s3: &S3| {
        let of = |id: &str| {
            let policy = r#"{"Id":"ID","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
            policy.replace("ID", id)
        };
        let room = 2_048 - of("").chars().count();
        let session = assume(s3, &[("Policy", &of(&"x".repeat(room)))])
            .expect(200)
            .session("AssumeRole");
        assert!(session.token.len() <= 4_096, "{}", session.token.len());
        s3.in_session(&session).request("GET", "/").expect(200);
        // The token would be longer than clients are ready for.
        let long = assume(s3, &[("Policy", &of(&"é".repeat(room)))]);
        long.expect_sts_error(400, "PackedPolicyTooLarge");
    }
);

s3_test!(
    takes_no_token_of_an_issuer_that_nobody_trusts,
    largest_body = 300,
    |s3: &S3| {
        let request = s3.sts(
            "AssumeRoleWithWebIdentity",
            &[ROLE, NAME, ("WebIdentityToken", "a.b.c")],
        );
        request.anonymous().expect_sts_error(403, "AccessDenied");
        let request = s3.sts("AssumeRoleWithWebIdentity", &[ROLE, NAME]);
        request.anonymous().expect_sts_error(400, "ValidationError");
    }
);

s3_test!(
    begins_none_for_temporary_credentials,
    largest_body = 300,
    |s3: &S3| {
        let inside = s3.in_session(&s3.session(None));
        assume(&inside, &[]).expect_sts_error(403, "AccessDenied");
        let error = inside
            .sts("GetSessionToken", &[])
            .expect_sts_error(403, "AccessDenied");
        assert_eq!(
            error.message,
            "Cannot call GetSessionToken with session credentials"
        );
    }
);

s3_test!(
    a_session_token_gives_all_that_its_key_may,
    largest_body = 300,
    |s3: &S3| {
        let bucket = s3.bucket();
        let answer = s3
            .sts("GetSessionToken", &[("DurationSeconds", "900")])
            .expect(200);
        let inside = bucket.in_session(&answer.session("GetSessionToken"));
        inside.put("key", "x").expect(200);
        inside.delete("key").expect(204);
        s3.sts("GetSessionToken", &[("DurationSeconds", "129601")])
            .expect_sts_error(400, "ValidationError");
    }
);
