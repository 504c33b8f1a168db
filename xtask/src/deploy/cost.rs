//! What a month costs, from the figures of docs/cost.md and a load that is stated.

mod http_service;

use std::fs;

use serde_json::Value;

pub(crate) use self::http_service::HttpService;
use super::Cloud;
use crate::run::root;

const PAGE: &str = "docs/cost.md";

/// Millions of each operation in a month: a small store in daily use.
const LOAD: [(&str, f64); 4] = [
    ("PutObject, 1 KiB", 1.0),
    ("GetObject, 1 KiB", 10.0),
    ("HeadObject", 2.0),
    ("DeleteObject", 0.5),
];

/// Gigabytes that are stored.
const STORED: f64 = 100.0;

/// What the estimate needs of a cloud beside its tables.
struct Tables {
    /// Its name in the headings of the page.
    cloud: &'static str,
    /// The row of what stored bytes cost.
    bytes: &'static str,
    /// What it costs when nothing is stored and asked for.
    idle: &'static str,
}

const fn tables(cloud: Cloud) -> Tables {
    match cloud {
        Cloud::Aws => Tables {
            cloud: "AWS",
            bytes: "bytes, in S3 Standard",
            idle: "a few cents",
        },
        Cloud::Gcp => Tables {
            cloud: "Google Cloud",
            bytes: "bytes, in Cloud Storage Standard",
            idle: "a few cents",
        },
        Cloud::Azure => Tables {
            cloud: "Azure",
            bytes: "bytes, in Blob Storage, hot",
            idle: "less than a dollar",
        },
    }
}

/// The estimate for a plan, as `terraform show -json` has it, in a few lines.
pub(super) fn estimate(cloud: Cloud, plan: &Value) -> Result<String, String> {
    let file = root().join(PAGE);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let estimate = added_up(&text, &tables(cloud), &HttpService::planned(plan)?)?;
    Ok([estimate]
        .into_iter()
        .chain(not_in_it(cloud, plan))
        .collect::<Vec<_>>()
        .join("\n"))
}

/// What else a plan makes that costs something, and the figures leave out.
fn not_in_it(cloud: Cloud, plan: &Value) -> Vec<String> {
    let variable = |name: &str| &plan["variables"][name]["value"];
    let mut lines = Vec::new();
    if let Some(kept @ 1..) = variable("min_instances").as_u64() {
        lines.push(format!(
            "Not in it: {kept} instances that are kept while they are idle (min_instances)."
        ));
    }
    if let Some(most) = variable("autoscale_max_throughput").as_u64() {
        lines.push(format!(
            "Not in it: the database's throughput, {} request units a second at least, in the place of single units \
             (autoscale_max_throughput).",
            most / 10
        ));
    }
    if cloud == Cloud::Azure && variable("http_service").is_object() {
        lines.push("Not in it: the replicas of the HTTP service (http_service).".to_owned());
    }
    lines
}

fn added_up(text: &str, tables: &Tables, services: &[HttpService]) -> Result<String, String> {
    let Tables { cloud, bytes, idle } = tables;
    let price = |table: &str, row: &str| {
        let heading = format!("### {cloud}: {table}");
        price(text, &heading, row).ok_or_else(|| format!("{PAGE} has no price of {row} under {heading:?}"))
    };
    let mut lines = vec![format!(
        "What a month costs, from {PAGE}; bytes to the internet are not in it:"
    )];
    let mut total = 0.0;
    for (operation, millions) in LOAD {
        let cost = millions * price("operations", operation)?;
        total += cost;
        lines.push(format!("  {millions:>5} million of {operation}: ${cost:.2}"));
    }
    let cost = STORED * price("storage", bytes)?;
    total += cost;
    lines.push(format!("  {STORED:>5} GB of {bytes}: ${cost:.2}"));
    if services.is_empty() {
        lines.push(format!(
            "  together ${total:.2}; idle, with nothing stored, {idle}"
        ));
        return Ok(lines.join("\n"));
    }
    let mut standing = 0.0;
    for service in services {
        let (cost, parts) = service.cost(|row| price(http_service::HEADING, row))?;
        standing += cost;
        lines.extend(parts);
    }
    let units = connections_per_second() / CONNECTIONS_OF_A_UNIT;
    let cost = units * price(http_service::HEADING, "a capacity unit of the load balancer")?;
    total += standing + cost;
    lines.push(format!(
        "  over HTTP, {units:.1} capacity units of a load balancer, if all of this load goes there: ${cost:.2}"
    ));
    lines.push(format!(
        "  together ${total:.2}; idle, with nothing stored, ${standing:.2} and {idle}"
    ));
    lines.push("Not in it: a NAT gateway, where tasks without public addresses need one.".to_owned());
    Ok(lines.join("\n"))
}

/// New connections that a capacity unit of a load balancer takes in a second.
const CONNECTIONS_OF_A_UNIT: f64 = 25.0;

/// Those of the load where each request has its own, which is the dearest case, over a month of 730 hours.
fn connections_per_second() -> f64 {
    let millions: f64 = LOAD.iter().map(|(_, millions)| millions).sum();
    millions * 1e6 / (730.0 * 3600.0)
}

/// The last cell of a row of the table under a heading: dollars.
fn price(text: &str, heading: &str, row: &str) -> Option<f64> {
    let below = text.lines().skip_while(|line| *line != heading).skip(1);
    let mut table = below.take_while(|line| !line.starts_with('#'));
    let row = table.find_map(|line| line.strip_prefix(&format!("| {row} |")))?;
    row.trim_end()
        .strip_suffix('|')?
        .rsplit('|')
        .next()?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_the_sum_of_the_rows_that_the_load_names_under_the_clouds_headings() {
        let row = |name: &str, price: &str| format!("| {name} | GetItem | 1 | 0 | none | 10 | {price} |\n");
        let table = |price: &str| LOAD.iter().map(|(name, _)| row(name, price)).collect::<String>();
        let text = format!(
            "### Other: operations\n{}### AWS: operations\n{}### AWS: storage\n| bytes, in S3 Standard | 0.023 |\n",
            table("9.00"),
            table("2.00")
        );
        let estimate = added_up(&text, &tables(Cloud::Aws), &[]).unwrap();
        assert!(
            estimate.contains("10 million of GetObject, 1 KiB: $20.00"),
            "{estimate}"
        );
        assert!(estimate.contains("together $29.30"), "{estimate}");
        assert!(added_up("", &tables(Cloud::Aws), &[]).is_err());
    }

    #[test]
    fn the_http_service_of_a_plan_is_in_the_estimate() {
        let plan = http_service::tests::plan();
        let estimate = estimate(Cloud::Aws, &plan).unwrap();
        // Half a processor and 1 GB, twice; four addresses; a fifth of a capacity unit.
        for line in [
            "the HTTP service, its load balancer: $16.43",
            "the HTTP service, 2 tasks at least, of 0.5 processors and 1 GB: $28.84",
            "the HTTP service, 4 public addresses: $14.60",
            "over HTTP, 0.2 capacity units of a load balancer, if all of this load goes there: $1.20",
            "idle, with nothing stored, $59.87 and a few cents",
        ] {
            assert!(estimate.contains(line), "{line}: {estimate}");
        }
    }

    #[test]
    fn instances_that_are_kept_are_said_to_be_left_out() {
        let of = |kept: u64| {
            let plan = serde_json::json!({ "variables": { "min_instances": { "value": kept } } });
            estimate(Cloud::Gcp, &plan).unwrap()
        };
        assert!(of(2).ends_with("Not in it: 2 instances that are kept while they are idle (min_instances)."));
        assert!(!of(0).contains("min_instances"));
    }

    #[test]
    fn what_azure_is_paid_for_otherwise_is_said_to_be_left_out() {
        let plan = serde_json::json!({ "variables": {
            "autoscale_max_throughput": { "value": 4000 },
            "http_service": { "value": { "image": "registry/image" } },
        } });
        let estimate = estimate(Cloud::Azure, &plan).unwrap();
        assert!(
            estimate.contains("Not in it: the database's throughput, 400 request units a second at least")
                && estimate.ends_with("Not in it: the replicas of the HTTP service (http_service)."),
            "{estimate}"
        );
    }

    #[test]
    fn the_page_has_every_row_that_the_load_names() {
        for cloud in [Cloud::Aws, Cloud::Gcp, Cloud::Azure] {
            assert_eq!(estimate(cloud, &Value::Null).err(), None);
        }
    }
}
