//! What a month costs, from the figures of docs/cost.md and a load that is stated.

use std::fs;

use super::Cloud;
use crate::run::root;

/// Millions of each operation in a month: a small store in daily use.
const LOAD: [(&str, f64); 4] = [
    ("PutObject, 1 KiB", 1.0),
    ("GetObject, 1 KiB", 10.0),
    ("HeadObject", 2.0),
    ("DeleteObject", 0.5),
];

/// Gigabytes that are stored, and the price of one for a month in S3.
const STORED: (f64, f64) = (100.0, 0.023);

/// The estimate in a few lines.
pub(super) fn estimate(cloud: Cloud) -> Result<String, String> {
    let file = root().join("docs/cost.md");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    match cloud {
        Cloud::Aws => of_aws(&text),
        Cloud::Gcp | Cloud::Azure => {
            Ok("What it costs is not known: docs/cost.md has no prices of this cloud yet.".to_owned())
        }
    }
}

fn of_aws(text: &str) -> Result<String, String> {
    let mut lines =
        vec!["What a month costs, from docs/cost.md; bytes to the internet are not in it:".to_owned()];
    let mut total = 0.0;
    for (operation, millions) in LOAD {
        let price =
            price(text, operation).ok_or_else(|| format!("docs/cost.md has no price of {operation}"))?;
        let cost = millions * price;
        total += cost;
        lines.push(format!("  {millions:>5} million of {operation}: ${cost:.2}"));
    }
    let (gigabytes, price) = STORED;
    total += gigabytes * price;
    lines.push(format!("  {gigabytes:>5} GB in S3: ${:.2}", gigabytes * price));
    lines.push(format!(
        "  together ${total:.2}; idle, with nothing stored, a few cents"
    ));
    Ok(lines.join("\n"))
}

/// The last cell of an operation's row: dollars for a million.
fn price(text: &str, operation: &str) -> Option<f64> {
    let row = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("| {operation} |")))?;
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
    fn the_estimate_is_the_sum_of_the_rows_that_the_load_names() {
        let row = |name: &str, price: &str| format!("| {name} | GetItem | 1 | 0 | none | 10 | {price} |\n");
        let text: String = LOAD.iter().map(|(name, _)| row(name, "2.00")).collect();
        let estimate = of_aws(&text).unwrap();
        assert!(
            estimate.contains("10 million of GetObject, 1 KiB: $20.00"),
            "{estimate}"
        );
        assert!(estimate.contains("together $29.30"), "{estimate}");
        assert!(of_aws("").is_err());
    }

    #[test]
    fn the_page_has_every_row_that_the_load_names() {
        assert!(estimate(Cloud::Aws).is_ok());
    }
}
