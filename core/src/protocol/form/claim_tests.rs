use super::*;

/// The access key and the secret of Amazon's examples.
const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const CREDENTIAL: &str = "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request";

/// The policy of Amazon's example of version 4, as it stands there.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html>
const POLICY_4: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
const SIGNATURE_4: &str = "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e";

/// The policy of Amazon's example of version 2.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/HTTPPOSTExamples.html>
const POLICY_2: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDA3LTEyLTAxVDEyOjAwOjAwLjAwMFoiLAogICJjb25kaXRpb25zIjogWwogICAgeyJidWNrZXQiOiAiam9obnNtaXRoIn0sCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci9lcmljLyJdLAogICAgeyJhY2wiOiAicHVibGljLXJlYWQifSwKICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL2pvaG5zbWl0aC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwKICAgIFsic3RhcnRzLXdpdGgiLCAiJENvbnRlbnQtVHlwZSIsICJpbWFnZS8iXSwKICAgIHsieC1hbXotbWV0YS11dWlkIjogIjE0MzY1MTIzNjUxMjc0In0sCiAgICBbInN0YXJ0cy13aXRoIiwgIiR4LWFtei1tZXRhLXRhZyIsICIiXQogIF0KfQo=";

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in pairs {
        fields.add((*name).to_owned(), value.as_bytes()).unwrap();
    }
    fields
}

const OF_4: [(&str, &str); 5] = [
    ("Policy", POLICY_4),
    ("X-Amz-Signature", SIGNATURE_4),
    ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
    ("X-Amz-Credential", CREDENTIAL),
    ("X-Amz-Date", "20151229T000000Z"),
];

fn with(name: &str, value: &str) -> Fields {
    let pairs: Vec<_> = OF_4
        .into_iter()
        .map(|pair| if pair.0 == name { (name, value) } else { pair })
        .collect();
    fields(&pairs)
}

fn without(pairs: &[(&str, &str)], names: &[&str]) -> Fields {
    let kept: Vec<_> = pairs
        .iter()
        .copied()
        .filter(|(name, _)| !names.contains(name))
        .collect();
    fields(&kept)
}

fn read(fields: &Fields) -> Result<Option<SignedForm>, S3Error> {
    claim(fields, "us-east-1", SigV2::Presigned)
}

#[test]
fn the_published_example_of_version_4() {
    let form = read(&fields(&OF_4)).unwrap().unwrap();
    assert_eq!((form.access_key(), form.policy()), (ACCESS_KEY, POLICY_4));
    assert!(form.verify(SECRET_KEY).is_ok());
    let error = form.verify("another").unwrap_err();
    assert_eq!(error.code, ErrorCode::SignatureDoesNotMatch);
    let names: Vec<_> = error.fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "AWSAccessKeyId",
            "StringToSign",
            "SignatureProvided",
            "StringToSignBytes"
        ]
    );
    let changed = with("Policy", &POLICY_4.replace("eyAi", "eyAj"));
    assert!(read(&changed).unwrap().unwrap().verify(SECRET_KEY).is_err());
}

/// The signature is RFC 2104's of the policy, computed by OpenSSL: the examples of version 2 are signed with a secret
/// that is not published.
#[test]
fn version_2_signs_the_policy_as_it_is_sent() {
    let pairs = [
        ("policy", POLICY_2),
        ("AWSAccessKeyId", ACCESS_KEY),
        ("signature", "gp42sMsv4L5xLO0OjT+56V64o+A="),
    ];
    let form = read(&fields(&pairs)).unwrap().unwrap();
    assert_eq!(form.access_key(), ACCESS_KEY);
    assert!(form.verify(SECRET_KEY).is_ok());
    assert!(form.verify("another").is_err());
    for taken in [SigV2::On, SigV2::Presigned] {
        assert!(claim(&fields(&pairs), "us-east-1", taken).is_ok());
    }
    let error = claim(&fields(&pairs), "us-east-1", SigV2::Off).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequest);
}

#[test]
fn a_form_without_policy_and_signature_is_nobodys() {
    assert!(read(&fields(&[("key", "k")])).unwrap().is_none());
}

#[test]
fn a_policy_without_a_signature_and_the_reverse_are_denied() {
    let denied = |fields: Fields| assert_eq!(read(&fields).unwrap_err().code, ErrorCode::AccessDenied);
    denied(fields(&[("policy", POLICY_4)]));
    denied(without(&OF_4, &["Policy"]));
    denied(fields(&[("AWSAccessKeyId", ACCESS_KEY), ("signature", "s")]));
}

#[test]
fn a_part_of_a_signature_is_told_what_it_lacks() {
    for (name, said) in [
        ("X-Amz-Signature", "X-Amz-Signature"),
        ("X-Amz-Algorithm", "X-Amz-Algorithm"),
        ("X-Amz-Credential", "X-Amz-Credential"),
        ("X-Amz-Date", "X-Amz-Date"),
    ] {
        let error = read(&without(&OF_4, &[name])).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert!(
            error
                .message
                .starts_with(&format!("Bucket POST must contain a field named '{said}'.  If"))
        );
        assert_eq!(error.fields[0].1, said);
    }
    for (given, lacking) in [("signature", "AWSAccessKeyId"), ("AWSAccessKeyId", "Signature")] {
        let error = read(&fields(&[("policy", POLICY_2), (given, "x")])).unwrap_err();
        assert_eq!(error.fields[0], ("ArgumentName", lacking.to_owned()));
    }
}

#[test]
fn two_versions_and_tokens_are_refused() {
    let mut both = OF_4.to_vec();
    both.push(("signature", "s"));
    assert_eq!(read(&fields(&both)).unwrap_err().code, ErrorCode::InvalidArgument);
    let token = fields(&[("x-amz-security-token", "t")]);
    assert_eq!(read(&token).unwrap_err().code, ErrorCode::InvalidToken);
}

#[test]
fn a_credential_is_for_this_endpoint_and_the_day_of_its_date() {
    for (name, value) in [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA1"),
        ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE"),
        (
            "X-Amz-Credential",
            "AKIAIOSFODNN7EXAMPLE/20151229/eu-west-1/s3/aws4_request",
        ),
        (
            "X-Amz-Credential",
            "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/sqs/aws4_request",
        ),
        (
            "X-Amz-Credential",
            "AKIAIOSFODNN7EXAMPLE/20151228/us-east-1/s3/aws4_request",
        ),
        (
            "X-Amz-Credential",
            "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws2_request",
        ),
        ("X-Amz-Date", "2015-12-29"),
    ] {
        let error = read(&with(name, value)).unwrap_err();
        assert_eq!(
            error.code,
            ErrorCode::AuthorizationQueryParametersError,
            "{value}"
        );
        let names_region = error.fields == [("Region", "us-east-1".to_owned())];
        assert_eq!(names_region, value.contains("eu-west-1"), "{value}");
    }
}
