//! Policies of AWS: what they allow, and what the program calls.

use std::collections::BTreeSet;

use serde_json::Value;

use super::plan::Plan;
use super::source;

/// The permission that each operation of the SDKs needs.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html> and its neighbours.
const OPERATIONS: [(&str, &str); 18] = [
    ("batch_get_item", "dynamodb:BatchGetItem"),
    ("batch_write_item", "dynamodb:BatchWriteItem"),
    ("delete_item", "dynamodb:DeleteItem"),
    ("get_item", "dynamodb:GetItem"),
    ("put_item", "dynamodb:PutItem"),
    ("query", "dynamodb:Query"),
    ("scan", "dynamodb:Scan"),
    ("update_item", "dynamodb:UpdateItem"),
    ("abort_multipart_upload", "s3:AbortMultipartUpload"),
    ("complete_multipart_upload", "s3:PutObject"),
    ("create_multipart_upload", "s3:PutObject"),
    ("delete_object", "s3:DeleteObject"),
    ("delete_objects", "s3:DeleteObject"),
    ("get_object", "s3:GetObject"),
    ("head_object", "s3:GetObject"),
    ("list_objects_v2", "s3:ListBucket"),
    ("put_object", "s3:PutObject"),
    ("upload_part", "s3:PutObject"),
];

/// A transaction has no permission of its own: each of its items needs that of the call it stands for.
const IN_TRANSACTIONS: [(&str, &str); 4] = [
    ("condition_check", "dynamodb:ConditionCheckItem"),
    ("delete", "dynamodb:DeleteItem"),
    ("put", "dynamodb:PutItem"),
    ("update", "dynamodb:UpdateItem"),
];

/// The names under which the adapter keeps its clients.
const CLIENTS: [&str; 3] = ["client", "reads", "writes"];

/// Actions of keys, which services do in the program's name.
const OF_KEYS: &str = "kms:";

/// The action of who may take a role, and none that the role is allowed.
const ASSUMED: &str = "sts:AssumeRole";

/// The only action that AWS lets nobody narrow down.
const ON_ANYTHING: &str = "ecr:GetAuthorizationToken";

/// Statements that allow more than one thing, or something on everything.
pub(super) fn too_wide(plan: &Plan) -> Vec<String> {
    let mut complaints = Vec::new();
    for (address, document) in plan.of_type("aws_iam_policy_document") {
        for statement in statements(document).filter(|statement| statement["effect"] != "Deny") {
            let actions = strings(&statement["actions"]);
            let wide = |action: &&String| action.contains('*') || action.contains('?');
            complaints.extend(
                actions
                    .iter()
                    .filter(wide)
                    .map(|action| format!("{address} allows {action}, which is many actions")),
            );
            let on_everything = strings(&statement["resources"]).contains("*");
            if on_everything && actions.iter().any(|action| action != ON_ANYTHING) {
                complaints.push(format!("{address} allows {} on every resource", list(&actions)));
            }
        }
    }
    complaints
}

/// What the program's policies allow and it never calls, and what it calls and they do not allow.
pub(super) fn compared_with_calls(plan: &Plan, documents: &[&str]) -> Result<Vec<String>, String> {
    let mut allowed = BTreeSet::new();
    for address in documents {
        let actions =
            statements(plan.resource(address)?).flat_map(|statement| strings(&statement["actions"]));
        allowed.extend(actions.filter(|action| !action.starts_with(OF_KEYS)));
    }
    let called = called(&source::folders(&["aws-lambda/src"])?)?;
    Ok(differences(&allowed, &called))
}

/// What is allowed and never called, and what is called and not allowed.
pub(super) fn differences(allowed: &BTreeSet<String>, called: &BTreeSet<String>) -> Vec<String> {
    let unused = allowed
        .difference(called)
        .map(|action| format!("{action} is allowed, and nothing calls it"));
    let lacking = called
        .difference(allowed)
        .map(|action| format!("{action} is called, and not allowed"));
    unused.chain(lacking).collect()
}

/// What roles are allowed and the page of reasons does not list, and what it lists and no role is allowed.
pub(super) fn compared_with_reasons(plan: &Plan, page: &str) -> Vec<String> {
    let explained = explained(page);
    let documents = plan.of_type("aws_iam_policy_document");
    let allowed: BTreeSet<String> = documents
        .flat_map(|(_, document)| statements(document))
        .filter(|statement| statement["effect"] != "Deny")
        .flat_map(|statement| strings(&statement["actions"]))
        .filter(|action| action != ASSUMED)
        .collect();
    let lacking = allowed
        .difference(&explained)
        .map(|action| format!("{action} is allowed, and docs/security.md gives no reason"));
    let idle = explained
        .difference(&allowed)
        .map(|action| format!("docs/security.md gives a reason for {action}, which no role is allowed"));
    lacking.chain(idle).collect()
}

/// The actions in the first cells of the tables under headings that begin with AWS: `service:Action`, and after it others of
/// the same service without its name.
fn explained(page: &str) -> BTreeSet<String> {
    let sections = page.split("\n## ").filter(|section| section.starts_with("AWS"));
    let cells = sections
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    cells
        .flat_map(|cell| {
            let service = cell.split(':').next().unwrap_or_default();
            cell.split(", ").map(move |action| {
                let action = action.trim_matches('`');
                if action.contains(':') {
                    action.to_owned()
                } else {
                    format!("{service}:{action}")
                }
            })
        })
        .collect()
}

/// The permissions that the calls in this source need.
fn called(text: &str) -> Result<BTreeSet<String>, String> {
    let mut needed = BTreeSet::new();
    for operation in source::operations(text, &CLIENTS) {
        if operation == "transact_write_items" {
            needed.extend(in_transactions(text)?);
            continue;
        }
        let known = OPERATIONS.iter().find(|(name, _)| *name == operation);
        let (_, permission) = known.ok_or_else(|| {
            format!("no permission is known for {operation}: xtask/src/infra/permissions.rs")
        })?;
        needed.insert((*permission).to_owned());
    }
    // Called without an SDK: the operation is named in a header.
    let targets = text
        .split("\"AmazonSSM.")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    needed.extend(targets.map(|operation| format!("ssm:{operation}")));
    Ok(needed)
}

fn in_transactions(text: &str) -> Result<BTreeSet<String>, String> {
    let items = text.split("TransactWriteItem::builder()").skip(1);
    let kinds = items.filter_map(|rest| rest.trim_start().strip_prefix('.')?.split('(').next());
    kinds
        .map(|kind| {
            let known = IN_TRANSACTIONS.iter().find(|(name, _)| *name == kind);
            let found = known.map(|(_, permission)| (*permission).to_owned());
            found.ok_or_else(|| format!("a transaction has an item that is not known: {kind}"))
        })
        .collect()
}

fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    document["statement"].as_array().into_iter().flatten()
}

fn strings(list: &Value) -> BTreeSet<String> {
    let strings = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    strings.map(str::to_owned).collect()
}

fn list(actions: &BTreeSet<String>) -> String {
    actions.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_from_the_tables_about_aws_alone() {
        let page = "# Security\n\n| `a:No` | b |\n\n## AWS: a role\n\n| action | on |\n|---|---|\n\
                    | `kms:Decrypt`, `GenerateDataKey` | your key |\n\n## Azure\n\n| `items/read` | rows |\n";
        assert_eq!(list(&explained(page)), "kms:Decrypt, kms:GenerateDataKey");
    }

    #[test]
    fn every_call_needs_its_permission_and_an_unknown_one_is_a_complaint() {
        let text =
            "self.reads.query(); self.writes\n.transact_write_items(); TransactWriteItem::builder().put(put)
            header(\"AmazonSSM.GetParameter\")";
        assert_eq!(
            list(&called(text).unwrap()),
            "dynamodb:PutItem, dynamodb:Query, ssm:GetParameter"
        );
        let error = called("self.client.restore_object()").unwrap_err();
        assert!(
            error.starts_with("no permission is known for restore_object"),
            "{error}"
        );
    }
}
