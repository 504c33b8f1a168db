use std::fs;

use super::*;

fn operations_that(are: impl Fn(Operation) -> bool) -> Vec<Operation> {
    let all = Operation::ALL.iter().copied();
    all.filter(|operation| are(*operation)).collect()
}

fn built() -> Vec<Operation> {
    operations_that(Operation::is_built)
}

fn names(actions: &[IamAction]) -> Vec<&'static str> {
    actions.iter().map(|action| action.name).collect()
}

#[test]
fn what_is_built_comes_first() {
    assert!(Operation::ALL.starts_with(&built()));
}

#[test]
fn each_operation_has_an_action_but_those_that_have_none_of_s3() {
    assert_eq!(
        operations_that(|operation| operation.actions().is_empty()),
        [
            // Nobody's, an action of s3express, and one of s3-object-lambda.
            Operation::PreflightRequest,
            Operation::CreateSession,
            Operation::WriteGetObjectResponse,
        ]
    );
}

#[test]
fn every_request_asks_for_an_action() {
    for operation in operations_that(|operation| !operation.actions().is_empty()) {
        let asks = |when| operation.actions().iter().any(|action| action.when == when);
        assert!(
            asks(When::Always) || (asks(When::Current) && asks(When::Version)),
            "{operation}"
        );
    }
}

#[test]
fn no_request_asks_twice_for_one_action() {
    for operation in Operation::ALL {
        for actions in [operation.actions(), operation.source_actions()] {
            let mut distinct = names(actions);
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), actions.len(), "{operation}");
        }
    }
}

#[test]
fn an_operation_that_takes_a_version_asks_for_other_actions_of_one() {
    let of_a_version = |operation: Operation| {
        let mut actions = operation.actions().iter();
        actions.any(|action| action.when == When::Version)
    };
    let without = operations_that(|operation| operation.takes_version_id() && !of_a_version(operation));
    assert_eq!(
        without,
        [
            Operation::GetObjectLegalHold,
            Operation::GetObjectRetention,
            Operation::PutObjectLegalHold,
            Operation::PutObjectRetention,
            Operation::RestoreObject,
            Operation::UpdateObjectEncryption,
        ]
    );
    // Its document names the versions.
    let others = operations_that(|operation| of_a_version(operation) && !operation.takes_version_id());
    assert_eq!(others, [Operation::DeleteObjects]);
}

#[test]
fn what_takes_a_body_changes_something() {
    let takes_a_body = |operation: Operation| operation.body() != RequestBody::Nothing;
    // Its document is the question.
    let reads = operations_that(|operation| operation.only_reads() && takes_a_body(operation));
    assert_eq!(reads, [Operation::SelectObjectContent]);
}

#[test]
fn a_read_needs_no_right_to_change_and_asks_for_no_action_that_changes() {
    let rights = [Permission::Read, Permission::ReadAcp];
    for operation in operations_that(Operation::only_reads) {
        match operation.need() {
            Need::Bucket(permission) | Need::Object(permission) => {
                assert!(rights.contains(&permission), "{operation}");
            }
            need => assert!(
                ![Need::Deletion, Need::Deletions, Need::Uploader].contains(&need),
                "{operation}"
            ),
        }
        for name in names(operation.actions()) {
            assert!(
                name.starts_with("Get") || name.starts_with("List"),
                "{operation}: {name}"
            );
        }
    }
}

#[test]
fn a_change_asks_for_an_action_that_changes() {
    let without = operations_that(|operation| {
        let names = names(operation.actions());
        let reads = |name: &&str| name.starts_with("Get") || name.starts_with("List");
        !operation.only_reads() && names.iter().all(reads)
    });
    assert_eq!(without, [Operation::WriteGetObjectResponse]);
}

#[test]
fn what_a_list_or_a_policy_can_grant_to_everybody_needs_no_signature() {
    // What a policy may open to everybody and no list can.
    let by_policy = [
        Operation::GetBucketLocation,
        Operation::GetBucketVersioning,
        Operation::GetBucketTagging,
        Operation::GetBucketPolicyStatus,
        Operation::GetObjectTagging,
        Operation::PutObjectTagging,
        Operation::DeleteObjectTagging,
    ];
    for operation in Operation::ALL {
        let granted = match operation.need() {
            Need::Nothing | Need::Bucket(_) | Need::Object(_) | Need::Deletion | Need::Deletions => true,
            Need::Account | Need::BucketOwner | Need::Uploader | Need::UploaderOrOwner => false,
        };
        let refusal = match operation {
            Operation::CopyObject => Some("Anonymous users cannot copy objects.  Please authenticate."),
            Operation::CreateMultipartUpload => {
                Some("Anonymous users cannot initiate multipart uploads.  Please authenticate.")
            }
            // It takes an object away from its owner.
            Operation::RenameObject => Some("Access Denied"),
            _ if granted || by_policy.contains(operation) => None,
            _ => Some("Access Denied"),
        };
        let expected = refusal.map_or(Signature::Optional, Signature::Required);
        assert_eq!(operation.signature(), expected, "{operation}");
    }
}

#[test]
fn a_preflight_alone_needs_nothing() {
    let needs_nothing = operations_that(|operation| operation.need() == Need::Nothing);
    assert_eq!(needs_nothing, [Operation::PreflightRequest]);
}

#[test]
fn a_copy_reads_its_source_as_any_reader_does() {
    for operation in [Operation::CopyObject, Operation::UploadPartCopy] {
        assert_eq!(operation.source_need(), Some(Operation::GetObject.need()));
        let actions = operation.source_actions();
        assert!(actions.starts_with(Operation::GetObject.actions()), "{operation}");
    }
    let takes_tags = |operation: Operation| operation.source_actions().len() > 2;
    assert!(takes_tags(Operation::CopyObject) && !takes_tags(Operation::UploadPartCopy));
}

#[test]
fn a_list_of_parts_and_a_part_are_told_from_other_bodies() {
    let with = |body| operations_that(|operation| operation.body() == body);
    assert_eq!(with(RequestBody::PartList), [Operation::CompleteMultipartUpload]);
    assert_eq!(with(RequestBody::Part), [Operation::UploadPart]);
}

#[test]
fn clients_learn_the_region_where_they_ask_for_a_bucket_or_its_keys() {
    let expected = [
        Operation::HeadBucket,
        Operation::ListObjects,
        Operation::ListObjectsV2,
    ];
    assert_eq!(operations_that(Operation::names_region), expected);
}

fn words_of(need: Need) -> &'static str {
    match need {
        Need::Nothing => "nothing",
        Need::Account => "an account",
        Need::BucketOwner => "to own the bucket",
        Need::Bucket(Permission::Write) => {
            "`WRITE` on the bucket; and to own it, or the object under each key that changes"
        }
        Need::Bucket(Permission::Read) => "`READ` on the bucket",
        Need::Bucket(Permission::ReadAcp) => "`READ_ACP` on the bucket, which its owner always has",
        Need::Bucket(Permission::WriteAcp) => "`WRITE_ACP` on the bucket, which its owner always has",
        Need::Object(Permission::Read) => "`READ` on the object",
        Need::Object(Permission::ReadAcp) => "`READ_ACP` on the object, which its owner always has",
        Need::Object(Permission::WriteAcp) => "`WRITE_ACP` on the object, which its owner always has",
        Need::Deletion | Need::Deletions => {
            "to own the bucket; or `WRITE` on it and to own the object, where there is one"
        }
        Need::Uploader => "to have begun the upload, and `WRITE` on the bucket",
        Need::UploaderOrOwner => "to have begun the upload, or to own the bucket",
        Need::Bucket(Permission::FullControl) | Need::Object(Permission::Write | Permission::FullControl) => {
            panic!("no operation needs {need:?}")
        }
    }
}

fn words_of_action(action: &IamAction) -> String {
    let when = match action.when {
        When::Always | When::Current => "",
        When::Version => " of a version",
        When::IfMatch => " with an entity tag as a condition",
        When::Acl => " with a list",
        When::Tags => " with tags",
        When::CopiesTags => " where it copies tags",
        When::CopiesTagsOfVersion => " where it copies tags of a version",
        When::Retention => " with a retention",
        When::LegalHold => " with a legal hold",
        When::Bypass => " to overrule a retention",
        When::Ownership => " with an ownership",
        When::ObjectLock => " with object lock",
    };
    format!("`{}`{when}", action.name)
}

fn row_of(title: &str, need: Need, actions: &[IamAction]) -> String {
    let actions: Vec<String> = actions.iter().map(words_of_action).collect();
    format!("| {title} | {} | {} |\n", words_of(need), actions.join(", "))
}

#[test]
fn the_page_about_access_says_what_each_operation_needs() {
    let mut table =
        String::from("| operation | access control lists | actions of policies |\n|---|---|---|\n");
    for operation in built() {
        table += &row_of(operation.name(), operation.need(), operation.actions());
        if let Some(need) = operation.source_need() {
            let title = format!("{operation}: the source");
            table += &row_of(&title, need, operation.source_actions());
        }
    }
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md");
    let text = fs::read_to_string(page).unwrap();
    assert!(
        text.contains(&table),
        "docs/security.md lacks this table:\n{table}"
    );
}
