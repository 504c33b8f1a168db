use super::super::PolicyKind;
use super::{read, read_as, statement};

fn is_public(members: &[(&str, &str)]) -> bool {
    read(&statement(members)).unwrap().is_public()
}

#[test]
fn a_grant_to_everybody_is_public() {
    assert!(is_public(&[]));
    assert!(is_public(&[("Principal", r#"{"AWS":["111122223333","*"]}"#)]));
    assert!(is_public(&[("NotPrincipal", r#"{"AWS":"111122223333"}"#)]));
    assert!(is_public(&[("Condition", "{}")]));
}

#[test]
fn a_denial_and_a_grant_to_somebody_are_not() {
    assert!(!is_public(&[("Effect", "\"Deny\"")]));
    for principal in [
        r#"{"AWS":"111122223333"}"#,
        r#"{"Service":"x"}"#,
        r#"{"Federated":"x"}"#,
    ] {
        assert!(!is_public(&[("Principal", principal)]), "{principal}");
    }
    let of_one_who_asks = read_as(PolicyKind::Identity, &statement(&[("Principal", "")]));
    assert!(!of_one_who_asks.unwrap().is_public());
}

#[test]
fn one_public_statement_makes_a_policy_public() {
    let (public, other) = (
        statement(&[]),
        statement(&[("Principal", r#"{"AWS":"111122223333"}"#)]),
    );
    assert!(read(&format!("{other},{public}")).unwrap().is_public());
    assert!(!read(&format!("{other},{other}")).unwrap().is_public());
}

#[test]
fn a_condition_that_fixes_who_or_where_makes_a_grant_not_public() {
    for condition in [
        r#"{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}"#,
        r#"{"StringEquals":{"AWS:sourcevpce":["vpce-1","vpce-2"]}}"#,
        r#"{"StringEqualsIgnoreCase":{"aws:SourceOwner":"x"}}"#,
        r#"{"StringLike":{"aws:SourceAccount":"111122223333"}}"#,
        r#"{"ForAnyValue:StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
        r#"{"StringEquals":{"aws:userid":"AIDAEXAMPLE"}}"#,
        r#"{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}"#,
        r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/ann"}}"#,
        r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::letters"}}"#,
        r#"{"StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"x"}}"#,
        r#"{"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}}"#,
        r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:111122223333:accesspoint/*"}}"#,
        r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","10.0.0.0/8","2001:db8::/32"]}}"#,
        r#"{"Bool":{"aws:SecureTransport":true},"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
    ] {
        assert!(!is_public(&[("Condition", condition)]), "{condition}");
    }
}

#[test]
fn a_condition_that_leaves_it_open_does_not() {
    for condition in [
        r#"{"StringLike":{"aws:SourceVpc":"vpc-*"}}"#,
        r#"{"StringEquals":{"aws:SourceVpc":["vpc-1","vpc-${*}"]}}"#,
        r#"{"StringEquals":{"aws:userid":"${aws:username}"}}"#,
        r#"{"StringLike":{"aws:userid":"AROAEXAMPLE:*"}}"#,
        r#"{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#,
        r#"{"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}}"#,
        r#"{"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/*"}}"#,
        r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/x"}}"#,
        r#"{"StringEquals":{"aws:Referer":"http://example.com/"}}"#,
        r#"{"StringEquals":{"s3:prefix":"x"}}"#,
        r#"{"Null":{"aws:SourceVpc":false}}"#,
        r#"{"Bool":{"aws:SecureTransport":true}}"#,
        r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
        r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}}"#,
        r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/7"}}"#,
        r#"{"IpAddress":{"aws:SourceIp":"2001:db8::/31"}}"#,
        r#"{"IpAddress":{"aws:VpcSourceIp":"203.0.113.0/24"}}"#,
    ] {
        assert!(is_public(&[("Condition", condition)]), "{condition}");
    }
}
