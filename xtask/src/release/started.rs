//! A program that was started to be measured.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
            eprintln!("a program that was measured may be left behind: {error}");
        }
    }
}

/// The line `VmRSS:    8700 kB`, in bytes.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The middle one of some durations; zero of none.
pub(super) fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
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

    #[test]
    fn the_median_is_the_middle_one() {
        let seconds = [9, 1, 5].map(Duration::from_secs);
        assert_eq!(median(seconds.to_vec()), Duration::from_secs(5));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}
