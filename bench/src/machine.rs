//! The machine that everything runs on.

use std::fs;
use std::path::Path;
use std::thread;

use serde::Serialize;

use crate::disk;

/// What the figures depend on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// How long it takes to make 4 KiB durable: the median.
    pub(crate) fdatasync_ms: f64,
}

impl Machine {
    /// Looks at this machine, and at the disk of a folder.
    pub(crate) fn look(folder: &Path) -> Result<Self, String> {
        let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
        let value = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            let (_, value) = line.split_once(':')?;
            Some(value.trim().to_owned())
        };
        let memory = value(&read("/proc/meminfo")?, "MemTotal").unwrap_or_default();
        let kilobytes: u64 = memory.trim_end_matches("kB").trim().parse().unwrap_or_default();
        Ok(Self {
            processor: value(&read("/proc/cpuinfo")?, "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kilobytes / 1024,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            fdatasync_ms: disk::fdatasync(folder)?.as_secs_f64() * 1e3,
        })
    }
}
