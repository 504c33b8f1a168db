//! `cargo xtask release-check`: what a release build weighs, how soon it serves and how much memory it takes, against
//! what was aimed at.

mod aws;
mod azure;
mod gcp;
mod starts;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// A deployment whose release build is measured.
struct Deployment {
    name: &'static str,
    /// Builds and measures it.
    measure: fn() -> Result<Vec<Figure>, String>,
}

/// Every deployment that is shipped.
const DEPLOYMENTS: [Deployment; 3] = [
    Deployment {
        name: "aws-lambda",
        measure: aws::measure,
    },
    Deployment {
        name: "gcp-cloudrun",
        measure: gcp::measure,
    },
    Deployment {
        name: "azure-functions",
        measure: azure::measure,
    },
];

/// What was measured, and what it may be at most.
struct Figure {
    name: &'static str,
    unit: Unit,
    measured: f64,
    aim: f64,
}

impl Figure {
    fn holds(&self) -> bool {
        self.measured <= self.aim
    }
}

#[derive(Clone, Copy)]
enum Unit {
    /// A million bytes.
    Megabytes,
    Milliseconds,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Megabytes => "MB",
            Self::Milliseconds => "ms",
        })
    }
}

/// Whether there is a deployment of this name.
pub(crate) fn knows(name: &str) -> bool {
    DEPLOYMENTS.iter().any(|deployment| deployment.name == name)
}

/// Prints a table of all figures, or of those of one deployment. Fails where one misses its aim or cannot be measured.
pub(crate) fn check(only: Option<&str>) -> ExitCode {
    let mut table = vec![format!(
        "{:<16} {:<26} {:>12} {:>12}  verdict",
        "deployment", "figure", "measured", "aim"
    )];
    let mut all_hold = true;
    let wanted = |deployment: &Deployment| only.is_none_or(|name| name == deployment.name);
    for deployment in DEPLOYMENTS.into_iter().filter(wanted) {
        match (deployment.measure)() {
            Ok(figures) => {
                all_hold &= figures.iter().all(Figure::holds);
                table.extend(figures.iter().map(|figure| line(deployment.name, figure)));
            }
            Err(complaint) => {
                all_hold = false;
                table.push(format!("{:<16} not measured: {complaint}", deployment.name));
            }
        }
    }
    println!("\n{}", table.join("\n"));
    if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn line(deployment: &str, figure: &Figure) -> String {
    let Figure {
        name,
        unit,
        measured,
        aim,
    } = figure;
    let verdict = if figure.holds() { "holds" } else { "MISSED" };
    format!("{deployment:<16} {name:<26} {measured:>9.1} {unit} {aim:>9.1} {unit}  {verdict}")
}

/// Bytes as a figure in megabytes.
#[allow(clippy::cast_precision_loss)]
fn megabytes(name: &'static str, bytes: u64, aim: f64) -> Figure {
    Figure {
        name,
        unit: Unit::Megabytes,
        measured: bytes as f64 / 1e6,
        aim,
    }
}

/// A time as a figure in milliseconds.
fn milliseconds(name: &'static str, time: Duration, aim: f64) -> Figure {
    Figure {
        name,
        unit: Unit::Milliseconds,
        measured: time.as_secs_f64() * 1e3,
        aim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_holds_up_to_its_aim_and_its_line_says_so() {
        let exact = megabytes("zip", 5_000_000, 5.0);
        assert!(exact.holds());
        assert!(line("aws-lambda", &exact).ends_with("5.0 MB       5.0 MB  holds"));
        let over = megabytes("zip", 5_000_001, 5.0);
        assert!(!over.holds() && line("aws-lambda", &over).ends_with("MISSED"));
    }
}
