//! Programs that are started, and asked how they are.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{self, HEALTH};

/// How long one start may take before it counts as hanging.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait between two looks at whether a program answers: a start is measured no finer than this.
const LOOK: Duration = Duration::from_micros(250);

/// A program that serves HTTP and is well; it ends when this is dropped.
pub(crate) struct Server {
    program: Started,
    /// Its host and port.
    pub(crate) address: String,
    /// How long it took from its start to its first answer.
    pub(crate) time: Duration,
}

impl Server {
    /// Starts a program that serves HTTP at the port that the variable `port` names, and asks for its health until it
    /// is well.
    pub(crate) fn start(program: &Path, port: &str, variables: &[(&str, &str)]) -> Result<Self, String> {
        let address = free_address().map_err(|error| format!("no port is free: {error}"))?;
        let (_, number) = address.rsplit_once(':').unwrap_or_default();
        let all = variables.iter().copied().chain([(port, number)]);
        let mut program = Started::new(program, all)?;
        loop {
            let ready = http::get(&address, HEALTH).is_ok_and(|answer| http::is_healthy(&answer));
            let time = program.until(Instant::now());
            if ready {
                return Ok(Self {
                    program,
                    address,
                    time,
                });
            }
            program.is_running()?;
            if time > PATIENCE {
                return Err("it does not answer: is something on its standard error?".to_owned());
            }
            thread::sleep(LOOK);
        }
    }

    /// The memory that it has in use, in bytes.
    pub(crate) fn memory(&self) -> Result<u64, String> {
        self.program.memory()
    }
}

/// A port of loopback that nobody listens on.
fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A running program; it ends when this is dropped.
pub(super) struct Started {
    child: Child,
    at: Instant,
}

impl Started {
    /// Starts a program with these variables and no others. The clock runs from just before.
    pub(super) fn new<'a>(
        program: &Path,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.env_clear().envs(variables).stdin(Stdio::null());
        let at = Instant::now();
        let child = command
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        Ok(Self { child, at })
    }

    /// How long after its start `moment` was.
    pub(super) fn until(&self, moment: Instant) -> Duration {
        moment.duration_since(self.at)
    }

    /// Fails where it has ended by itself.
    fn is_running(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("it ended with {status}")),
            Err(error) => Err(format!("it was lost: {error}")),
        }
    }

    /// The memory that it has in use (its resident set), in bytes.
    pub(super) fn memory(&self) -> Result<u64, String> {
        let file = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        resident(&status).ok_or_else(|| format!("{file} has no resident set"))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("a program that was started may be left behind: {error}");
        }
    }
}

/// The line `VmRSS:    8700 kB`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_read_from_the_process_status() {
        let status = "Name:\tbootstrap\nVmHWM:\t  9000 kB\nVmRSS:\t    8700 kB\n";
        assert_eq!(resident(status), Some(8700 * 1024));
        assert_eq!(resident("Name:\tbootstrap\n"), None);
    }
}
