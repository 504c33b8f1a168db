//! Who may do what under which circumstances: every operation, every kind of caller, against a table.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{
    Acl, DocumentKind, Grant, Grantee, Group, ObjectOwnership, Operation, Owner, Permission,
    PublicAccessBlock, StoredDocument,
};
use crate::ops::tests::scene::{Scene, account, context};
use crate::ops::{Caller, Identity};
use crate::policy::{Policy, PolicyKind};

/// What is in the way, or helps.
#[derive(Clone, Copy)]
enum Circumstance {
    /// A bucket and an object of `b`, with private lists.
    Nothing,
    /// Lists grant everything to everybody.
    List,
    /// The bucket's policy allows everything to everybody.
    Allow,
    /// The same lists, and the policy denies everything to everybody.
    Deny,
    /// The same lists, the policy that allows, and a whole public access block.
    Block,
    /// The same lists, and ownership is enforced.
    Enforced,
}

const CIRCUMSTANCES: [Circumstance; 6] = [
    Circumstance::Nothing,
    Circumstance::List,
    Circumstance::Allow,
    Circumstance::Deny,
    Circumstance::Block,
    Circumstance::Enforced,
];

fn everybody(owner: &Owner) -> Acl {
    let full = |grantee| Grant {
        grantee,
        permission: Permission::FullControl,
    };
    let own = Grantee::user(&owner.id).unwrap();
    Acl::new(vec![full(own), full(Grantee::Group(Group::AllUsers))], owner)
}

fn scene(circumstance: Circumstance, uploader: &Owner) -> Scene {
    let owner = account('b');
    let open = !matches!(circumstance, Circumstance::Nothing | Circumstance::Allow);
    let acl = || if open { everybody(&owner) } else { Acl::default() };
    let mut scene = Scene::new(acl(), acl());
    scene.object.description.owner = owner.clone();
    scene.upload.description.owner = uploader.clone();
    let mut set = |kind, value: Value| {
        scene
            .bucket
            .set_document(kind, Some(StoredDocument::Inline(value)));
    };
    let policy = |effect: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Principal":"*","Action":"s3:*",
            "Resource":["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"]}}}}"#
        );
        Value::String(text)
    };
    match circumstance {
        Circumstance::Nothing | Circumstance::List => {}
        Circumstance::Allow => set(DocumentKind::Policy, policy("Allow")),
        Circumstance::Deny => set(DocumentKind::Policy, policy("Deny")),
        Circumstance::Block => {
            set(DocumentKind::Policy, policy("Allow"));
            let block = serde_json::to_value(PublicAccessBlock::ALL).unwrap();
            set(DocumentKind::PublicAccessBlock, block);
        }
        Circumstance::Enforced => {
            let enforced = ObjectOwnership::BucketOwnerEnforced.as_str();
            set(DocumentKind::OwnershipControls, enforced.into());
        }
    }
    scene
}

fn with(letter: char, policy: Option<&str>, session: Option<&str>) -> Caller {
    let read = |text: &str| {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":{text}}}"#);
        Arc::new(Policy::read(text.as_bytes(), PolicyKind::Identity).unwrap())
    };
    Caller {
        identity: Identity {
            user: policy.map(|_| "user".to_owned()),
            policy: policy.map(read),
            session: session.map(read),
            ..Identity::default()
        },
        ..Caller::of(account(letter))
    }
}

/// Those who ask: the bucket's owner, a user of it who may everything and one who may nothing, a session of the owner
/// that may everything and one that only reads; the same two users of another account after that account itself; and
/// nobody in particular.
fn callers() -> [Caller; 9] {
    const ALL: Option<&str> = Some(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#);
    const NONE: Option<&str> = Some(r#"{"Effect":"Allow","Action":"ec2:*","Resource":"*"}"#);
    const READS: Option<&str> = Some(r#"{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}"#);
    [
        with('b', None, None),
        with('b', ALL, None),
        with('b', NONE, None),
        with('b', None, ALL),
        with('b', None, READS),
        with('c', None, None),
        with('c', ALL, None),
        with('c', NONE, None),
        Caller::of(Owner::anonymous()),
    ]
}

/// For each caller what each circumstance lets it do.
fn row(operation: Operation) -> String {
    let of = |caller: &Caller| -> String {
        let letter = |circumstance| match scene(circumstance, &caller.owner).decide(caller, operation) {
            Ok(()) => 'y',
            Err(_) => '.',
        };
        CIRCUMSTANCES.into_iter().map(letter).collect()
    };
    callers().map(|caller| of(&caller)).join(" ")
}

fn table() -> String {
    let mut table = String::new();
    for operation in Operation::ALL.iter().filter(|operation| operation.is_built()) {
        writeln!(table, "{:<30} {}", operation.name(), row(*operation)).unwrap();
    }
    table
}

#[test]
fn each_caller_may_do_what_the_table_says() {
    let expected = include_str!("matrix.txt");
    let rows: String = expected.lines().skip(3).map(|line| format!("{line}\n")).collect();
    let found = table();
    assert_eq!(found, rows, "what is decided:\n{found}");
}

#[test]
fn nobody_gets_more_by_a_deny_and_no_session_more_than_its_caller() {
    for operation in Operation::ALL.iter().filter(|operation| operation.is_built()) {
        let callers = callers();
        for circumstance in CIRCUMSTANCES {
            let may = |caller: &Caller| {
                scene(circumstance, &caller.owner)
                    .decide(caller, *operation)
                    .is_ok()
            };
            let [owner, user, _, whole, reading, ..] = &callers;
            assert!(may(owner) || !may(whole), "{operation}");
            assert!(may(whole) || !may(reading), "{operation}");
            assert!(
                may(owner) || !may(user) || !operation.actions().is_empty(),
                "{operation}"
            );
        }
    }
}

#[test]
fn a_policy_of_ones_own_that_asks_what_the_deployment_does_not_know_allows_nothing() {
    // The request of these callers has no address.
    let unless = r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}]"#;
    for caller in [with('b', Some(unless), None), with('b', None, Some(unless))] {
        for operation in [
            Operation::GetObject,
            Operation::PutObject,
            Operation::DeleteBucket,
        ] {
            let scene = scene(CIRCUMSTANCES[0], &caller.owner);
            assert!(scene.decide(&caller, operation).is_err(), "{operation}");
        }
        let context = context(10);
        let has_own = caller.identity.policy.is_some();
        let role = "arn:aws:iam::000000000000:role/any";
        assert_eq!(caller.is_denied(&context, "sts", "AssumeRole", role), has_own);
    }
}
