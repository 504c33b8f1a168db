//! The signature and the policy of form uploads.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use std::time::Duration;

use bleepstore_core::model::SigV2;
use bleepstore_tests::http::encoding::{base64, pattern};
use bleepstore_tests::http::form::{Form, SignedForm};
use bleepstore_tests::http::{S3, start_server_with};
use bleepstore_tests::s3_test;
use serde_json::json;

/// The message of an `AccessDenied` that says what a form is against.
#[track_caller]
fn violation(form: Form) -> String {
    let message = form.expect_error(403, "AccessDenied").message;
    let message = message.strip_prefix("Invalid according to Policy: ");
    message.expect("a violation of the policy").to_owned()
}

s3_test!(is_signed_with_version_2_too, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    bucket.form("key", "the file").signed_v2().expect(204);
    assert_eq!(bucket.read("key"), b"the file");
    let wrong = bucket
        .form("key", "other")
        .signed_v2()
        .keys(&s3.endpoint.access_key, "wrong");
    wrong.expect_error(403, "SignatureDoesNotMatch");
    assert_eq!(bucket.read("key"), b"the file");
});

s3_test!(refuses_another_secret, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let form = bucket.form("key", "x").keys(&s3.endpoint.access_key, "wrong");
    let error = form.expect_error(403, "SignatureDoesNotMatch");
    assert_eq!(error.field("AWSAccessKeyId"), s3.endpoint.access_key);
    assert!(!error.response.text().contains(&s3.endpoint.secret_key));
    bucket.get("key").expect_error(404, "NoSuchKey");
});

s3_test!(refuses_an_unknown_access_key, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    for form in [bucket.form("key", "x"), bucket.form("key", "x").signed_v2()] {
        let error = form
            .keys("AKIANOBODY", "x")
            .expect_error(403, "InvalidAccessKeyId");
        assert_eq!(error.field("AWSAccessKeyId"), "AKIANOBODY");
    }
});

s3_test!(covers_the_policy, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let form = bucket.form("key", "x").sign();
    let other = bucket.form("other", "x").sign();
    let policy = |form: &SignedForm| {
        let found = form.fields.iter().find(|(name, _)| name == "policy");
        found.unwrap().1.clone()
    };
    let changed = form.with("policy", &policy(&other));
    changed.request().expect_error(403, "SignatureDoesNotMatch");
});

s3_test!(
    needs_every_field_of_a_signature,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let missing = |form: SignedForm, said: &str| {
            let error = form.request().expect_error(400, "InvalidArgument");
            let start = format!("Bucket POST must contain a field named '{said}'.  If it is specified");
            assert!(error.message.starts_with(&start), "{}", error.message);
            assert_eq!(error.field("ArgumentName"), said);
        };
        for (name, said) in [
            ("x-amz-signature", "X-Amz-Signature"),
            ("x-amz-algorithm", "X-Amz-Algorithm"),
            ("x-amz-credential", "X-Amz-Credential"),
            ("x-amz-date", "X-Amz-Date"),
        ] {
            missing(bucket.form("key", "x").sign().without(name), said);
        }
        for (name, said) in [("signature", "Signature"), ("AWSAccessKeyId", "AWSAccessKeyId")] {
            missing(bucket.form("key", "x").signed_v2().sign().without(name), said);
        }
        for form in [bucket.form("key", "x"), bucket.form("key", "x").signed_v2()] {
            let without = form.sign().without("policy").request();
            without.expect_error(403, "AccessDenied");
        }
        let alone = bucket.form("key", "x").anonymous().bare_field("policy", "e30=");
        alone.expect_error(403, "AccessDenied");
    }
);

s3_test!(refuses_two_signatures, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let both = bucket.form("key", "x").bare_field("signature", "s");
    both.expect_error(400, "InvalidArgument");
    let mut in_header = bucket.form("key", "x").sign().request().sign();
    in_header.add_header("authorization", "AWS AKIANOBODY:s");
    in_header.expect_error(400, "InvalidArgument");
    let request = bucket.form("key", "x").sign().request();
    let in_query = request.query("X-Amz-Signature", "s");
    in_query.expect_error(400, "InvalidArgument");
});

s3_test!(refuses_a_session_token, largest_body = 5_000, |s3: &S3| {
    let form = s3.bucket().form("key", "x").field("x-amz-security-token", "t");
    let error = form.expect_error(400, "InvalidToken");
    assert_eq!(error.field("Token-0"), "t");
});

s3_test!(
    checks_the_scope_of_the_credential,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let form = bucket.form("key", "x").region("mars-north-1");
        let error = form.expect_error(400, "AuthorizationQueryParametersError");
        assert_eq!(error.field("Region"), s3.endpoint.region);
        let form = bucket.form("key", "x").sign();
        for (name, value) in [
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-date", "today"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA1"),
            ("x-amz-credential", "AKIANOBODY"),
        ] {
            let changed = form.clone().with(name, value).request();
            changed.expect_error(400, "AuthorizationQueryParametersError");
        }
    }
);

s3_test!(holds_until_the_policy_expires, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let expired = bucket.form("key", "x").expired_since(Duration::from_secs(60));
    assert_eq!(violation(expired), "Policy expired.");
    bucket.get("key").expect_error(404, "NoSuchKey");
});

s3_test!(checks_each_condition, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let failing = |condition| violation(bucket.form("key", "x").condition(condition));
    let failed = |shown: &str| format!("Policy Condition failed: {shown}");
    assert_eq!(failing(json!({"key": "KEY"})), failed(r#"["eq", "$key", "KEY"]"#));
    assert_eq!(
        failing(json!(["eq", "$Key", "k"])),
        failed(r#"["eq", "$Key", "k"]"#)
    );
    let prefix = json!(["starts-with", "$key", "key/"]);
    assert_eq!(failing(prefix), failed(r#"["starts-with", "$key", "key/"]"#));
    let absent = json!({"x-amz-meta-a": "1"});
    assert_eq!(failing(absent), failed(r#"["eq", "$x-amz-meta-a", "1"]"#));
    bucket.get("key").expect_error(404, "NoSuchKey");
    let form = bucket.empty_form("x").bare_field("key", "user/a");
    form.condition(json!(["StArTs-WiTh", "$KeY", "user/"]))
        .expect(204);
    assert_eq!(bucket.read("user/a"), b"x");
});

s3_test!(checks_each_of_several_types, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let form = |types: &str| {
        let form = bucket.form("key", "x").bare_field("Content-Type", types);
        form.condition(json!(["starts-with", "$Content-Type", "image/"]))
    };
    form("image/png,image/gif").expect(204);
    let failed = "Policy Condition failed: [\"starts-with\", \"$Content-Type\", \"image/\"]";
    assert_eq!(violation(form("image/png,text/html")), failed);
});

s3_test!(
    needs_a_condition_of_every_field,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let extra = bucket.form("key", "x").bare_field("acl", "public-read");
        assert_eq!(violation(extra), "Extra input fields: acl");
        bucket
            .form("key", "x")
            .bare_field("x-ignore-this", "1")
            .expect(204);
    }
);

s3_test!(
    is_for_the_bucket_that_the_policy_names,
    largest_body = 5_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let other = bucket
            .empty_form("x")
            .without_conditions()
            .condition(json!({"bucket": "other"}));
        let failed = "Policy Condition failed: [\"eq\", \"$bucket\", \"other\"]";
        assert_eq!(
            violation(other.field("key", "key").bare_field("bucket", "other")),
            failed
        );
        let none = bucket.empty_form("x").without_conditions().field("key", "key");
        assert_eq!(violation(none), "Extra input fields: bucket");
    }
);

s3_test!(bounds_the_length_of_the_file, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let form = |least: u64, most: u64| {
        let form = bucket.form("key", "0123456789");
        form.condition(json!(["content-length-range", least, most]))
    };
    let error = form(0, 9).expect_error(400, "EntityTooLarge");
    assert_eq!(error.field("MaxSizeAllowed"), "9");
    assert_eq!(error.field("ProposedSize"), "10");
    let error = form(11, 20).expect_error(400, "EntityTooSmall");
    assert_eq!(error.field("MinSizeAllowed"), "11");
    assert_eq!(error.field("ProposedSize"), "10");
    bucket.get("key").expect_error(404, "NoSuchKey");
    form(10, 10).expect(204);
});

s3_test!(
    stores_nothing_of_a_large_file_that_is_too_large,
    largest_body = 1_100_000,
    |s3: &S3| {
        let bucket = s3.bucket();
        let form = bucket.form("key", pattern(3, 1 << 20));
        let form = form.condition(json!(["content-length-range", 0, (1 << 20) - 1]));
        form.expect_error(400, "EntityTooLarge");
        bucket.get("key").expect_error(404, "NoSuchKey");
    }
);

s3_test!(needs_a_policy_that_is_one, largest_body = 5_000, |s3: &S3| {
    let bucket = s3.bucket();
    let refused = |form: Form, message: &str| {
        let error = form.expect_error(400, "InvalidPolicyDocument");
        assert_eq!(error.message, format!("Invalid Policy: {message}"));
    };
    let of = |text: &str| bucket.form("key", "x").policy(&base64(text.as_bytes()));
    refused(bucket.form("key", "x").policy("%"), "Invalid Base64.");
    refused(of("{"), "Invalid JSON.");
    refused(of(r#"{"conditions": []}"#), "Policy missing expiration.");
    refused(
        of(r#"{"expiration": "2050-01-01T00:00:00Z"}"#),
        "Policy missing conditions.",
    );
    refused(
        bucket.form("key", "x").expiration("soon"),
        "Invalid 'expiration' value: 'soon'",
    );
    let simple = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";
    refused(bucket.form("key", "x").condition(json!({})), simple);
    let operator = bucket.form("key", "x").condition(json!(["in", "$key", "key"]));
    refused(operator, "Invalid Condition: unknown operation 'in'.");
    let range = bucket
        .form("key", "x")
        .condition(json!(["content-length-range", -1, 0]));
    refused(
        range,
        "Invalid content-length-range: values must be numbers of bytes.",
    );
});

#[test]
fn is_refused_where_version_2_is_off() {
    let s3 = S3 {
        endpoint: start_server_with(|settings| settings.sigv2 = SigV2::Off),
    };
    let bucket = s3.bucket();
    bucket.form("key", "x").expect(204);
    let error = bucket
        .form("key", "x")
        .signed_v2()
        .expect_error(400, "InvalidRequest");
    assert!(
        error.message.ends_with("Please use AWS4-HMAC-SHA256."),
        "{}",
        error.message
    );
}
