//! What is known of `infra/gcp` beside the provider's schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::mistakes::{FoundBy, Mistake};
use super::plan::Plan;
use super::{Cloud, shared, source};

pub(super) const CLOUD: Cloud = Cloud {
    name: "gcp",
    rules,
    mistakes: &MISTAKES,
};

const SCHEMA: &str = "gcp-cloudrun/src/firestore/schema.rs";
const ROUTES: &str = "gcp-cloudrun/src/routes.rs";

/// The sources that the program is made of, where they name settings and write the log.
const SOURCES: [&str; 3] = ["core/src", "gcp-cloudrun/src", "http/src"];

fn rules(plan: &Plan) -> Result<Vec<String>, String> {
    let program = source::folders(&SOURCES)?;
    let mut complaints = fields(plan)?;
    let service = plan.resource("google_cloud_run_v2_service.bleepstore[0]")?;
    let variables = service["template"][0]["containers"][0]["env"].as_array();
    let names = variables
        .into_iter()
        .flatten()
        .filter_map(|variable| variable["name"].as_str());
    complaints.extend(shared::unread(names, &program));
    for (address, metric) in plan.of_type("google_logging_metric") {
        complaints.extend(shared::unlogged(
            address,
            metric["filter"].as_str().unwrap_or_default(),
            &program,
        ));
    }
    let path = source::constant(ROUTES, "GC")?;
    // The service's address is not known before it is there, so this one is read from the configuration.
    if !source::file("infra/gcp/schedule.tf")?.contains(&format!("{path}\"")) {
        complaints.push(format!("the schedule does not ask for {path}"));
    }
    complaints.extend(roles(plan));
    Ok(complaints)
}

/// The fields that are indexed or expire: one for each that the program says, and no other.
fn fields(plan: &Plan) -> Result<Vec<String>, String> {
    let [root, objects, parts] =
        ["COLLECTION", "OBJECTS", "PARTS"].map(|name| source::constant(SCHEMA, name));
    let (root, objects, parts) = (root?, objects?, parts?);
    let wanted: BTreeSet<String> = [
        format!("{root} * neither"),
        format!("{objects} * neither"),
        format!("{parts} * neither"),
        format!("{objects} {} ascending", source::constant(SCHEMA, "KEY")?),
        format!("{root} {} ascending", source::constant(SCHEMA, "LISTED_AS")?),
        format!("{root} {} expires", source::constant(SCHEMA, "EXPIRES_AT")?),
    ]
    .into();
    let planned: BTreeSet<String> = plan
        .of_type("google_firestore_field")
        .map(|(_, field)| {
            let text = |name: &str| field[name].as_str().unwrap_or_default();
            let expires = field["ttl_config"]
                .as_array()
                .is_some_and(|config| !config.is_empty());
            let indexes = &field["index_config"][0]["indexes"];
            let kind = match (expires, indexes.as_array().map(Vec::as_slice)) {
                (true, Some([])) => "expires",
                (false, Some([])) => "neither",
                (false, Some([index])) if is_ascending(index) => "ascending",
                _ => "otherwise",
            };
            format!("{} {} {kind}", text("collection"), text("field"))
        })
        .collect();
    let lacking = wanted
        .difference(&planned)
        .map(|field| format!("no Firestore field is planned as the program wants it: {field}"));
    let unknown = planned
        .difference(&wanted)
        .map(|field| format!("a Firestore field is planned that the program does not know: {field}"));
    let indexes = plan
        .of_type("google_firestore_index")
        .map(|(address, _)| format!("{address} is an index that no query needs"));
    Ok(lacking.chain(unknown).chain(indexes).collect())
}

fn is_ascending(index: &Value) -> bool {
    index["order"] == "ASCENDING" && index["query_scope"] == "COLLECTION"
}

/// Roles that reach beyond the store, or let everyone in.
fn roles(plan: &Plan) -> Vec<String> {
    let mut complaints = Vec::new();
    for (address, member) in plan.of_type("google_project_iam_member") {
        if member["condition"].as_array().is_none_or(Vec::is_empty) {
            complaints.push(format!("{address} holds for the whole project"));
        }
    }
    let kinds = [
        "google_project_iam_member",
        "google_storage_bucket_iam_member",
        "google_secret_manager_secret_iam_member",
    ];
    let basic = ["roles/owner", "roles/editor", "roles/viewer"];
    for (address, member) in kinds.iter().flat_map(|kind| plan.of_type(kind)) {
        let role = member["role"].as_str().unwrap_or_default();
        if basic.contains(&role) || role.ends_with("admin") || role.ends_with("Admin") {
            complaints.push(format!("{address} gives {role}"));
        }
        if member["member"]
            .as_str()
            .is_some_and(|member| member.starts_with("all"))
        {
            complaints.push(format!("{address} lets everyone in"));
        }
    }
    complaints
}

/// Those of the schema stand in resources that no other one names: Terraform looks no further from a wrong one.
const MISTAKES: [Mistake; 7] = [
    Mistake {
        what: "a wrong argument",
        file: "schedule.tf",
        find: "  time_zone        =",
        replace: "  timezone         =",
        found_by: FoundBy::Schema,
        says: "An argument named \"timezone\" is not expected here.",
    },
    Mistake {
        what: "a missing argument",
        file: "logs.tf",
        find: "  destination            = \"logging.googleapis.com/${google_logging_project_bucket_config.service.id}\"\n",
        replace: "",
        found_by: FoundBy::Schema,
        says: "The argument \"destination\" is required",
    },
    Mistake {
        what: "a wrong type",
        file: "service.tf",
        find: "  name     = var.domain_name",
        replace: "  name     = [var.domain_name]",
        found_by: FoundBy::Schema,
        says: "Inappropriate value for attribute \"name\": string required.",
    },
    Mistake {
        what: "a wrong TTL attribute",
        file: "metadata.tf",
        find: "{ bleepstore = \"expires_at\" }",
        replace: "{ bleepstore = \"expires\" }",
        found_by: FoundBy::Rules,
        says: "no Firestore field is planned as the program wants it: bleepstore expires_at expires",
    },
    Mistake {
        what: "a missing index",
        file: "metadata.tf",
        find: "    objects    = \"key\"\n",
        replace: "",
        found_by: FoundBy::Rules,
        says: "no Firestore field is planned as the program wants it: objects key ascending",
    },
    Mistake {
        what: "a role for the whole project",
        file: "iam.tf",
        find: "  condition {\n    title      = \"${var.name}-database\"\n    expression = \"resource.name == 'projects/${var.project}/databases/${google_firestore_database.metadata.name}'\"\n  }\n",
        replace: "",
        found_by: FoundBy::Rules,
        says: "google_project_iam_member.service holds for the whole project",
    },
    Mistake {
        what: "a setting that nothing reads",
        file: "service.tf",
        find: "BLEEPSTORE_FIRESTORE_DATABASE = ",
        replace: "BLEEPSTORE_DATABASE           = ",
        found_by: FoundBy::Rules,
        says: "BLEEPSTORE_DATABASE is set, and nothing reads it",
    },
];
