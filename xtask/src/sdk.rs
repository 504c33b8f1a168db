//! The SDK tests: stock clients against each way to run BleepStore, with nothing but an endpoint and keys.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::clients::{Clients, FOLDERS};
use crate::compatibility::OUTCOMES;
use crate::emulators::Place;
use crate::report::{Check, Tally, counted, missing};
use crate::run::{read, root, succeeds, target_dir};
use crate::smoke::Served;

const SUITES: [&str; 7] = [
    "tests/sdk/test_boto3.py",
    "tests/sdk/test_boto3_sts.py",
    "tests/sdk/test_boto3_versions.py",
    "tests/sdk/test_aws_cli.py",
    "tests/sdk/test_aws_cli_versions.py",
    "tests/sdk/test_web_identity.py",
    "tests/sdk/test_websites.py",
];

/// So many ways are tested at once. A client and its server wait for each other, so that a way keeps about one processor busy.
const LANES: usize = 2;

const ACCESS_KEY: &str = "sdk-tests";
const SECRET_KEY: &str = "sdk-tests-secret-key";
const REGION: &str = "us-east-1";

/// One way to run BleepStore. A further one is one entry of [`WAYS`].
struct Way {
    /// The deployment's name, as in `tests/src/http/deployment.rs`.
    deployment: &'static str,
    /// The program that serves it, as `cargo test` built it. It prints `endpoint` and a URL, and stops when asked.
    program: &'static str,
    arguments: &'static [&'static str],
    /// Where it runs.
    place: Place,
    /// The largest request body in bytes that it takes, where that is less than S3's.
    body_limit: Option<u64>,
    /// The mark of the tests that run, where only some do.
    marked: Option<&'static str>,
}

const WAYS: [Way; 6] = [
    Way {
        deployment: "sqlite",
        program: "bleepstore",
        arguments: &["--listen", "127.0.0.1:0"],
        place: Place::Local,
        body_limit: None,
        marked: None,
    },
    Way {
        deployment: "aws_http",
        program: "emulate-aws",
        arguments: &["--http"],
        place: Place::Aws,
        body_limit: None,
        marked: None,
    },
    Way {
        deployment: "aws_lambda",
        program: "emulate-aws",
        arguments: &[],
        place: Place::Aws,
        body_limit: Some(4_500_000),
        marked: None,
    },
    // What is different behind a Function URL that streams.
    Way {
        deployment: "aws_lambda_stream",
        program: "emulate-aws",
        arguments: &["--stream"],
        place: Place::Aws,
        body_limit: Some(4_500_000),
        marked: Some("length_of_head"),
    },
    Way {
        deployment: "gcp_http1",
        program: "emulate-gcp",
        arguments: &[],
        place: Place::Google,
        body_limit: None,
        marked: None,
    },
    Way {
        deployment: "azure_functions",
        program: "emulate-azure",
        arguments: &[],
        place: Place::Azure,
        body_limit: None,
        marked: None,
    },
];

/// Runs the suites with this Python against each way, or says for each suite why it cannot run. Outcomes go to `outcomes`.
/// The clients of `clients` run against the first way only.
pub(crate) fn suites(
    python: Result<PathBuf, String>,
    clients: &Clients,
    outcomes: &Path,
    strict: bool,
) -> Tally {
    let mut tally = Tally::default();
    for (names, reason) in &clients.missing {
        tally += missing(names, reason, strict);
    }
    match python {
        Ok(python) => {
            let ways = Mutex::new(WAYS.iter());
            let next = || ways.lock().ok().and_then(|mut ways| ways.next());
            let lane = || {
                let mut tally = Tally::default();
                while let Some(way) = next() {
                    tally += way_tested(&python, clients, way, outcomes, strict);
                }
                tally
            };
            thread::scope(|scope| {
                let lanes = [(); LANES].map(|()| scope.spawn(lane));
                for lane in lanes {
                    tally += lane.join().unwrap_or(Tally::FAILED);
                }
            });
        }
        Err(reason) => {
            for suite in SUITES {
                tally += missing(suite, &reason, strict);
            }
        }
    }
    tally
}

/// Runs the tests against one way, and shows what they printed once they have ended: another way is tested at the same time.
fn way_tested(python: &Path, clients: &Clients, way: &Way, outcomes: &Path, strict: bool) -> Tally {
    if let Err(reason) = way.place.is_there() {
        return missing(way.place.what(), &reason, strict);
    }
    let start = Instant::now();
    let mut printed = Vec::new();
    let tally = run(python, clients, way, outcomes, &mut printed)
        .unwrap_or_else(|complaint| counted(Err(format!("{}: {complaint}", way.deployment))));
    let seconds = start.elapsed().as_secs_f32();
    println!(
        "\n-- {0}\n{1}\n-- {0}: {seconds:.1} s",
        way.deployment,
        printed.join("\n")
    );
    tally
}

/// Runs the tests of a folder against the local server.
pub(crate) fn against_the_local_server(python: &Path, tests: &str) -> Result<Tally, String> {
    let [local, ..] = &WAYS;
    let scratch = Scratch::new("verify-cloud")?;
    let server = Server::start(local, &scratch.0.join("data"))?;
    let mut tally = tallied(&mut pytest(python, tests, &scratch, &server)?, |line| {
        println!("{line}")
    });
    tally += counted(server.stop());
    Ok(tally)
}

fn run(
    python: &Path,
    clients: &Clients,
    way: &Way,
    outcomes: &Path,
    printed: &mut Vec<String>,
) -> Result<Tally, String> {
    let scratch = Scratch::new(way.deployment)?;
    let server = Server::start(way, &scratch.0.join("data"))?;
    let served = Served {
        endpoint: &server.endpoint,
        region: REGION,
        access_key: ACCESS_KEY,
        secret_key: SECRET_KEY,
    };
    // What `cargo xtask deploy` ends with.
    let mut tally = counted(served.smoke(python));
    let mut pytest = pytest(python, "tests/sdk", &scratch, &server)?;
    pytest
        .args(way.marked.into_iter().flat_map(|mark| ["-m", mark]))
        .env("BLEEPSTORE_TEST_DEPLOYMENT", way.deployment)
        .env(
            "BLEEPSTORE_TEST_BODY_LIMIT",
            way.body_limit.map(|limit| limit.to_string()).unwrap_or_default(),
        )
        .env(FOLDERS, clients.path())
        .env(OUTCOMES, outcomes);
    tally += tallied(&mut pytest, |line| printed.push(line.to_owned()));
    tally += counted(server.stop());
    Ok(tally)
}

/// The local server's program.
fn local_program() -> PathBuf {
    let [local, ..] = &WAYS;
    target_dir().join("debug").join(local.program)
}

/// pytest over a folder of tests, with nothing set but an endpoint and keys.
fn pytest(python: &Path, tests: &str, scratch: &Scratch, server: &Server) -> Result<Command, String> {
    let home = scratch.0.join("home");
    fs::create_dir(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    let mut pytest = Command::new(python);
    pytest
        .current_dir(root())
        .args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no"])
        .arg(tests)
        .arg(format!("--basetemp={}", scratch.0.join("pytest").display()))
        .env("HOME", &home)
        .env("AWS_CONFIG_FILE", home.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", home.join("credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("BLEEPSTORE_TEST_ENDPOINT", &server.endpoint)
        // Tests of settings start a server of their own.
        .env("BLEEPSTORE_TEST_PROGRAM", local_program())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_ENDPOINT_URL");
    Ok(pytest)
}

/// Runs pytest and gives what it prints to `see`; the counts of its last line.
fn tallied(pytest: &mut Command, mut see: impl FnMut(&str)) -> Tally {
    let mut tally = Tally::default();
    let ended = read(pytest, |line| {
        see(line);
        if let Some(summary) = pytest_summary(line) {
            tally = summary;
        }
    });
    if ended.is_err() && tally.failed == 0 {
        tally += counted(ended);
    }
    tally
}

/// A folder that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self, String> {
        let folder = env::temp_dir().join(format!("bleepstore-sdk-{name}-{}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// A running server, on a free port, with data of its own.
struct Server {
    child: Child,
    endpoint: String,
    /// Held so that the server can go on printing.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(way: &Way, data: &Path) -> Result<Self, String> {
        let program = target_dir().join("debug").join(way.program);
        let mut child = Command::new(&program)
            .args(way.arguments)
            .env("BLEEPSTORE_DATA_DIR", data)
            .env("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY)
            .env("BLEEPSTORE_SECRET_KEY", SECRET_KEY)
            .env("BLEEPSTORE_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}, which cargo test builds: {error}", program.display()))?;
        let output = child.stdout.take().ok_or("a server without standard output")?;
        let mut output = BufReader::new(output).lines();
        let endpoint = output.by_ref().map_while(Result::ok).find_map(|line| {
            line.trim()
                .strip_prefix("endpoint")
                .map(|rest| rest.trim().to_owned())
        });
        match endpoint {
            Some(endpoint) => Ok(Self {
                child,
                endpoint,
                _output: output,
            }),
            None => Err(format!("{} did not start", way.program)),
        }
    }

    /// Asks the server to stop and expects it to do so without an error.
    fn stop(mut self) -> Check {
        succeeds(Command::new("kill").arg(self.child.id().to_string()))?;
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the server ended with {status}")),
            Err(error) => Err(format!("the server was lost: {error}")),
        }
    }
}

/// The counts of pytest's last line, such as `== 1 failed, 30 passed, 2 skipped in 4.20s ==`.
fn pytest_summary(line: &str) -> Option<Tally> {
    let line = line.strip_prefix("==")?.trim_matches(['=', ' ']);
    let (counts, _) = line.rsplit_once(" in ")?;
    let mut tally = Tally::default();
    for part in counts.split(", ") {
        let (number, what) = part.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match what {
            "passed" | "xpassed" => tally.passed += number,
            "failed" | "error" | "errors" => tally.failed += number,
            "skipped" | "xfailed" => tally.skipped += number,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_pytest_is_counted() {
        let tally = |passed, failed, skipped| {
            Some(Tally {
                passed,
                failed,
                skipped,
            })
        };
        let mixed = "=== 1 failed, 30 passed, 2 skipped, 3 warnings, 1 error in 61.20s (0:01:01) ===";
        assert_eq!(pytest_summary(mixed), tally(30, 2, 2));
        assert_eq!(
            pytest_summary("============ 7 passed in 0.10s ============"),
            tally(7, 0, 0)
        );
        assert_eq!(pytest_summary("===== FAILURES ====="), None);
        assert_eq!(pytest_summary("===== no tests ran in 0.01s ====="), None);
    }
}
