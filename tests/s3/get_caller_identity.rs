//! GetCallerIdentity, and what all requests to STS have in common.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>

use std::time::Duration;

use bleepstore_tests::http::{ALICE, ALICE_READER, OWNER_WRITER, Response, S3};
use bleepstore_tests::s3_test;

fn value(answer: &Response, name: &str) -> String {
    answer.value(&format!(
        "GetCallerIdentityResponse/GetCallerIdentityResult/{name}"
    ))
}

s3_test!(
    names_the_account_or_the_user_that_asks,
    largest_body = 100,
    |s3: &S3| {
        let root = s3.sts("GetCallerIdentity", &[]).expect(200);
        assert_eq!(root.required("content-type"), "text/xml");
        assert_eq!(value(&root, "Arn"), "arn:aws:iam::000000000000:root");
        assert_eq!(value(&root, "Account"), "000000000000");
        assert_eq!(value(&root, "UserId"), "000000000000");
        let id = root.value("GetCallerIdentityResponse/ResponseMetadata/RequestId");
        assert_eq!(root.required("x-amzn-requestid"), id);
        assert!(
            root.text()
                .contains("xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"")
        );
        let writer = s3
            .acting_for(&OWNER_WRITER)
            .sts("GetCallerIdentity", &[])
            .expect(200);
        assert_eq!(value(&writer, "Arn"), "arn:aws:iam::000000000000:user/writer");
        assert_eq!(value(&writer, "UserId"), "writer");
        // Its policy says nothing of it, and need not.
        let account = value(
            &s3.acting_for(&ALICE).sts("GetCallerIdentity", &[]).expect(200),
            "Account",
        );
        assert!(account.len() == 12 && account != "000000000000");
        let reader = s3
            .acting_for(&ALICE_READER)
            .sts("GetCallerIdentity", &[])
            .expect(200);
        assert_eq!(
            value(&reader, "Arn"),
            format!("arn:aws:iam::{account}:user/reader")
        );
    }
);

s3_test!(
    names_what_a_session_calls_itself,
    largest_body = 300,
    |s3: &S3| {
        let session = s3.acting_for(&OWNER_WRITER).session(None);
        let answer = s3.in_session(&session).sts("GetCallerIdentity", &[]).expect(200);
        assert_eq!(
            value(&answer, "Arn"),
            "arn:aws:sts::000000000000:assumed-role/any/tests"
        );
        let id = value(&answer, "UserId");
        assert!(id.starts_with("AROA") && id.ends_with(":tests"), "{id}");
        let token = s3
            .acting_for(&OWNER_WRITER)
            .sts("GetSessionToken", &[])
            .expect(200);
        let session = token.session("GetSessionToken");
        let answer = s3.in_session(&session).sts("GetCallerIdentity", &[]).expect(200);
        assert_eq!(value(&answer, "Arn"), "arn:aws:iam::000000000000:user/writer");
    }
);

s3_test!(needs_a_signature_that_is_good, largest_body = 100, |s3: &S3| {
    let ask = || s3.sts("GetCallerIdentity", &[]);
    ask()
        .anonymous()
        .expect_sts_error(403, "MissingAuthenticationToken");
    ask()
        .keys("AKIANOBODY", "secret")
        .expect_sts_error(403, "InvalidClientTokenId");
    let wrong = s3.endpoint.access_key.as_str();
    ask()
        .keys(wrong, "wrong")
        .expect_sts_error(403, "SignatureDoesNotMatch");
    ask()
        .session_token(Some("nobody's"))
        .expect_sts_error(403, "InvalidClientTokenId");
    ask()
        .signed_ago(Duration::from_secs(1_000))
        .expect_sts_error(403, "SignatureDoesNotMatch");
    // The body is signed though no header says its hash.
    let mut changed = ask().sign();
    changed.body = changed.body.to_ascii_uppercase();
    changed.send().into_sts_error(400, "MissingAction");
    let mut changed = ask().sign();
    changed.body.extend(b"&a=b");
    changed.send().into_sts_error(403, "SignatureDoesNotMatch");
});

s3_test!(
    is_signed_for_sts_here_or_in_us_east_1,
    largest_body = 100,
    |s3: &S3| {
        let ask = || s3.sts("GetCallerIdentity", &[]);
        ask().service("s3").expect_sts_error(400, "IncompleteSignature");
        let error = ask()
            .region("mars-north-1")
            .expect_sts_error(403, "SignatureDoesNotMatch");
        assert_eq!(error.message, "Credential should be scoped to a valid region.");
        ask().region("us-east-1").expect(200);
        // And S3 takes no signature for STS.
        let request = s3.request("GET", "/").service("sts");
        request.expect_error(400, "AuthorizationHeaderMalformed");
    }
);

s3_test!(refuses_other_actions_by_name, largest_body = 66_000, |s3: &S3| {
    let error = s3
        .sts("GetFederationToken", &[])
        .expect_sts_error(501, "NotImplemented");
    assert!(error.message.contains("GetFederationToken"), "{}", error.message);
    s3.sts("ListUsers", &[]).expect_sts_error(400, "InvalidAction");
    s3.sts_form(&[("Action", "GetCallerIdentity")])
        .expect_sts_error(400, "InvalidAction");
    s3.sts_form(&[]).expect_sts_error(400, "MissingAction");
    s3.sts("GetCallerIdentity", &[])
        .body("Action=%zz")
        .expect_sts_error(404, "MalformedQueryString");
    let long = "x".repeat(65_536);
    s3.sts("GetCallerIdentity", &[("a", &long)])
        .expect_sts_error(413, "RequestEntityTooLarge");
});

s3_test!(is_no_request_to_s3, largest_body = 100, |s3: &S3| {
    let request = s3
        .request("POST", "/")
        .body("Action=GetCallerIdentity&Version=2011-06-15");
    request
        .header("content-type", "text/plain")
        .expect_error(405, "MethodNotAllowed");
    let bucket = s3.bucket();
    let request = bucket.request("POST").body("Action=GetCallerIdentity");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.send().status / 100, 4);
});
