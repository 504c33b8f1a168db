use super::super::{Policy, PolicyKind};
use super::{bucket, read, read_as, statement};

fn refused(members: &[(&str, &str)]) -> Option<String> {
    read(&statement(members)).err()
}

fn identity(members: &[(&str, &str)]) -> Option<String> {
    read_as(PolicyKind::Identity, &statement(members)).err()
}

fn document(json: &str) -> Option<String> {
    let error = Policy::read(json.as_bytes(), PolicyKind::Bucket { name: &bucket() }).err();
    error.map(|error| error.0)
}

#[test]
fn what_is_no_json_object_is_refused() {
    let first_byte = Some("Policies must be valid JSON and the first byte must be '{'".to_owned());
    for json in ["", "x", " {}", "[]"] {
        assert_eq!(document(json), first_byte, "{json}");
    }
    let invalid = Some("This policy contains invalid Json".to_owned());
    for json in ["{", "{\"Version\":\"2012-10-17\",\"Version\":\"2012-10-17\"}"] {
        assert_eq!(document(json), invalid, "{json}");
    }
    let error = Policy::read(b"x", PolicyKind::Identity).unwrap_err();
    assert_eq!(error.to_string(), "This policy contains invalid Json");
}

#[test]
fn a_document_has_a_version_an_id_and_statements() {
    let one = statement(&[]);
    for (json, message) in [
        ("{}".to_owned(), Some("Missing required field Statement")),
        (
            r#"{"Statement":[]}"#.to_owned(),
            Some("Could not parse the policy: Statement is empty!"),
        ),
        (r#"{"Statement":"x"}"#.to_owned(), Some("Invalid policy syntax.")),
        (
            r#"{"Statement":["x"]}"#.to_owned(),
            Some("Invalid policy syntax."),
        ),
        (format!(r#"{{"Statement":{one}}}"#), None),
        (format!(r#"{{"Id":"x","Statement":[{one}]}}"#), None),
        (
            format!(r#"{{"Id":1,"Statement":[{one}]}}"#),
            Some("Invalid policy syntax."),
        ),
        (format!(r#"{{"Statement":[{one}],"Version":"2008-10-17"}}"#), None),
        (
            format!(r#"{{"Version":"2012-10-18","Statement":[{one}]}}"#),
            Some("The policy must contain a valid version string"),
        ),
        (
            format!(r#"{{"Version":2012,"Statement":[{one}]}}"#),
            Some("The policy must contain a valid version string"),
        ),
        (
            format!(r#"{{"statement":[{one}]}}"#),
            Some("Unknown field statement"),
        ),
    ] {
        assert_eq!(document(&json), message.map(str::to_owned), "{json}");
    }
}

#[test]
fn a_policy_has_200_statements_and_its_size_at_most() {
    let statements = |count: usize| vec![statement(&[]); count].join(",");
    assert_eq!(read(&statements(150)).err(), None);
    let deny = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
    let identity = |count: usize| {
        let short = vec![deny; count].join(",");
        read_as(PolicyKind::Identity, &short).err()
    };
    assert_eq!(identity(120), None);
    assert_eq!(
        identity(140),
        Some("Cannot exceed quota for PolicySize: 6144".to_owned())
    );
    let too_large = "Normalized policy document exceeds the maximum allowed size of 20480 bytes.";
    assert_eq!(read(&statements(230)).err().as_deref(), Some(too_large));
    let many = r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"arn:aws:s3:::pictures*"}"#;
    assert_eq!(read(&vec![many; 200].join(",")).err(), None);
    assert_eq!(
        read(&vec![many; 201].join(",")).err().as_deref(),
        Some("Invalid policy syntax.")
    );
}

#[test]
fn a_statement_has_each_element_or_its_opposite() {
    for (members, message) in [
        (
            [("Effect", ""), ("Sid", "\"a b\"")],
            "Missing required field Effect",
        ),
        (
            [("Effect", "\"allow\""), ("Sid", "\"\"")],
            "Invalid effect: allow",
        ),
        ([("Effect", "true"), ("Sid", "\"\"")], "Invalid policy syntax."),
        (
            [("Principal", ""), ("Sid", "\"\"")],
            "Missing required field Principal",
        ),
        ([("Action", ""), ("Sid", "\"\"")], "Missing required field Action"),
        (
            [("Action", "[]"), ("Sid", "\"\"")],
            "Missing required field Action",
        ),
        (
            [("Resource", ""), ("Sid", "\"\"")],
            "Missing required field Resource",
        ),
        ([("Resource", "[1]"), ("Sid", "\"\"")], "Invalid policy syntax."),
        ([("Sid", "1"), ("Action", "\"s3:*\"")], "Invalid policy syntax."),
        (
            [("NotAction", "\"s3:*\""), ("Action", "\"s3:*\"")],
            "Invalid policy syntax.",
        ),
        ([("Sid", "\"\""), ("action", "\"s3:*\"")], "Unknown field action"),
    ] {
        assert_eq!(refused(&members).as_deref(), Some(message), "{members:?}");
    }
}

#[test]
fn the_policy_of_one_who_asks_names_no_principal() {
    for name in ["Principal", "NotPrincipal"] {
        let message = "Policy document should not specify a principal.";
        assert_eq!(identity(&[(name, "\"*\"")]).as_deref(), Some(message));
    }
    assert_eq!(identity(&[("Principal", "")]), None);
    for (members, message) in [
        (
            [("Principal", ""), ("Action", "")],
            "Policy statement must contain actions.",
        ),
        (
            [("Principal", ""), ("Resource", "[]")],
            "Policy statement must contain resources.",
        ),
        (
            [("Principal", ""), ("Resource", "\"x\"")],
            "Resource x must be in ARN format or \"*\".",
        ),
        (
            [("Principal", ""), ("Action", "\"GetObject\"")],
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            [("Principal", ""), ("Effect", "\"x\"")],
            "Syntax errors in policy.",
        ),
    ] {
        assert_eq!(identity(&members).as_deref(), Some(message), "{members:?}");
    }
}

#[test]
fn a_bucket_policy_names_actions_that_s3_has() {
    for action in [
        "s3:GetObject",
        "S3:getOBJECT",
        "s3:Get*",
        "s3:*",
        "*",
        "s3:?etObject",
        "s3:ReplicateObject",
    ] {
        assert_eq!(refused(&[("Action", &format!("\"{action}\""))]), None, "{action}");
    }
    let wrong = [
        "",
        "GetObject",
        "s3:",
        "s3:GetObjekt",
        "s3:HeadObject",
        "s3:x*",
        "ec2:*",
        "s*:GetObject",
        ":x",
        "s3",
    ];
    for action in wrong {
        let message = refused(&[("Action", &format!("[\"s3:*\",\"{action}\"]"))]);
        assert_eq!(message.as_deref(), Some("Policy has invalid action"), "{action}");
    }
    for action in ["ec2:Describe*", "s3:GetObjekt", "*", "s3-object-lambda:*"] {
        assert_eq!(
            identity(&[("Principal", ""), ("Action", &format!("\"{action}\""))]),
            None,
            "{action}"
        );
    }
}

#[test]
fn a_bucket_policy_is_about_its_own_bucket() {
    for resource in [
        "pictures/*",
        "pictures*",
        "pictures/",
        "pictures/a?/${aws:username}",
    ] {
        for partition in ["aws", "aws-cn", "aws-us-gov"] {
            let resource = format!("\"arn:{partition}:s3:::{resource}\"");
            assert_eq!(refused(&[("Resource", &resource)]), None, "{resource}");
            assert_eq!(refused(&[("NotResource", &resource)]), None, "{resource}");
        }
    }
    for resource in [
        "*",
        "",
        "pictures",
        "arn:aws:s3:::*",
        "arn:aws:s3:::pict*",
        "arn:aws:s3:::pictures2/*",
        "arn:aws:s3:::pictures?",
        "arn:aws:s3:::Pictures/*",
        "arn:aws:s3:eu-west-1::pictures/*",
        "arn:aws:s3:::${aws:username}",
        "arn:aws-x:s3:::pictures/*",
        "arn:aws:s3:::pictures/${aws:username",
        "arn:aws:s3:::pictures/${x:y}",
    ] {
        for name in ["Resource", "NotResource"] {
            let message = refused(&[(name, &format!("\"{resource}\""))]);
            assert_eq!(
                message.as_deref(),
                Some("Policy has invalid resource"),
                "{resource}"
            );
        }
    }
}

#[test]
fn each_action_has_one_of_the_resources() {
    let message = |action: &str, resource: &str| refused(&[("Action", action), ("Resource", resource)]);
    let (of_bucket, of_objects) = ("\"arn:aws:s3:::pictures\"", "\"arn:aws:s3:::pictures/*\"");
    let both = r#"["arn:aws:s3:::pictures","arn:aws:s3:::pictures/*"]"#;
    for (action, resource) in [
        ("\"s3:ListBucket\"", of_bucket),
        ("\"s3:Get*\"", of_bucket),
        ("\"s3:GetObject\"", both),
        ("\"s3:ListBucket\"", "\"arn:aws:s3:::pictures*\""),
        ("[\"s3:ListBucket\",\"s3:GetObject\"]", both),
    ] {
        assert_eq!(message(action, resource), None, "{action}");
    }
    for (action, resource) in [
        ("\"s3:GetObject\"", of_bucket),
        ("\"s3:ListBucket\"", of_objects),
        ("[\"s3:ListBucket\",\"s3:GetObject\"]", of_objects),
        ("\"s3:GetObject*\"", of_bucket),
        ("\"s3:ListAllMyBuckets\"", both),
    ] {
        let expected = "Action does not apply to any resource(s) in statement";
        assert_eq!(message(action, resource).as_deref(), Some(expected), "{action}");
    }
    assert_eq!(refused(&[("NotAction", "\"s3:ListBucket\"")]), None);
    assert_eq!(refused(&[("NotResource", of_bucket)]), None);
}

#[test]
fn principals_are_everybody_or_named_without_wildcards() {
    let id = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
    for principal in [
        "\"*\"",
        r#"{"AWS":"*"}"#,
        r#"{"AWS":["111122223333","arn:aws:iam::111122223333:root"]}"#,
        r#"{"AWS":"arn:aws-cn:iam::111122223333:user/division/ann"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:role/x"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/x/y"}"#,
        r#"{"Service":"logging.s3.amazonaws.com","Federated":["cognito-identity.amazonaws.com"]}"#,
        &format!(r#"{{"CanonicalUser":"{id}"}}"#),
    ] {
        assert_eq!(refused(&[("Principal", principal)]), None, "{principal}");
        assert_eq!(refused(&[("NotPrincipal", principal)]), None, "{principal}");
    }
    for principal in [
        "\"x\"",
        "[\"*\"]",
        "{}",
        "null",
        r#"{"AWS":[]}"#,
        r#"{"AWS":""}"#,
        r#"{"AWS":1}"#,
        r#"{"AWS":"11112222333"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:*"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/"}"#,
        r#"{"AWS":"arn:aws:iam::*:root"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:root"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:group/x"}"#,
        r#"{"CanonicalUser":"*"}"#,
        r#"{"CanonicalUser":"79a59df9"}"#,
        r#"{"Service":"*"}"#,
        r#"{"aws":"*"}"#,
        r#"{"AWS":"*","Other":"x"}"#,
    ] {
        let message = refused(&[("Principal", principal)]);
        assert_eq!(
            message.as_deref(),
            Some("Invalid principal in policy"),
            "{principal}"
        );
    }
}

#[test]
fn conditions_have_operators_keys_and_values_that_fit() {
    for (condition, message) in [
        ("{}", None),
        (r#"{"StringLike":{"aws:Referer":["a*",1,true]}}"#, None),
        (r#"{"Bool":{"aws:SecureTransport":false}}"#, None),
        (
            r#"{"StringEquals":{"aws:PrincipalOrgID":"o-1","aws:PrincipalTag/x":"y"}}"#,
            None,
        ),
        (r#"{"StringEquals":{"s3:ExistingObjectTag/a/b":[]}}"#, None),
        (r#"{"StringEquals":{}}"#, Some("Invalid policy syntax.")),
        (r#"{"StringEquals":"x"}"#, Some("Invalid policy syntax.")),
        ("[]", Some("Invalid policy syntax.")),
        (
            r#"{"StringEquals":{"aws:Referer":null}}"#,
            Some("Invalid policy syntax."),
        ),
        (
            r#"{"StringEquals":{"aws:Referer":[["x"]]}}"#,
            Some("Invalid policy syntax."),
        ),
        (
            r#"{"StringIs":{"aws:Referer":"x"}}"#,
            Some("Invalid Condition type : StringIs"),
        ),
        (
            r#"{"StringEquals":{"s3:Nothing":"x"}}"#,
            Some("Policy has an invalid condition key"),
        ),
        (
            r#"{"StringEquals":{"s3:ExistingObjectTag":"x"}}"#,
            Some("Policy has an invalid condition key"),
        ),
        (
            r#"{"StringEquals":{"aws:Referer":"${s3:Nothing}"}}"#,
            Some("Policy has an invalid condition key"),
        ),
        (
            r#"{"StringEquals":{"aws:Referer":"${"}}"#,
            Some("Invalid policy syntax."),
        ),
        (
            r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}"#,
            Some("Invalid policy syntax."),
        ),
        (
            r#"{"NumericEquals":{"s3:max-keys":"ten"}}"#,
            Some("Invalid policy syntax."),
        ),
        (
            r#"{"DateLessThan":{"aws:CurrentTime":"soon"}}"#,
            Some("Invalid policy syntax."),
        ),
        (
            r#"{"Null":{"aws:Referer":"perhaps"}}"#,
            Some("Invalid policy syntax."),
        ),
        (
            r#"{"BinaryEquals":{"aws:Referer":"*"}}"#,
            Some("Invalid policy syntax."),
        ),
    ] {
        assert_eq!(
            refused(&[("Condition", condition)]).as_deref(),
            message,
            "{condition}"
        );
    }
    let of_others = r#"{"StringEquals":{"ec2:Region":"${saml:sub}"}}"#;
    assert_eq!(identity(&[("Principal", ""), ("Condition", of_others)]), None);
    let without_vendor = r#"{"StringEquals":{"Region":"x"}}"#;
    assert!(identity(&[("Principal", ""), ("Condition", without_vendor)]).is_some());
}

#[test]
fn the_keys_are_those_of_conditions_and_variables() {
    let policy = read(&statement(&[
        (
            "Resource",
            "\"arn:aws:s3:::pictures/${aws:UserName}/${s3:prefix, 'x'}\"",
        ),
        (
            "Condition",
            r#"{"StringLike":{"s3:ExistingObjectTag/Colour":"${aws:Referer}"},
                "ArnLike":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalAccount}:user/*"},
                "Null":{"AWS:REFERER":true}}"#,
        ),
    ]));
    let policy = policy.unwrap();
    let keys: Vec<_> = policy.keys().collect();
    let expected = [
        "aws:principalaccount",
        "aws:principalarn",
        "aws:referer",
        "aws:username",
        "s3:existingobjecttag/Colour",
        "s3:prefix",
    ];
    assert_eq!(keys, expected);
}
