use super::super::{Policy, PolicyKind, Principal, Question, Resource, Verdict};
use super::{Known, account, anonymous, bucket, decide, read, read_as, statement, user};
use crate::model::{BucketName, ObjectKey};

fn identity(statements: &str) -> Policy {
    read_as(PolicyKind::Identity, statements).unwrap()
}

fn ask(policy: &Policy, service: &str, action: &str, resource: Resource<'_>) -> Verdict {
    policy.decide(&Question {
        principal: &user("ann"),
        action,
        service,
        resource,
        keys: &Known::new(&[]),
    })
}

#[test]
fn verdicts_rise_from_silence_to_a_denial() {
    let rising = [
        Verdict::Silent,
        Verdict::AllowsAccount,
        Verdict::Allows,
        Verdict::Denies,
    ];
    assert!(rising.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_denial_is_stronger_than_a_grant_wherever_it_stands() {
    let (allow, deny) = (statement(&[]), statement(&[("Effect", "\"Deny\"")]));
    for statements in [format!("{allow},{deny}"), format!("{deny},{allow}")] {
        let policy = read(&statements).unwrap();
        assert_eq!(
            decide(&policy, &account(), "GetObject", "a", &[]),
            Verdict::Denies
        );
    }
}

#[test]
fn what_no_statement_is_about_is_neither_allowed_nor_denied() {
    let policy = read(&statement(&[])).unwrap();
    assert_eq!(
        decide(&policy, &account(), "PutObject", "a", &[]),
        Verdict::Silent
    );
    let (other, key) = (BucketName::new("letters").unwrap(), ObjectKey::new("a").unwrap());
    assert_eq!(
        ask(&policy, "s3", "GetObject", Resource::Object(&other, &key)),
        Verdict::Silent
    );
    assert_eq!(
        ask(&policy, "s3", "GetObject", Resource::Bucket(&bucket())),
        Verdict::Silent
    );
    assert_eq!(
        ask(&policy, "s3", "GetObject", Resource::Service),
        Verdict::Silent
    );
    assert_eq!(
        ask(&policy, "sts", "GetObject", Resource::Object(&bucket(), &key)),
        Verdict::Silent
    );
}

#[test]
fn actions_have_wildcards_and_no_case() {
    for action in [
        "\"s3:getobject\"",
        "\"S3:Get*\"",
        "\"s3:*\"",
        "\"*\"",
        "[\"s3:PutObject\",\"s3:G?tObject\"]",
    ] {
        assert_eq!(
            anonymous(&[("Action", action)], "a", &[]),
            Verdict::Allows,
            "{action}"
        );
        assert_eq!(
            anonymous(&[("NotAction", action)], "a", &[]),
            Verdict::Silent,
            "{action}"
        );
    }
    for action in ["\"s3:GetObjectAcl\"", "\"s3:GetObject?*\"", "\"s3:Put*\""] {
        assert_eq!(
            anonymous(&[("Action", action)], "a", &[]),
            Verdict::Silent,
            "{action}"
        );
        assert_eq!(
            anonymous(&[("NotAction", action)], "a", &[]),
            Verdict::Allows,
            "{action}"
        );
    }
}

#[test]
fn resources_have_wildcards_and_case_and_any_of_three_partitions() {
    for resource in [
        "pictures/*",
        "pictures*",
        "pictures/a/?.jpg",
        "pictures/*.jpg",
        "pictures/a/b.jpg",
    ] {
        for partition in ["aws", "aws-cn", "aws-us-gov"] {
            let resource = format!("[\"arn:aws:s3:::pictures/x\",\"arn:{partition}:s3:::{resource}\"]");
            assert_eq!(
                anonymous(&[("Resource", &resource)], "a/b.jpg", &[]),
                Verdict::Allows,
                "{resource}"
            );
            assert_eq!(
                anonymous(&[("NotResource", &resource)], "a/b.jpg", &[]),
                Verdict::Silent,
                "{resource}"
            );
        }
    }
    for resource in ["pictures/A/*", "pictures/a", "pictures/a/?", "pictures/*.JPG"] {
        let resource = format!("\"arn:aws:s3:::{resource}\"");
        assert_eq!(
            anonymous(&[("Resource", &resource)], "a/b.jpg", &[]),
            Verdict::Silent,
            "{resource}"
        );
        assert_eq!(
            anonymous(&[("NotResource", &resource)], "a/b.jpg", &[]),
            Verdict::Allows,
            "{resource}"
        );
    }
}

#[test]
fn a_bucket_is_no_object_of_it() {
    let members = [("Action", "\"s3:*\""), ("Resource", "\"arn:aws:s3:::pictures\"")];
    let policy = read(&statement(&members)).unwrap();
    assert_eq!(
        ask(&policy, "s3", "ListBucket", Resource::Bucket(&bucket())),
        Verdict::Allows
    );
    assert_eq!(
        decide(&policy, &Principal::Anonymous, "GetObject", "a", &[]),
        Verdict::Silent
    );
}

#[test]
fn variables_stand_for_what_the_request_has() {
    let home = [("Resource", "\"arn:aws:s3:::pictures/${aws:username}/*\"")];
    let ann: &[(&str, &[&str])] = &[("aws:username", &["ann"])];
    assert_eq!(anonymous(&home, "ann/x", ann), Verdict::Allows);
    assert_eq!(anonymous(&home, "bob/x", ann), Verdict::Silent);
    assert_eq!(anonymous(&home, "ann/x", &[]), Verdict::Silent);
    assert_eq!(
        anonymous(&home, "bob/x", &[("aws:username", &["*"])]),
        Verdict::Silent
    );
    let shared = [(
        "Resource",
        "\"arn:aws:s3:::pictures/${aws:username, 'shared'}/*\"",
    )];
    assert_eq!(anonymous(&shared, "shared/x", &[]), Verdict::Allows);
    let star = [("Resource", "\"arn:aws:s3:::pictures/${*}${?}${$}\"")];
    assert_eq!(anonymous(&star, "*?$", &[]), Verdict::Allows);
    assert_eq!(anonymous(&star, "ab$", &[]), Verdict::Silent);
}

#[test]
fn there_are_no_variables_before_2012() {
    let home = statement(&[("Resource", "\"arn:aws:s3:::pictures/${aws:username}/*\"")]);
    for version in ["", r#""Version":"2008-10-17","#] {
        let json = format!("{{{version}\"Statement\":{home}}}");
        let policy = Policy::read(json.as_bytes(), PolicyKind::Bucket { name: &bucket() }).unwrap();
        let ann: &[(&str, &[&str])] = &[("aws:username", &["ann"])];
        assert_eq!(
            decide(&policy, &user("ann"), "GetObject", "ann/x", ann),
            Verdict::Silent
        );
        assert_eq!(
            decide(&policy, &user("ann"), "GetObject", "${aws:username}/x", ann),
            Verdict::Allows
        );
        assert_eq!(policy.keys().count(), 0);
    }
}

#[test]
fn the_policy_of_one_who_asks_is_about_any_resource() {
    let key = ObjectKey::new("a").unwrap();
    let (pictures, letters) = (bucket(), BucketName::new("letters").unwrap());
    let object = Resource::Object(&pictures, &key);
    for resource in [
        "*",
        "arn:aws:s3:::*",
        "arn:*:s3:::pict*/a",
        "arn:aws-cn:s3:::pictures/a",
    ] {
        let policy = identity(&format!(
            r#"{{"Effect":"Allow","Action":["ec2:*","s3:Get*"],"Resource":["arn:aws:iam::1:x","{resource}"]}}"#
        ));
        assert_eq!(
            ask(&policy, "s3", "GetObject", object),
            Verdict::Allows,
            "{resource}"
        );
        assert_eq!(
            ask(&policy, "s3", "PutObject", object),
            Verdict::Silent,
            "{resource}"
        );
        assert_eq!(
            ask(&policy, "sts", "GetObject", object),
            Verdict::Silent,
            "{resource}"
        );
    }
    let policy =
        identity(r#"{"Effect":"Deny","NotAction":"s3:GetObject","NotResource":"arn:aws:s3:::letters*"}"#);
    assert_eq!(ask(&policy, "s3", "PutObject", object), Verdict::Denies);
    assert_eq!(ask(&policy, "s3", "GetObject", object), Verdict::Silent);
    assert_eq!(
        ask(&policy, "s3", "PutObject", Resource::Bucket(&letters)),
        Verdict::Silent
    );
}

#[test]
fn what_is_about_no_bucket_is_matched_by_patterns_for_all_of_them() {
    let policy = |resource: &str| {
        identity(&format!(
            r#"{{"Effect":"Allow","Action":"*","Resource":"{resource}"}}"#
        ))
    };
    let buckets = |resource| ask(&policy(resource), "s3", "ListAllMyBuckets", Resource::Service);
    let identity = |resource| ask(&policy(resource), "sts", "GetCallerIdentity", Resource::Service);
    assert_eq!((buckets("*"), identity("*")), (Verdict::Allows, Verdict::Allows));
    assert_eq!(
        (buckets("arn:aws:s3:::*"), identity("arn:aws:s3:::*")),
        (Verdict::Allows, Verdict::Silent)
    );
    assert_eq!(buckets("arn:aws:s3:::p*"), Verdict::Silent);
}
