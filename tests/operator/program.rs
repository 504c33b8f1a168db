//! The binaries: a server that runs, and a subcommand that was run.

use std::process::{Command, Output};

use bleepstore_tests::emulators::{ServerProgram, binary};
use bleepstore_tests::http::{Endpoint, Front};
use serde_json::Value;

const ACCESS_KEY: &str = "AKIATESTROOT";
const SECRET_KEY: &str = "a/secret+for/tests/only";

/// Variables of an environment.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// What a run printed, and its exit code.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) error: String,
    pub(crate) code: i32,
}

impl Ran {
    /// The document that a run without an error printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.error);
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs a binary with nothing but these variables in its environment.
pub(crate) fn run<N: AsRef<str>>(name: &str, variables: &[(N, String)], arguments: &[&str]) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(binary(name).unwrap())
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name.as_ref(), value)))
        .env("BLEEPSTORE_LOG", "error")
        .args(arguments)
        .output()
        .unwrap();
    Ran {
        out: String::from_utf8(stdout).unwrap(),
        error: String::from_utf8(stderr).unwrap(),
        code: status.code().unwrap(),
    }
}

/// Starts a binary that serves S3.
pub(crate) fn serve(name: &str, mut variables: Variables) -> (ServerProgram, Endpoint) {
    variables.extend([
        ("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY.to_owned()),
        ("BLEEPSTORE_SECRET_KEY", SECRET_KEY.to_owned()),
        ("BLEEPSTORE_LOG", "error".to_owned()),
    ]);
    let server = ServerProgram::start(&binary(name).unwrap(), variables).unwrap();
    let endpoint = Endpoint {
        address: server.address(),
        region: "us-east-1".to_owned(),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        session_token: None,
        front: Front::Nothing,
    };
    (server, endpoint)
}
