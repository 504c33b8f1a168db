use std::time::Duration;

use super::request::{SignedRequest, StsAction, StsRequest};
use super::{StsCode, StsError};
use crate::protocol::query::Query;

const ROLE: &str = "arn:aws:iam::123456789012:role/team/writer";

fn read(parameters: &[(&str, &str)]) -> Result<SignedRequest, StsError> {
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", crate::protocol::percent::encode(value)));
    let form = Query::parse(&pairs.collect::<Vec<_>>().join("&")).unwrap();
    match StsRequest::read(StsAction::read(&form)?, &form) {
        StsRequest::Signed(request) => request,
        StsRequest::WebIdentity(request) => request.map(|(request, _)| SignedRequest::AssumeRole(request)),
    }
}

fn of(action: &'static str, more: &[(&str, &str)]) -> Result<SignedRequest, StsError> {
    let both = [&[("Action", action), ("Version", "2011-06-15")], more].concat();
    read(&both)
}

fn assume(more: &[(&str, &str)]) -> Result<SignedRequest, StsError> {
    of(
        "AssumeRole",
        &[more, &[("RoleArn", ROLE), ("RoleSessionName", "me")]].concat(),
    )
}

fn refusal(read: Result<SignedRequest, StsError>) -> (StsCode, String) {
    let error = read.unwrap_err();
    (error.code, error.message.into_owned())
}

#[test]
fn parameters_have_their_defaults_and_bounds() {
    let SignedRequest::AssumeRole(request) = assume(&[]).unwrap() else {
        panic!("another action");
    };
    assert_eq!(
        (request.role.account.as_str(), request.role.name.as_str()),
        ("123456789012", "writer")
    );
    assert_eq!(
        (request.policy, request.duration),
        (None, Duration::from_secs(3_600))
    );
    let usual = SignedRequest::GetSessionToken(Duration::from_secs(43_200));
    assert_eq!(of("GetSessionToken", &[]).unwrap(), usual);
    assert_eq!(
        of("GetCallerIdentity", &[("Policy", "")]).unwrap(),
        SignedRequest::GetCallerIdentity
    );
    for (action, seconds, fits) in [
        ("GetSessionToken", "900", true),
        ("GetSessionToken", "129600", true),
        ("GetSessionToken", "129601", false),
        ("AssumeRole", "43200", true),
        ("AssumeRole", "43201", false),
        ("AssumeRole", "899", false),
        ("AssumeRole", "-1", false),
        ("AssumeRole", "99999999999999999999", false),
        ("AssumeRole", "soon", false),
    ] {
        let given = [
            ("DurationSeconds", seconds),
            ("RoleArn", ROLE),
            ("RoleSessionName", "me"),
        ];
        assert_eq!(of(action, &given).is_ok(), fits, "{action} {seconds}");
    }
}

#[test]
fn all_that_is_wrong_is_told_in_aws_words() {
    let rule = "failed to satisfy constraint: Member must";
    assert_eq!(
        refusal(of(
            "AssumeRole",
            &[("RoleSessionName", "a b"), ("DurationSeconds", "1")]
        )),
        (
            StsCode::ValidationError,
            format!(
                r"3 validation errors detected: Value 'a b' at 'roleSessionName' {rule} satisfy regular expression pattern: [\w+=,.@-]*; Value null at 'roleArn' {rule} not be null; Value '1' at 'durationSeconds' {rule} have value greater than or equal to 900"
            )
        )
    );
    let long = "p".repeat(2_049);
    let (_, message) = refusal(assume(&[("Policy", &long)]));
    assert!(message.ends_with(&format!(
        "at 'policy' {rule} have length less than or equal to 2048"
    )));
    let letters = "é".repeat(2_048);
    assert!(assume(&[("Policy", &letters)]).is_ok());
    assert!(assume(&[("Policy", "")]).is_err());
    let token = refusal(of(
        "AssumeRoleWithWebIdentity",
        &[("RoleArn", ROLE), ("RoleSessionName", "me")],
    ));
    assert!(token.1.contains("Value null at 'webIdentityToken'"), "{token:?}");
}

#[test]
fn what_is_no_arn_of_a_role_is_invalid() {
    for wrong in [
        "arn:aws:iam::123456789012:user/writer",
        "arn:aws:iam::12345678901:role/writer",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:sts::123456789012:role/writer",
        "arn:aws:iam:eu:123456789012:role/writer",
        "no name of a role at all",
    ] {
        let given = [("RoleArn", wrong), ("RoleSessionName", "me")];
        let expected = (StsCode::ValidationError, format!("{wrong} is invalid"));
        assert_eq!(refusal(of("AssumeRole", &given)), expected);
    }
}

#[test]
fn other_actions_and_versions_are_refused_by_name() {
    assert_eq!(
        refusal(read(&[("Version", "2011-06-15")])).0,
        StsCode::MissingAction
    );
    let (code, message) = refusal(read(&[("Action", "GetCallerIdentity")]));
    assert_eq!(code, StsCode::InvalidAction);
    assert!(
        message.ends_with("GetCallerIdentity for version NO_VERSION_SPECIFIED"),
        "{message}"
    );
    assert_eq!(refusal(of("ListUsers", &[])).0, StsCode::InvalidAction);
    let (code, message) = refusal(of("GetFederationToken", &[]));
    assert_eq!(code, StsCode::NotImplemented);
    assert!(message.ends_with("GetFederationToken"), "{message}");
}

#[test]
fn what_would_change_a_session_and_is_not_built_is_refused_by_name() {
    for name in [
        "PolicyArns.member.1.arn",
        "Tags.member.1.Key",
        "TransitiveTagKeys.member.1",
        "SerialNumber",
        "TokenCode",
        "SourceIdentity",
        "ProvidedContexts.member.1.ContextAssertion",
        "ProviderId",
    ] {
        let (code, message) = refusal(assume(&[(name, "x")]));
        assert_eq!(code, StsCode::NotImplemented);
        assert!(message.ends_with(name), "{message}");
        assert!(assume(&[(name, "")]).is_ok());
    }
    assert!(assume(&[("ExternalId", "x"), ("Whatever", "x")]).is_ok());
}
