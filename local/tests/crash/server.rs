//! The process that is killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

pub(crate) const ACCESS_KEY: &str = "crash-access-key";
pub(crate) const SECRET_KEY: &str = "crash-secret-key";

/// A server on a free port.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

fn bleepstore(folder: &Path, metadata: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bleepstore"));
    command
        .env_clear()
        .env("BLEEPSTORE_DATA_DIR", folder.join("data"))
        .env("BLEEPSTORE_METADATA", metadata)
        .env("BLEEPSTORE_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

impl Server {
    pub(crate) fn start(folder: &Path, metadata: &str) -> Self {
        let mut child = bleepstore(folder, metadata)
            .env("BLEEPSTORE_LISTEN", "127.0.0.1:0")
            .env("BLEEPSTORE_ACCESS_KEY", ACCESS_KEY)
            .env("BLEEPSTORE_SECRET_KEY", SECRET_KEY)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let endpoint = lines
            .map(Result::unwrap)
            .find_map(|line| Some(line.trim().strip_prefix("endpoint")?.trim().to_owned()));
        let endpoint = endpoint.expect("the server starts after a kill");
        Self {
            child,
            address: endpoint.strip_prefix("http://").unwrap().parse().unwrap(),
        }
    }

    /// SIGKILL, in whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, which it obeys.
    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that is gone already cannot be killed, and need not be.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Collects all garbage.
pub(crate) const COLLECT: &[&str] = &["gc", "--grace", "0s", "--force"];

/// Runs a subcommand on a folder that no server holds, to its end; whether it succeeded.
pub(crate) fn succeeds(folder: &Path, metadata: &str, arguments: &[&str]) -> bool {
    let status = bleepstore(folder, metadata).args(arguments).status();
    status.unwrap().success()
}

/// Runs a subcommand that must succeed.
pub(crate) fn run(folder: &Path, metadata: &str, arguments: &[&str]) {
    assert!(succeeds(folder, metadata, arguments), "{arguments:?} fails");
}

/// Starts a subcommand on a folder that no server holds, and kills it `moment` later; whether it had done its work by then.
pub(crate) fn run_and_kill(folder: &Path, metadata: &str, arguments: &[&str], moment: Duration) -> bool {
    let mut child = bleepstore(folder, metadata).args(arguments).spawn().unwrap();
    // A kill falls on every step of it, not only on its start.
    thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap().success()
}
