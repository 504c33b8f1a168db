//! What a person would type. `cargo xtask help` lists it.

mod direction;
mod emulate;
mod infra;
mod licence;
mod policy;
mod python;
mod report;
mod run;
mod sdk;
mod test;

use std::env;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test    everything that CI checks: format, lints, dependencies, unit tests, SDK tests
cargo xtask emulate aws [--http]
                    BleepStore on an emulated AWS, as a function behind its URL or as an HTTP server, until Ctrl-C
cargo xtask infra-check
                    the Terraform roots: format, schemas, tests, names, permissions, planted mistakes, checkov
cargo xtask help    this list

Environment of test and infra-check:
  CI=true                    a missing tool is a failure instead of a skip
  BLEEPSTORE_ADVISORY_DB     a local clone of the RustSec advisory database to check against (cargo-audit)
  BLEEPSTORE_TERRAFORM_MIRROR
                             a filesystem mirror with hashicorp/aws 5.100.0: infra/aws is applied to an emulator too";

/// Whether a missing tool is a failure.
fn strict() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test::test(strict()),
        ["emulate", "aws"] => emulate::aws(&[]),
        ["emulate", "aws", "--http"] => emulate::aws(&["--http"]),
        ["infra-check"] => infra::command(strict()),
        ["help" | "--help" | "-h"] | [] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("xtask: no such command: {}\n{HELP}", arguments.join(" "));
            ExitCode::from(2)
        }
    }
}
