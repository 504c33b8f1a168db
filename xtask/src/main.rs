//! What a person would type. `cargo xtask help` lists it.

mod bench;
mod circles;
mod clients;
mod compatibility;
mod deploy;
mod direction;
mod emulate;
mod emulators;
mod http;
mod infra;
mod licence;
mod opendal;
mod package;
#[cfg(test)]
mod pages;
mod policy;
mod python;
mod release;
mod released;
mod report;
mod rows;
mod run;
mod sdk;
mod smoke;
mod source;
mod start;
mod test;
mod verify;

use std::env;
use std::process::ExitCode;

use crate::deploy::Request;
use crate::package::Arch;

const HELP: &str = "\
cargo xtask test    everything that CI checks: format, lints, dependencies, unit tests, SDK tests
cargo xtask test --long
                    the random tests alone, BLEEPSTORE_TEST_ROUNDS (20) times as long: models, histories of clients around
                    deaths and faults, kills
cargo xtask bench [--quick] [--only ROW,…] [--connections N,…] [--peers] [--json FILE] [--set NAME=VALUE] [--reseed]
                    how fast a release build answers, at what cost, and, with --peers, beside s3s-fs and SeaweedFS
cargo xtask bench --endpoint URL --access-key KEY --secret-key KEY [--pid N] […]
                    the same of another S3 endpoint
cargo xtask bench --crowds [--set NAME=VALUE]
                    memory and processor time for an object of 10,000 parts, for uploads and buckets by the ten thousand,
                    and for a million versions
cargo xtask bench --instructions
                    instructions that the core takes for single operations, counted by valgrind's callgrind
cargo xtask compatibility
                    run what docs/compatibility.md counts, and write it
cargo xtask errors  write docs/errors.md from the table of errors in the core
cargo xtask emulate aws [--http|--stream]
                    BleepStore on an emulated AWS, as a function behind its URL, which streams or does not, or as an HTTP
                    server, until Ctrl-C
cargo xtask emulate gcp
                    BleepStore on an emulated Google Cloud, until Ctrl-C
cargo xtask emulate azure
                    BleepStore on an emulated Azure, as a function app behind its host, until Ctrl-C
cargo xtask package aws [--image] [--arch x86_64|arm64]
                    the zip of the Lambda function, under target/package; with --image the container image of the HTTP
                    service, as an OCI layout
cargo xtask package gcp
                    the container image of the Cloud Run service, as an OCI layout under target/package
cargo xtask package azure [--image]
                    the zip of the function app, under target/package; with --image the container image of the HTTP service, as
                    an OCI layout
cargo xtask release-check [aws-lambda|gcp-cloudrun|azure-functions]
                    sizes, start and memory of release builds against their aims
cargo xtask released
                    the programs of earlier releases, from the history of this clone, which tests run; below .tools/released
cargo xtask deploy aws|gcp|azure [--plan] [--backend-config FILE]
                    package, terraform plan, an estimate of the cost, apply when you say yes, and a smoke test; with --plan
                    nothing is changed. Variables of the root are set by TF_VAR_name and so on. With FILE, the settings of
                    Terraform's backend (s3, gcs, azurerm), the state is kept there from now on, with --plan too
cargo xtask destroy aws|gcp|azure [--backend-config FILE]
                    take it down, with all that is stored
cargo xtask verify-cloud aws|gcp|azure --endpoint URL [--region REGION] [--name NAME] [--only ID,…] [--slow]
                    [--report FILE]
                    ask a deployment the questions of docs/verify-on-a-real-cloud.md, with the root credential in
                    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and say of each what was seen. Its name is TF_VAR_name
                    by default
cargo xtask verify-cloud [aws|gcp|azure] --list [--only ID,…]
                    these questions, without a network
cargo xtask infra-check [aws|gcp|azure]
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
        ["test", "--long"] => test::long(),
        ["bench", ..] => bench::bench(&arguments[1..]),
        ["compatibility"] => test::compatibility(),
        ["errors"] => test::errors(),
        ["emulate", "aws"] => emulate::emulate("emulate-aws", &[]),
        ["emulate", "aws", how @ ("--http" | "--stream")] => emulate::emulate("emulate-aws", &[how]),
        ["emulate", "gcp"] => emulate::emulate("emulate-gcp", &[]),
        ["emulate", "azure"] => emulate::emulate("emulate-azure", &[]),
        ["package", "aws"] => package::package(|| package::aws(Arch::X86_64)),
        ["package", "aws", "--arch", name] if let Some(arch) = Arch::named(name) => {
            package::package(|| package::aws(arch))
        }
        ["package", "aws", "--image"] => package::package(|| package::aws_image(Arch::X86_64)),
        ["package", "aws", "--image", "--arch", name] if let Some(arch) = Arch::named(name) => {
            package::package(|| package::aws_image(arch))
        }
        ["package", "gcp"] => package::package(|| package::gcp(Arch::X86_64)),
        ["package", "gcp", "--arch", name] if let Some(arch) = Arch::named(name) => {
            package::package(|| package::gcp(arch))
        }
        ["package", "azure"] => package::package(package::azure),
        ["package", "azure", "--image"] => package::package(package::azure_image),
        ["release-check"] => release::check(None),
        ["release-check", name] if release::knows(name) => release::check(Some(name)),
        ["deploy", ref asked @ ..] if let Some(request) = Request::to_deploy(asked) => {
            deploy::deploy(&request)
        }
        ["destroy", ref asked @ ..] if let Some(request) = Request::to_destroy(asked) => {
            deploy::destroy(&request)
        }
        ["verify-cloud", ..] => verify::verify_cloud(&arguments[1..]),
        ["released"] => released::released(),
        ["infra-check"] => infra::command(None, strict()),
        ["infra-check", name] if infra::knows(name) => infra::command(Some(name), strict()),
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
