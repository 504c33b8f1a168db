//! The programs of a release.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bleepstore_tests::emulators::{FunctionApp, FunctionsHost, ServerProgram};

pub(crate) const ACCESS_KEY: &str = "AKIATESTROOT";
pub(crate) const SECRET_KEY: &str = "a/secret+for/tests/only";
pub(crate) const REGION: &str = "us-east-1";

/// The variable that names the folder of a release's programs: `bleepstore`, `bleepstore-admin`, `bootstrap`,
/// `bleepstore-gcp` and `bleepstore-azure`.
const PROGRAMS: &str = "BLEEPSTORE_RELEASED_PROGRAMS";

/// The variable that names the release, such as `0.1`.
const RELEASE: &str = "BLEEPSTORE_RELEASE";

/// Variables of an environment.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// A release.
pub(crate) struct Released {
    pub(crate) release: String,
    pub(crate) programs: PathBuf,
}

/// How an operator's program is run on a store, and how a store is served.
pub(crate) struct Deployed {
    /// What both have in their environment.
    pub(crate) variables: Variables,
    /// The program that serves.
    pub(crate) server: &'static str,
    /// Whether it runs behind the host of Functions.
    pub(crate) in_functions: bool,
    /// The program of the operator.
    pub(crate) tool: &'static str,
    /// What follows the name of a subcommand.
    pub(crate) arguments: Vec<String>,
}

/// A server that runs.
pub(crate) enum Server {
    Program(ServerProgram),
    Functions(
        FunctionsHost,
        #[expect(dead_code, reason = "the folder of the app")] FunctionApp,
    ),
}

impl Released {
    pub(crate) fn from_environment() -> Self {
        let variable = |name| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        Self {
            release: variable(RELEASE),
            programs: variable(PROGRAMS).into(),
        }
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Serves a store.
    pub(crate) fn serve(&self, deployed: &Deployed) -> io::Result<Server> {
        let program = self.program(deployed.server);
        let mut variables = deployed.variables.clone();
        variables.extend([
            ("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY.to_owned()),
            ("BLEEPSTORE_SECRET_KEY", SECRET_KEY.to_owned()),
            ("BLEEPSTORE_LOG", "warn".to_owned()),
        ]);
        if deployed.in_functions {
            let app = FunctionApp::around(&program)?;
            let host = FunctionsHost::start(app.folder(), variables)?;
            return Ok(Server::Functions(host, app));
        }
        Ok(Server::Program(ServerProgram::start(&program, variables)?))
    }

    /// Runs a subcommand of the operator's program, which may be two words, however it ends.
    pub(crate) fn ended(&self, deployed: &Deployed, subcommand: &str, arguments: &[&str]) -> Output {
        Command::new(self.program(deployed.tool))
            .env_clear()
            .envs(deployed.variables.clone())
            .env("BLEEPSTORE_LOG", "error")
            .args(subcommand.split(' '))
            .args(&deployed.arguments)
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Runs a subcommand of the operator's program. Returns what it printed.
    pub(crate) fn run(&self, deployed: &Deployed, subcommand: &str, arguments: &[&str]) -> Vec<u8> {
        let output = self.ended(deployed, subcommand, arguments);
        // A check that has findings ends with 1.
        let good = output.status.success() || subcommand == "fsck" && output.status.code() == Some(1);
        assert!(good, "{subcommand}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Program(server) => server.address(),
            Self::Functions(host, _) => host.address(),
        }
    }

    /// Asks it to stop, which it does without an error.
    pub(crate) fn stop(self) {
        let stopped = match self {
            Self::Program(server) => server.stop(),
            Self::Functions(host, _) => host.stop(),
        };
        assert!(stopped.unwrap());
    }
}

/// The path as an argument.
pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
