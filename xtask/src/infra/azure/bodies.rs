//! Bodies of Azure's own API, which no schema of Terraform checks: names and types against a table
//! (`xtask/terraform/azure_bodies.txt`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::plan::Plan;
use super::super::source;

const TABLE: &str = "xtask/terraform/azure_bodies.txt";

/// The kinds of resources that are declared by a body.
const KINDS: [&str; 2] = ["azapi_resource", "azapi_update_resource"];

/// What bodies have that Azure's API does not.
pub(super) fn complaints(plan: &Plan) -> Result<Vec<String>, String> {
    let table = source::file(TABLE)?;
    let mut complaints = Vec::new();
    for (address, resource) in KINDS.iter().flat_map(|kind| plan.of_type(kind)) {
        let of = resource["type"].as_str().unwrap_or_default();
        let known = properties(&table, of);
        if known.is_empty() {
            complaints.push(format!("{address} is {of}, which {TABLE} does not know"));
            continue;
        }
        let mut found = BTreeMap::new();
        flatten("", &plan.unknown(address)["body"], true, &mut found);
        flatten("", &resource["body"], false, &mut found);
        let wrong = found
            .iter()
            .filter_map(|(path, value)| wrong(&known, path, value.as_ref()));
        complaints.extend(wrong.map(|wrong| format!("{address}: {wrong}")));
    }
    Ok(complaints)
}

/// The paths and types that the table has of a resource.
fn properties<'a>(table: &'a str, of: &str) -> BTreeMap<&'a str, &'a str> {
    let below = table.lines().skip_while(|line| *line != of).skip(1);
    let rows = below.map_while(|line| line.strip_prefix("  "));
    rows.filter_map(|row| row.split_once(' ')).collect()
}

/// The paths of all values, with the value where it is known. Elements of a list share a path, and the last one is
/// kept: they are made by one expression.
fn flatten(path: &str, value: &Value, is_unknown: bool, found: &mut BTreeMap<String, Option<Value>>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{name}"), member, is_unknown, found);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                flatten(&format!("{path}[]"), element, is_unknown, found);
            }
        }
        // What is known is no part of what is unknown.
        Value::Null | Value::Bool(false) if is_unknown => {}
        _ if path.is_empty() => {}
        value => {
            found.insert(path.to_owned(), (!is_unknown).then(|| value.clone()));
        }
    }
}

fn wrong(known: &BTreeMap<&str, &str>, path: &str, value: Option<&Value>) -> Option<String> {
    let Some(kind) = known.get(path) else {
        return Some(format!("{path} is not known to {TABLE}"));
    };
    let value = value?;
    let is_right = match *kind {
        "string" => value.is_string(),
        "bool" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        choice => value
            .as_str()
            .is_some_and(|value| choice.split('|').any(|of| of == value)),
    };
    (!is_right).then(|| format!("{path} is {value}, and must be {kind}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &str =
        "# comment\n\nKind@1\n  size integer\n  list[].on bool\n  way left|right\n\nKind@2\n  other string\n";

    fn checked(body: &Value) -> Vec<String> {
        let mut found = BTreeMap::new();
        flatten("", body, false, &mut found);
        let known = properties(TABLE, "Kind@1");
        found
            .iter()
            .filter_map(|(path, value)| wrong(&known, path, value.as_ref()))
            .collect()
    }

    #[test]
    fn names_and_types_are_those_of_the_table() {
        let right = json!({ "size": 4, "list": [{ "on": true }], "way": "left" });
        assert_eq!(checked(&right), [""; 0]);
        let wrong = json!({ "size": "4", "list": [{ "of": true }], "way": "up" });
        assert_eq!(
            checked(&wrong),
            [
                "list[].of is not known to xtask/terraform/azure_bodies.txt",
                "size is \"4\", and must be integer",
                "way is \"up\", and must be left|right",
            ]
        );
    }

    #[test]
    fn a_value_that_is_not_known_yet_is_known_by_its_name() {
        let mut found = BTreeMap::new();
        flatten(
            "",
            &json!({ "size": true, "list": [{ "on": false }], "way": false }),
            true,
            &mut found,
        );
        assert_eq!(found, BTreeMap::from([("size".to_owned(), None)]));
    }
}
