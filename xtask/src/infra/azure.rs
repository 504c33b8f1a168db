//! What is known of `infra/azure` beside the providers' schemas.

mod app;
mod bodies;
mod mistakes;
mod namespaces;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::plan::Plan;
use super::secret::Secret;
use super::{Cloud, permissions, shared, source};

pub(super) const CLOUD: Cloud = Cloud {
    name: "azure",
    rules,
    mistakes: &mistakes::MISTAKES,
    secret: Secret {
        kind: "azurerm_key_vault_secret",
        in_the_open: "value",
        written_at: "value_wo_version",
        beside: &[("azurerm_role_assignment", "secret")],
        previous: "BLEEPSTORE_SECRET_KEY_PREVIOUS_URL",
    },
};

const SCHEMA: &str = "azure-functions/src/cosmos/schema.rs";
const METADATA: &str = "infra/azure/metadata.tf";

/// The sources that the program is made of, where they name settings and write the log.
const SOURCES: [&str; 3] = ["azure-functions/src", "core/src", "http/src"];

/// The trigger that reads a setting by itself: `%NAME%`.
const TIMER: &str = "azure-functions/bleepstore_gc/function.json";

/// The calls on a container, and the action of a role that each needs.
/// <https://learn.microsoft.com/azure/cosmos-db/nosql/security/reference-data-plane-actions>
const CALLS: [(&str, &str); 7] = [
    ("create_item", "items/create"),
    ("delete_item", "items/delete"),
    ("patch_item", "items/replace"),
    ("query_items", "executeQuery"),
    ("read_item", "items/read"),
    ("replace_item", "items/replace"),
    ("upsert_item", "items/upsert"),
];

const CONTAINER_ACTIONS: &str = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/";

/// Where a registry is found whose images the program is one of.
const REGISTRIES: &str = "/providers/Microsoft.ContainerRegistry/registries/";

/// What the SDK reads before all else, whatever is called.
const METADATA_ACTION: &str = "Microsoft.DocumentDB/databaseAccounts/readMetadata";

fn rules(plan: &Plan) -> Result<Vec<String>, String> {
    let mut complaints = names(plan)?;
    complaints.extend(roles(plan));
    complaints.extend(lost_by_a_restore(plan)?);
    let program = source::folders(&SOURCES)?;
    complaints.extend(compared_with_calls(plan, &program)?);
    for (address, alert) in plan.of_type("azurerm_monitor_scheduled_query_rules_alert_v2") {
        let query = alert["criteria"][0]["query"].as_str().unwrap_or_default();
        complaints.extend(shared::unlogged(address, query, &program));
    }
    complaints.extend(app::complaints(plan));
    complaints.extend(bodies::complaints(plan)?);
    complaints.extend(namespaces::complaints(plan));
    complaints.extend(capacity(plan, &source::file(METADATA)?)?);
    let of_service = plan
        .of_type("azurerm_container_app")
        .flat_map(|(_, app)| {
            app["template"][0]["container"][0]["env"]
                .as_array()
                .into_iter()
                .flatten()
        })
        .filter_map(|variable| variable["name"].as_str());
    let names = app::settings(plan).into_iter().chain(of_service);
    let read_by_the_timer = source::file(TIMER)?.replace('%', "\"");
    complaints.extend(shared::unread(names, &(program + &read_by_the_timer)));
    Ok(complaints)
}

/// What Azure refuses, or Terraform destroys, where the database is to serve more.
fn capacity(plan: &Plan, source: &str) -> Result<Vec<String>, String> {
    let account = plan.resource("azurerm_cosmosdb_account.metadata")?;
    let container = plan.resource("azurerm_cosmosdb_sql_container.metadata")?;
    let has = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
    let mut complaints = Vec::new();
    if has(&account["capabilities"]) && has(&container["autoscale_settings"]) {
        complaints.push("a container of a serverless account has throughput, which Azure refuses".to_owned());
    }
    if !source.contains("ignore_changes = [capabilities]") {
        complaints.push(
            "the account of the rows is made anew where its capacity changes, and is empty then".to_owned(),
        );
    }
    Ok(complaints)
}

/// Bytes that are gone for good while the account can still be restored to a time at which a record named them.
fn lost_by_a_restore(plan: &Plan) -> Result<Option<String>, String> {
    let backup = &plan.resource("azurerm_cosmosdb_account.metadata")?["backup"][0];
    let window = match backup["tier"].as_str() {
        Some("Continuous30Days") => 30,
        _ => 7,
    };
    let blobs = &plan.resource("azurerm_storage_account.blobs")?["blob_properties"][0];
    let kept = blobs["delete_retention_policy"][0]["days"].as_u64();
    Ok(shared::kept_too_short(window, kept.unwrap_or_default()))
}

/// Names and policies that the program and the root share.
fn names(plan: &Plan) -> Result<Vec<String>, String> {
    let database = plan.resource("azurerm_cosmosdb_sql_database.metadata")?;
    let container = plan.resource("azurerm_cosmosdb_sql_container.metadata")?;
    let account = plan.resource("azurerm_cosmosdb_account.metadata")?;
    let constant = |name| source::constant(SCHEMA, name);
    let rows_last = source::file(SCHEMA)?.contains("const DEFAULT_TTL: i64 = -1;");
    let policy = &container["indexing_policy"][0];
    let mut complaints = Vec::new();
    let mut same = |what: &str, planned: &Value, wanted: Value| {
        if *planned != wanted {
            complaints.push(format!("{what} is {planned}, and {wanted} in the program"));
        }
    };
    same("the database", &database["name"], json!(constant("DATABASE")?));
    same("the container", &container["name"], json!(constant("CONTAINER")?));
    same(
        "the partition key",
        &container["partition_key_paths"],
        json!([constant("PARTITION_KEY")?]),
    );
    same(
        "whether rows last",
        &json!(container["default_ttl"] == -1),
        json!(rows_last),
    );
    let indexed = format!("{}/?", constant("ORDERED")?);
    same(
        "what is indexed",
        &policy["included_path"],
        json!([{ "path": indexed }]),
    );
    same(
        "what is not indexed",
        &policy["excluded_path"],
        json!([{ "path": "/*" }]),
    );
    same(
        "the consistency",
        &account["consistency_policy"][0]["consistency_level"],
        json!("Strong"),
    );
    Ok(complaints)
}

/// What the program's role allows and it never calls, and what it calls and the role does not allow.
fn compared_with_calls(plan: &Plan, program: &str) -> Result<Vec<String>, String> {
    let role = plan.resource("azurerm_cosmosdb_sql_role_definition.rows")?;
    let actions = role["permissions"][0]["data_actions"].as_array();
    let actions = actions.into_iter().flatten().filter_map(Value::as_str);
    let allowed: BTreeSet<String> = actions.map(str::to_owned).collect();
    let called = called(program);
    Ok(permissions::differences(&allowed, &called))
}

/// The actions that the calls in this source need. What is in a batch is named as a call of its own.
fn called(text: &str) -> BTreeSet<String> {
    let is_called = |name: &&(&str, &str)| {
        [format!(".{}(", name.0), format!(".{}::<", name.0)]
            .iter()
            .any(|call| text.contains(call.as_str()))
    };
    let found = CALLS.iter().filter(is_called);
    let mut actions: BTreeSet<String> = found
        .map(|(_, action)| format!("{CONTAINER_ACTIONS}{action}"))
        .collect();
    actions.insert(METADATA_ACTION.to_owned());
    actions
}

/// Roles that reach beyond the store.
fn roles(plan: &Plan) -> Vec<String> {
    let mut complaints = Vec::new();
    for (address, role) in plan.of_type("azurerm_cosmosdb_sql_role_definition") {
        let actions = role["permissions"][0]["data_actions"].as_array();
        let wide = actions
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|action| action.contains('*'));
        complaints.extend(wide.map(|action| format!("{address} allows {action}, which is many actions")));
    }
    for (address, assignment) in plan.of_type("azurerm_role_assignment") {
        let role = assignment["role_definition_name"].as_str().unwrap_or_default();
        if ["Owner", "Contributor", "Reader"].contains(&role) || role.ends_with("Administrator") {
            complaints.push(format!("{address} gives {role}"));
        }
        // What the resources are called is not known before they are there; a subscription or a group is. A registry is
        // the user's.
        let is_registry = |scope: &str| scope.contains(REGISTRIES) && role == "AcrPull";
        if assignment["scope"]
            .as_str()
            .is_some_and(|scope| !is_registry(scope))
        {
            complaints.push(format!("{address} reaches {}", assignment["scope"]));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_on_a_container_needs_its_action_and_the_metadata_is_always_read() {
        let needed = called("self.client.read_item(key); client.query_items::<Item>(query)");
        let needed: Vec<&str> = needed
            .iter()
            .map(|action| action.rsplit("databaseAccounts/").next().unwrap_or_default())
            .collect();
        assert_eq!(
            needed,
            [
                "readMetadata",
                "sqlDatabases/containers/executeQuery",
                "sqlDatabases/containers/items/read",
            ]
        );
    }
}
