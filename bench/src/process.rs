//! What a process has taken of the machine, as Linux tells it in `/proc`.

use std::fs;
use std::time::Duration;

/// A process that is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched(pub(crate) u32);

impl Watched {
    /// This program.
    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// Processor time that it has used, in user and system mode, of all its threads; in steps of 10 ms.
    pub(crate) fn processor_time(self) -> Result<Duration, String> {
        let ticks = ticks(&self.file("stat")?).ok_or("/proc/PID/stat cannot be understood")?;
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        Ok(Duration::from_micros(ticks * 1_000_000 / per_second))
    }

    /// Bytes of memory that it has in use now (its resident set).
    pub(crate) fn memory(self) -> Result<u64, String> {
        self.bytes("VmRSS:")
    }

    /// The most that it had in use since it began, or since [`Self::forget_peak`].
    pub(crate) fn peak_memory(self) -> Result<u64, String> {
        self.bytes("VmHWM:")
    }

    /// Lets the peak begin anew at what is in use now.
    pub(crate) fn forget_peak(self) -> Result<(), String> {
        let file = format!("/proc/{}/clear_refs", self.0);
        fs::write(&file, "5").map_err(|error| format!("{file}: {error}"))
    }

    fn bytes(self, name: &str) -> Result<u64, String> {
        bytes(&self.file("status")?, name).ok_or_else(|| format!("/proc/PID/status has no {name}"))
    }

    fn file(self, name: &str) -> Result<String, String> {
        let file = format!("/proc/{}/{name}", self.0);
        fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))
    }
}

/// `utime` and `stime` of a line of `/proc/PID/stat`, whose second field, a name in parentheses, may contain anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// A line such as `VmRSS:    8700 kB`, in bytes.
fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_after_the_programs_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 100";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn memory_is_read_by_its_name() {
        let status = "Name:\ta\nVmHWM:\t  9000 kB\nVmRSS:\t    8700 kB\n";
        assert_eq!(bytes(status, "VmRSS:"), Some(8700 * 1024));
        assert_eq!(bytes(status, "VmHWM:"), Some(9000 * 1024));
        assert_eq!(bytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_has_memory_and_a_peak() {
        let own = Watched::own();
        assert!(own.memory().unwrap() > 0);
        assert!(own.peak_memory().unwrap() > 0);
        own.processor_time().unwrap();
    }
}
