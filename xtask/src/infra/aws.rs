//! What is known of `infra/aws` beside the provider's schema.

use serde_json::{Value, json};

use super::mistakes::{FoundBy, Mistake};
use super::plan::Plan;
use super::secret::Secret;
use super::{Cloud, permissions, shared, source};
use crate::deploy::cost::HttpService;

pub(super) const CLOUD: Cloud = Cloud {
    name: "aws",
    rules,
    mistakes: &MISTAKES,
    secret: Secret {
        kind: "aws_ssm_parameter",
        in_the_open: "value",
        written_at: "value_wo_version",
        beside: &[],
        previous: "BLEEPSTORE_SECRET_KEY_PREVIOUS_PARAMETER",
    },
};

const SCHEMA: &str = "aws-lambda/src/dynamo/schema.rs";
const EVENT: &str = "aws-lambda/src/event.rs";
const MAIN: &str = "aws-lambda/src/main.rs";
const CONFIG: &str = "aws-lambda/src/config.rs";
const RESERVED: &str = "http/src/reserved.rs";

/// Why each role may do what it may.
const REASONS: &str = "docs/security.md";

/// The sources that the program is made of, where they name settings and write the log.
const SOURCES: [&str; 3] = ["aws-lambda/src", "core/src", "http/src"];

fn rules(plan: &Plan) -> Result<Vec<String>, String> {
    let mut complaints = names(plan)?;
    complaints.extend(permissions::too_wide(plan));
    let of_program = [
        "data.aws_iam_policy_document.stores",
        "data.aws_iam_policy_document.root_secret",
    ];
    complaints.extend(permissions::compared_with_calls(plan, &of_program)?);
    complaints.extend(open_to_its_url(plan));
    complaints.extend(doubled(plan));
    complaints.extend(invoked_otherwise(plan)?);
    complaints.extend(express(plan)?);
    complaints.extend(unbounded_roles(plan));
    complaints.extend(unpriced(plan));
    complaints.extend(lost_by_a_restore(plan)?);
    complaints.extend(kept_too_long(plan, source::seconds(MAIN, "KEEP_ALIVE")?));
    complaints.extend(permissions::compared_with_reasons(plan, &source::file(REASONS)?));
    Ok(complaints)
}

/// Names that the program and the root share.
fn names(plan: &Plan) -> Result<Vec<String>, String> {
    let table = plan.resource("aws_dynamodb_table.metadata")?;
    let function = plan.resource("aws_lambda_function.bleepstore")?;
    let schedule = plan.resource("aws_scheduler_schedule.gc")?;
    let [partition, sort, expires] =
        ["PARTITION_KEY", "SORT_KEY", "EXPIRES_AT"].map(|name| source::constant(SCHEMA, name));
    let (partition, sort, expires) = (partition?, sort?, expires?);
    let event = json!({ source::constant(EVENT, "SCHEDULED")?: source::constant(EVENT, "COLLECT")? });
    let target = schedule["target"][0]["input"].as_str().unwrap_or_default();
    let program = source::folders(&SOURCES)?;
    let mut complaints = Vec::new();
    let mut same = |what: &str, planned: &Value, wanted: Value| {
        if *planned != wanted {
            complaints.push(format!("{what} is {planned}, and {wanted} in the program"));
        }
    };
    same("the table's partition key", &table["hash_key"], json!(partition));
    same("the table's sort key", &table["range_key"], json!(sort));
    let keys = json!([{ "name": partition, "type": "S" }, { "name": sort, "type": "S" }]);
    same("the list of the table's attributes", &table["attribute"], keys);
    let expiry = json!([{ "attribute_name": expires, "enabled": true }]);
    same("the table's time to live", &table["ttl"], expiry);
    same(
        "the schedule's event",
        &serde_json::from_str(target).unwrap_or_default(),
        event,
    );
    same("the function's program", &function["handler"], json!("bootstrap"));
    let variables = function["environment"][0]["variables"].as_object();
    let names = variables.into_iter().flatten().map(|(name, _)| name.as_str());
    complaints.extend(shared::unread(names, &program));
    for (address, filter) in plan.of_type("aws_cloudwatch_log_metric_filter") {
        complaints.extend(shared::unlogged(
            address,
            filter["pattern"].as_str().unwrap_or_default(),
            &program,
        ));
    }
    Ok(complaints)
}

/// The statements that the provider adds by itself when it makes a URL that anyone may call, unless they are there; it
/// never takes them away. <https://github.com/hashicorp/terraform-provider-aws/pull/44858>
const OF_THE_PROVIDER: [(&str, &str); 2] = [
    ("lambda:InvokeFunctionUrl", "FunctionURLAllowPublicAccess"),
    ("lambda:InvokeFunction", "FunctionURLAllowInvokeAction"),
];

/// Permissions of everyone under names that the provider does not look for: beside them it adds its own, which stay
/// when the URL goes.
fn doubled(plan: &Plan) -> Vec<String> {
    let of_everyone = plan
        .of_type("aws_lambda_permission")
        .filter(|(_, permission)| permission["principal"] == "*");
    let strange = of_everyone.filter(|(_, permission)| {
        !OF_THE_PROVIDER
            .iter()
            .any(|(action, name)| permission["action"] == *action && permission["statement_id"] == *name)
    });
    strange
        .map(|(address, permission)| {
            format!(
                "{address} is named {}: the provider adds {} under its own name, and leaves it behind",
                permission["statement_id"], permission["action"]
            )
        })
        .collect()
}

/// Whether the function is told how its URL invokes it.
fn invoked_otherwise(plan: &Plan) -> Result<Vec<String>, String> {
    let function = plan.resource("aws_lambda_function.bleepstore")?;
    let told = &function["environment"][0]["variables"][source::constant(CONFIG, "INVOKE_MODE")?];
    let urls = plan.of_type("aws_lambda_function_url");
    let other = urls.filter(|(_, url)| url["invoke_mode"] != *told);
    Ok(other
        .map(|(address, url)| {
            let mode = &url["invoke_mode"];
            format!("{address} invokes the function in mode {mode}, and the function is told {told}")
        })
        .collect())
}

/// Whether ECS Express Mode tells the program what it reads, and asks where it says that it is well.
fn express(plan: &Plan) -> Result<Vec<String>, String> {
    let service = plan.resource("aws_ecs_express_gateway_service.http[0]")?;
    let health = source::constant(RESERVED, "HEALTH")?;
    let mut complaints = Vec::new();
    if service["health_check_path"] != health.as_str() {
        let path = &service["health_check_path"];
        complaints.push(format!(
            "the service on ECS Express Mode is asked {path} whether it is well, and not {health}"
        ));
    }
    let variables = service["primary_container"][0]["environment"].as_array();
    let names = variables
        .into_iter()
        .flatten()
        .filter_map(|variable| variable["name"].as_str());
    complaints.extend(shared::unread(names, &source::folders(&SOURCES)?));
    Ok(complaints)
}

/// A URL without both permissions answers 403 to everyone.
fn open_to_its_url(plan: &Plan) -> Vec<String> {
    let permissions: Vec<&Value> = plan
        .of_type("aws_lambda_permission")
        .map(|(_, permission)| permission)
        .collect();
    let has = |action: &str, field: &str, value: Value| {
        permissions
            .iter()
            .any(|of| of["action"] == action && of["principal"] == "*" && of[field] == value)
    };
    let mut complaints = Vec::new();
    if !has(
        "lambda:InvokeFunctionUrl",
        "function_url_auth_type",
        json!("NONE"),
    ) {
        complaints.push("nobody may call the function's URL".to_owned());
    }
    if !has("lambda:InvokeFunction", "invoked_via_function_url", json!(true)) {
        complaints.push("who calls the function's URL may not invoke the function".to_owned());
    }
    complaints
}

/// Roles without the permissions boundary that every plan with all options on has: an account that demands one refuses them.
fn unbounded_roles(plan: &Plan) -> Vec<String> {
    let roles = plan.of_type("aws_iam_role");
    let unbounded = roles.filter(|(_, role)| !role["permissions_boundary"].is_string());
    unbounded
        .map(|(address, _)| format!("{address} has no permissions boundary"))
        .collect()
}

/// Bytes that are gone for good while the table can still be restored to a time at which a record named them.
fn lost_by_a_restore(plan: &Plan) -> Result<Option<String>, String> {
    let recovery = &plan.resource("aws_dynamodb_table.metadata")?["point_in_time_recovery"][0];
    let window = match recovery["enabled"] {
        Value::Bool(true) => recovery["recovery_period_in_days"].as_u64().unwrap_or(35),
        _ => 0,
    };
    let versioning = &plan.resource("aws_s3_bucket_versioning.blobs")?["versioning_configuration"][0];
    let rules = plan.resource("aws_s3_bucket_lifecycle_configuration.blobs")?["rule"].as_array();
    let kept = rules
        .into_iter()
        .flatten()
        .filter_map(|rule| rule["noncurrent_version_expiration"][0]["noncurrent_days"].as_u64())
        .min();
    let kept = match versioning["status"].as_str() {
        Some("Enabled") => kept.unwrap_or(u64::MAX),
        _ => 0,
    };
    Ok(shared::kept_too_short(window, kept))
}

/// What `cargo xtask deploy` adds up, where the plan does not have it where that looks.
fn unpriced(plan: &Plan) -> Option<String> {
    match HttpService::planned(plan.as_json()) {
        Ok(services) if services.len() == 2 => None,
        Ok(services) => Some(format!(
            "the estimate of the cost finds {} HTTP services in the plan, and not both",
            services.len()
        )),
        Err(complaint) => Some(format!("the estimate of the cost: {complaint}")),
    }
}

/// Load balancers that keep an idle connection as long as the program does or longer: they send requests on connections that are
/// being closed, and answer 502.
fn kept_too_long(plan: &Plan, kept: u64) -> Vec<String> {
    let balancers = plan.of_type("aws_lb");
    let longer = balancers.filter(|(_, balancer)| {
        let idle = balancer["idle_timeout"].as_u64();
        idle.is_none_or(|idle| idle >= kept)
    });
    longer
        .map(|(address, balancer)| {
            let idle = &balancer["idle_timeout"];
            format!("{address} keeps idle connections for {idle} s, and the program for {kept} s: it must for longer")
        })
        .collect()
}

/// Those of the schema stand in resources that no other one names: Terraform looks no further from a wrong one.
const MISTAKES: [Mistake; 17] = [
    Mistake {
        what: "bytes that a restored record would miss",
        file: "blobs.tf",
        find: "noncurrent_days = var.restore_window_days + 1",
        replace: "noncurrent_days = 1",
        found_by: FoundBy::Rules,
        says: "records can be restored from 7 days ago, and deleted bytes are kept for 1 days",
    },
    Mistake {
        what: "a wrong argument",
        file: "function.tf",
        find: "invoke_mode        =",
        replace: "mode               =",
        found_by: FoundBy::Schema,
        says: "An argument named \"mode\" is not expected here.",
    },
    Mistake {
        what: "a missing argument",
        file: "schedule.tf",
        find: "  schedule_expression = var.gc_schedule\n",
        replace: "",
        found_by: FoundBy::Schema,
        says: "The argument \"schedule_expression\" is required",
    },
    Mistake {
        what: "a wrong type",
        file: "blobs.tf",
        find: "restrict_public_buckets = true",
        replace: "restrict_public_buckets = [true]",
        found_by: FoundBy::Schema,
        says: "Inappropriate value for attribute \"restrict_public_buckets\": bool required.",
    },
    Mistake {
        what: "a resource that is *",
        file: "iam.tf",
        find: "resources = [aws_dynamodb_table.metadata.arn]",
        replace: "resources = [\"*\"]",
        found_by: FoundBy::Rules,
        says: "data.aws_iam_policy_document.stores allows dynamodb:BatchGetItem",
    },
    Mistake {
        what: "an action that nothing calls",
        file: "iam.tf",
        find: "\"s3:GetObject\",",
        replace: "\"s3:GetObject\", \"s3:GetObjectAcl\",",
        found_by: FoundBy::Rules,
        says: "s3:GetObjectAcl is allowed, and nothing calls it",
    },
    Mistake {
        what: "a call that is not allowed",
        file: "iam.tf",
        find: "      \"dynamodb:Query\",\n",
        replace: "",
        found_by: FoundBy::Rules,
        says: "dynamodb:Query is called, and not allowed",
    },
    Mistake {
        what: "an action of another role without a reason",
        file: "schedule.tf",
        find: "[\"lambda:InvokeFunction\"]",
        replace: "[\"lambda:InvokeFunction\", \"lambda:UpdateFunctionCode\"]",
        found_by: FoundBy::Rules,
        says: "lambda:UpdateFunctionCode is allowed, and docs/security.md gives no reason",
    },
    Mistake {
        what: "a removed second permission",
        file: "function.tf",
        find: "  count = var.function_url ? 1 : 0\n\n  statement_id             = \"FunctionURLAllowInvokeAction\"",
        replace: "  count = 0\n\n  statement_id             = \"FunctionURLAllowInvokeAction\"",
        found_by: FoundBy::Rules,
        says: "who calls the function's URL may not invoke the function",
    },
    Mistake {
        what: "a permission that the provider does not look for",
        file: "function.tf",
        find: "\"FunctionURLAllowPublicAccess\"",
        replace: "\"call-url\"",
        found_by: FoundBy::Rules,
        says: "aws_lambda_permission.call_url[0] is named \"call-url\": the provider adds",
    },
    Mistake {
        what: "a URL in another mode than the function is told",
        file: "function.tf",
        find: "BLEEPSTORE_INVOKE_MODE = var.invoke_mode",
        replace: "BLEEPSTORE_INVOKE_MODE = \"RESPONSE_STREAM\"",
        found_by: FoundBy::Rules,
        says: "invokes the function in mode \"BUFFERED\", and the function is told \"RESPONSE_STREAM\"",
    },
    Mistake {
        what: "a health check that S3 answers",
        file: "express.tf",
        find: "\"/_bleepstore/health\"",
        replace: "\"/ping\"",
        found_by: FoundBy::Rules,
        says: "the service on ECS Express Mode is asked \"/ping\" whether it is well",
    },
    Mistake {
        what: "a cost of ECS Express Mode that no estimate finds",
        file: "express.tf",
        find: "  cpu                     = var.express_size.cpu\n",
        replace: "",
        found_by: FoundBy::Rules,
        says: "the plan does not say /cpu of aws_ecs_express_gateway_service",
    },
    Mistake {
        what: "a role without the permissions boundary",
        file: "schedule.tf",
        find: "  permissions_boundary = var.permissions_boundary_arn\n",
        replace: "",
        found_by: FoundBy::Rules,
        says: "aws_iam_role.schedule has no permissions boundary",
    },
    Mistake {
        what: "a cost that no estimate finds",
        file: "load_balancer.tf",
        find: "  subnets                    = local.http[0].public_subnet_ids\n",
        replace: "",
        found_by: FoundBy::Rules,
        says: "the estimate of the cost: the plan does not say /subnets of aws_lb",
    },
    Mistake {
        what: "a load balancer that keeps connections longer than the program",
        file: "load_balancer.tf",
        find: "idle_timeout               = 300 ",
        replace: "idle_timeout               = 330 ",
        found_by: FoundBy::Rules,
        says: "aws_lb.http[0] keeps idle connections for 330 s, and the program for 330 s",
    },
    Mistake {
        what: "a wrong TTL attribute",
        file: "metadata.tf",
        find: "attribute_name = \"expires_at\"",
        replace: "attribute_name = \"expires\"",
        found_by: FoundBy::Rules,
        says: "the table's time to live is",
    },
];
