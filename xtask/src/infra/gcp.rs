//! What is known of `infra/gcp` beside the provider's schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::mistakes::{FoundBy, Mistake};
use super::plan::Plan;
use super::secret::Secret;
use super::{Cloud, shared, source};

pub(super) const CLOUD: Cloud = Cloud {
    name: "gcp",
    rules,
    mistakes: &MISTAKES,
    secret: Secret {
        kind: "google_secret_manager_secret_version",
        in_the_open: "secret_data",
        written_at: "secret_data_wo_version",
        beside: &[],
        previous: "BLEEPSTORE_SECRET_KEY_PREVIOUS",
    },
};

const SCHEMA: &str = "gcp-cloudrun/src/firestore/schema.rs";
const ROUTES: &str = "gcp-cloudrun/src/routes.rs";

/// Where Cloud Run logs each request, also those that it turns away.
const REQUESTS_LOG: &str = "/logs/run.googleapis.com%2Frequests\"";

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
        let filter = metric["filter"].as_str().unwrap_or_default();
        if !filter.contains(REQUESTS_LOG) {
            complaints.extend(shared::unlogged(address, filter, &program));
        }
    }
    complaints.extend(alarms(plan));
    // A name that is known before it is made is the same each time.
    let log_buckets = plan.of_type("google_logging_project_bucket_config");
    complaints.extend(
        log_buckets
            .filter(|(_, bucket)| bucket["bucket_id"].is_string())
            .map(|(address, _)| format!("{address} has a name that a deleted one keeps for seven days")),
    );
    let path = source::constant(ROUTES, "GC")?;
    // The service's address is not known before it is there, so this one is read from the configuration.
    if !source::file("infra/gcp/schedule.tf")?.contains(&format!("{path}\"")) {
        complaints.push(format!("the schedule does not ask for {path}"));
    }
    complaints.extend(roles(plan));
    complaints.extend(lost_by_a_restore(plan)?);
    Ok(complaints)
}

/// Bytes that are gone for good while the database can still be restored to a time at which a record named them.
fn lost_by_a_restore(plan: &Plan) -> Result<Option<String>, String> {
    let database = plan.resource("google_firestore_database.metadata")?;
    let bucket = plan.resource("google_storage_bucket.blobs")?;
    let window = match database["point_in_time_recovery_enablement"].as_str() {
        Some("POINT_IN_TIME_RECOVERY_ENABLED") => 7,
        _ => 0,
    };
    let kept = bucket["soft_delete_policy"][0]["retention_duration_seconds"].as_u64();
    Ok(shared::kept_too_short(
        window,
        kept.unwrap_or_default() / shared::DAY,
    ))
}

/// The fields that are indexed or expire: one for each that the program says, and no other.
fn fields(plan: &Plan) -> Result<Vec<String>, String> {
    let [root, objects, parts, versions] =
        ["COLLECTION", "OBJECTS", "PARTS", "VERSIONS"].map(|name| source::constant(SCHEMA, name));
    let (root, objects, parts, versions) = (root?, objects?, parts?, versions?);
    let wanted: BTreeSet<String> = [
        format!("{root} * neither"),
        format!("{objects} * neither"),
        format!("{parts} * neither"),
        format!("{versions} * neither"),
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

/// Policies that are refused where their metric is new, and conditions that cannot become true.
fn alarms(plan: &Plan) -> Vec<String> {
    let counted: BTreeSet<String> = plan
        .of_type("google_logging_metric")
        .filter_map(|(_, metric)| Some(metric["name"].as_str()?.replace('-', "_")))
        .collect();
    let mut complaints = Vec::new();
    for (address, policy) in plan.of_type("google_monitoring_alert_policy") {
        for condition in policy["conditions"].as_array().into_iter().flatten() {
            let wrong = condition_complaints(condition, &counted);
            complaints.extend(wrong.iter().map(|wrong| format!("{address} {wrong}")));
        }
    }
    complaints
}

fn condition_complaints(condition: &Value, counted: &BTreeSet<String>) -> Vec<String> {
    let block = |name: &str| condition[name].get(0);
    let mut complaints = Vec::new();
    if block("condition_absent").is_some() {
        complaints.push("waits for a first point of its metric, and for each series by itself".to_owned());
    }
    let of_a_metric = block("condition_threshold").or_else(|| block("condition_absent"));
    let filter = of_a_metric.and_then(|of| of["filter"].as_str());
    let filter = filter.unwrap_or_default();
    if filter.contains("logging.googleapis.com/user/") {
        complaints.push("is refused until its metric of the log is known".to_owned());
    }
    if filter.contains("labels.response_code = \"429\"") {
        complaints.push(
            "looks for requests that did not reach the service where only others are counted".to_owned(),
        );
    }
    if let Some(asked) = block("condition_prometheus_query_language") {
        if asked["disable_metric_validation"] != true {
            complaints.push("is refused until its metrics are known".to_owned());
        }
        let query = asked["query"].as_str().unwrap_or_default();
        let names = query.split("logging_googleapis_com:user_").skip(1);
        let names = names.filter_map(|rest| {
            rest.split(|char: char| !char.is_alphanumeric() && char != '_')
                .next()
        });
        complaints.extend(
            names
                .filter(|name| !counted.contains(*name))
                .map(|name| format!("asks for {name}, which nothing counts")),
        );
    }
    complaints
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
const MISTAKES: [Mistake; 14] = [
    Mistake {
        what: "bytes that a restored record would miss",
        file: "blobs.tf",
        find: "(var.restore_window_days + 1) * 24 * 60 * 60",
        replace: "var.restore_window_days * 24 * 60 * 60",
        found_by: FoundBy::Rules,
        says: "records can be restored from 7 days ago, and deleted bytes are kept for 7 days",
    },
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
    Mistake {
        what: "a policy that is refused until its metric is known",
        file: "alarms.tf",
        find: "      evaluation_interval       = \"300s\"\n      disable_metric_validation = true\n",
        replace: "      evaluation_interval       = \"300s\"\n",
        found_by: FoundBy::Rules,
        says: "google_monitoring_alert_policy.gc[0] is refused until its metrics are known",
    },
    Mistake {
        what: "a query of a metric that is not there",
        file: "alarms.tf",
        find: "replace(local.turned_away_metric, \"-\", \"_\")",
        replace: "local.turned_away_metric",
        found_by: FoundBy::Rules,
        says: "google_monitoring_alert_policy.throttles[0] asks for bleepstore, which nothing counts",
    },
    Mistake {
        what: "a threshold of a metric of the log",
        file: "alarms.tf",
        find: "metric.type = \\\"run.googleapis.com/request_count\\\"",
        replace: "metric.type = \\\"logging.googleapis.com/user/answers\\\"",
        found_by: FoundBy::Rules,
        says: "google_monitoring_alert_policy.answers_5xx[0] is refused until its metric of the log is known",
    },
    Mistake {
        what: "an alarm on requests that its metric leaves out",
        file: "alarms.tf",
        find: "metric.labels.response_code_class = \\\"5xx\\\"",
        replace: "metric.labels.response_code = \\\"429\\\"",
        found_by: FoundBy::Rules,
        says: "google_monitoring_alert_policy.answers_5xx[0] looks for requests that did not reach the service",
    },
    Mistake {
        what: "an alarm on absence",
        file: "alarms.tf",
        find: "    condition_matched_log {\n      filter = local.of_gc_job\n",
        replace: "    condition_absent {\n      filter   = local.of_service\n      duration = \"84600s\"\n",
        found_by: FoundBy::Rules,
        says: "google_monitoring_alert_policy.gc_failed[0] waits for a first point of its metric",
    },
    Mistake {
        what: "a log bucket with the same name each time",
        file: "logs.tf",
        find: "\"${var.name}-${random_id.log_bucket.hex}\"",
        replace: "var.name",
        found_by: FoundBy::Rules,
        says: "google_logging_project_bucket_config.service has a name that a deleted one keeps",
    },
];
