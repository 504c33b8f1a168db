//! What AWS's HTTP services cost by being there: load balancers, tasks and their public addresses, as a plan has them.

use serde_json::Value;

/// The heading of the page under which its prices are.
pub(super) const HEADING: &str = "HTTP service";

/// What of one is paid for by the month.
#[derive(Debug, PartialEq)]
pub(crate) struct HttpService {
    /// What it is called in the estimate.
    name: &'static str,
    /// As Fargate names the processor.
    architecture: String,
    tasks: f64,
    /// Of a task.
    processors: f64,
    /// Of a task's memory.
    gigabytes: f64,
    public_addresses: f64,
}

/// The public subnets that ECS Express Mode is counted with where the plan names none: those of a default VPC, of which
/// it has one in each zone.
const SUBNETS: usize = 3;

impl HttpService {
    /// Those of a plan, as `terraform show -json` has it.
    pub(crate) fn planned(plan: &Value) -> Result<Vec<Self>, String> {
        let plan = Planned(plan["planned_values"]["root_module"]["resources"].as_array());
        let own = plan.values("aws_lb").map(|_| Self::of_load_balancer(&plan));
        let express = plan.values(EXPRESS).map(|_| Self::of_express(&plan));
        let (services, complaints): (Vec<_>, Vec<_>) =
            own.into_iter().chain(express).partition(Result::is_ok);
        if complaints.is_empty() {
            return Ok(services.into_iter().flatten().collect());
        }
        let complaints = complaints.into_iter().filter_map(Result::err);
        Err(complaints.collect::<Vec<_>>().join("; "))
    }

    /// The one with a load balancer of the root's own.
    fn of_load_balancer(plan: &Planned<'_>) -> Result<Self, String> {
        let subnets = plan.known("aws_lb", "/subnets")?.as_array();
        let subnets = subnets.ok_or("the plan does not say /subnets of aws_lb")?.len();
        let tasks = plan.number("aws_appautoscaling_target", "/min_capacity")?;
        let processor = plan.known(TASK, "/runtime_platform/0/cpu_architecture")?;
        let public = plan.known("aws_ecs_service", "/network_configuration/0/assign_public_ip")?;
        let of_tasks = if public == &Value::Bool(true) { tasks } else { 0.0 };
        Ok(Self {
            name: "the HTTP service",
            architecture: processor.as_str().unwrap_or_default().to_lowercase(),
            tasks,
            processors: plan.number(TASK, "/cpu")? / 1024.0,
            gigabytes: plan.number(TASK, "/memory")? / 1024.0,
            // A load balancer has one in each of its subnets.
            public_addresses: counted(subnets) + of_tasks,
        })
    }

    /// The one on ECS Express Mode, whose load balancer is not in the plan.
    fn of_express(plan: &Planned<'_>) -> Result<Self, String> {
        let tasks = plan.number(EXPRESS, "/scaling_target/0/min_task_count")?;
        let named = plan.known(EXPRESS, "/network_configuration/0/subnets");
        let subnets = named.ok().and_then(Value::as_array).map_or(SUBNETS, Vec::len);
        Ok(Self {
            name: "ECS Express Mode",
            architecture: "x86_64".to_owned(),
            tasks,
            processors: plan.number(EXPRESS, "/cpu")? / 1024.0,
            gigabytes: plan.number(EXPRESS, "/memory")? / 1024.0,
            // In public subnets tasks have addresses too.
            public_addresses: counted(subnets) + tasks,
        })
    }

    /// What it costs in a month, idle, and a line for each part; `price` is that of a row of the page.
    pub(super) fn cost(
        &self,
        price: impl Fn(&str) -> Result<f64, String>,
    ) -> Result<(f64, Vec<String>), String> {
        let Self {
            name,
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
            .map(|(what, cost)| format!("  {name}, {what}: ${cost:.2}"));
        Ok((parts.iter().map(|(_, cost)| cost).sum(), lines.collect()))
    }
}

const TASK: &str = "aws_ecs_task_definition";
const EXPRESS: &str = "aws_ecs_express_gateway_service";

/// The resources of a plan.
struct Planned<'a>(Option<&'a Vec<Value>>);

impl<'a> Planned<'a> {
    /// Those of the first resource of a kind.
    fn values(&self, kind: &str) -> Option<&'a Value> {
        let mut resources = self.0.into_iter().flatten();
        Some(&resources.find(|resource| resource["type"] == kind)?["values"])
    }

    fn known(&self, kind: &str, pointer: &str) -> Result<&'a Value, String> {
        let value = self.values(kind).and_then(|values| values.pointer(pointer));
        value.ok_or_else(|| format!("the plan does not say {pointer} of {kind}"))
    }

    fn number(&self, kind: &str, pointer: &str) -> Result<f64, String> {
        let value = self.known(kind, pointer)?;
        let number = value
            .as_f64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        number.ok_or_else(|| format!("{pointer} of {kind} is no number in the plan: {value}"))
    }
}

fn counted(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}

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
            name: "the HTTP service",
            architecture: "arm64".to_owned(),
            tasks: 2.0,
            processors: 0.5,
            gigabytes: 1.0,
            public_addresses: 4.0,
        };
        assert_eq!(HttpService::planned(&plan()), Ok(vec![expected]));
        let without = json!({ "planned_values": { "root_module": {} } });
        assert_eq!(HttpService::planned(&without), Ok(Vec::new()));
    }

    #[test]
    fn ecs_express_mode_is_counted_with_the_subnets_of_a_default_vpc() {
        let of = |network: Value| {
            let values = json!({
                "cpu": "256", "memory": "512", "scaling_target": [{ "min_task_count": 1 }], "network_configuration": network,
            });
            let resource = json!({ "type": "aws_ecs_express_gateway_service", "values": values });
            let plan = json!({ "planned_values": { "root_module": { "resources": [resource] } } });
            HttpService::planned(&plan).unwrap()
        };
        let expected = HttpService {
            name: "ECS Express Mode",
            architecture: "x86_64".to_owned(),
            tasks: 1.0,
            processors: 0.25,
            gigabytes: 0.5,
            public_addresses: 4.0,
        };
        assert_eq!(of(json!([])), [expected]);
        assert_eq!(of(json!([{ "subnets": ["a", "b"] }]))[0].public_addresses, 3.0);
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
