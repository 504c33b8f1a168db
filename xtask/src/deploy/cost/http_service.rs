//! What AWS's HTTP service costs by being there: its load balancer, its tasks and their public addresses, as a plan has them.

use serde_json::Value;

/// The heading of the page under which its prices are.
pub(super) const HEADING: &str = "HTTP service";

/// What of it is paid for by the month.
#[derive(Debug, PartialEq)]
pub(crate) struct HttpService {
    /// As Fargate names the processor.
    architecture: String,
    tasks: f64,
    /// Of a task.
    processors: f64,
    /// Of a task's memory.
    gigabytes: f64,
    public_addresses: f64,
}

impl HttpService {
    /// That of a plan, as `terraform show -json` has it; `None` where there is none.
    pub(crate) fn planned(plan: &Value) -> Result<Option<Self>, String> {
        let resources = plan["planned_values"]["root_module"]["resources"].as_array();
        let values = |kind: &str| {
            let mut resources = resources.into_iter().flatten();
            Some(&resources.find(|resource| resource["type"] == kind)?["values"])
        };
        let Some(balancer) = values("aws_lb") else {
            return Ok(None);
        };
        let known = |kind: &str, pointer: &str| {
            let value = values(kind).and_then(|values| values.pointer(pointer));
            value.ok_or_else(|| format!("the plan does not say {pointer} of {kind}"))
        };
        let number = |kind: &str, pointer: &str| {
            let value = known(kind, pointer)?;
            let number = value
                .as_f64()
                .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.ok_or_else(|| format!("{pointer} of {kind} is no number in the plan: {value}"))
        };
        let subnets = balancer["subnets"].as_array();
        let subnets = subnets.ok_or("the plan does not say /subnets of aws_lb")?.len();
        let tasks = number("aws_appautoscaling_target", "/min_capacity")?;
        let processor = known(TASK, "/runtime_platform/0/cpu_architecture")?;
        let public = known("aws_ecs_service", "/network_configuration/0/assign_public_ip")?;
        let of_tasks = if public == &Value::Bool(true) { tasks } else { 0.0 };
        Ok(Some(Self {
            architecture: processor.as_str().unwrap_or_default().to_lowercase(),
            tasks,
            processors: number(TASK, "/cpu")? / 1024.0,
            gigabytes: number(TASK, "/memory")? / 1024.0,
            // A load balancer has one in each of its subnets.
            public_addresses: f64::from(u32::try_from(subnets).unwrap_or(u32::MAX)) + of_tasks,
        }))
    }

    /// What it costs in a month, idle, and a line for each part; `price` is that of a row of the page.
    pub(super) fn cost(
        &self,
        price: impl Fn(&str) -> Result<f64, String>,
    ) -> Result<(f64, Vec<String>), String> {
        let Self {
            architecture,
            tasks,
            processors,
            gigabytes,
            public_addresses,
        } = self;
        let of_processor = processors * price(&format!("a processor of a task, {architecture}"))?;
        let of_memory = gigabytes * price(&format!("a GB of a task's memory, {architecture}"))?;
        let parts = [
            ("its load balancer".to_owned(), price("the load balancer")?),
            (
                format!("{tasks} tasks at least, of {processors} processors and {gigabytes} GB"),
                tasks * (of_processor + of_memory),
            ),
            (
                format!("{public_addresses} public addresses"),
                public_addresses * price("a public IPv4 address")?,
            ),
        ];
        let lines = parts
            .iter()
            .map(|(what, cost)| format!("  the HTTP service, {what}: ${cost:.2}"));
        Ok((parts.iter().map(|(_, cost)| cost).sum(), lines.collect()))
    }
}

const TASK: &str = "aws_ecs_task_definition";

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A plan with an HTTP service of two tasks, each with an address, behind a load balancer in two subnets.
    pub(in super::super) fn plan() -> Value {
        let resource = |kind: &str, values: Value| json!({ "type": kind, "values": values });
        json!({ "planned_values": { "root_module": { "resources": [
            resource("aws_lb", json!({ "subnets": ["subnet-1", "subnet-2"] })),
            resource("aws_ecs_task_definition", json!({
                "cpu": "512", "memory": "1024", "runtime_platform": [{ "cpu_architecture": "ARM64" }],
            })),
            resource("aws_ecs_service", json!({ "network_configuration": [{ "assign_public_ip": true }] })),
            resource("aws_appautoscaling_target", json!({ "min_capacity": 2 })),
        ] } } })
    }

    #[test]
    fn what_is_paid_for_by_the_month_is_read_from_the_plan() {
        let expected = HttpService {
            architecture: "arm64".to_owned(),
            tasks: 2.0,
            processors: 0.5,
            gigabytes: 1.0,
            public_addresses: 4.0,
        };
        assert_eq!(HttpService::planned(&plan()), Ok(Some(expected)));
        let without = json!({ "planned_values": { "root_module": {} } });
        assert_eq!(HttpService::planned(&without), Ok(None));
    }

    #[test]
    fn a_plan_that_does_not_say_what_is_paid_for_is_no_estimate() {
        let mut plan = plan();
        plan["planned_values"]["root_module"]["resources"][0]["values"] = json!({});
        assert_eq!(
            HttpService::planned(&plan),
            Err("the plan does not say /subnets of aws_lb".to_owned())
        );
    }
}
