//! The disk under the servers' data.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::sync;

/// How many writes are made durable to see how long that takes.
const SYNCS: usize = 200;

/// Waits until what was written is on the disk, so that nobody's leftovers are written on someone else's time.
pub(crate) fn settle() {
    sync();
}

/// How long `fdatasync` takes after 4 KiB were appended to a file in this folder: the middle one of many.
pub(crate) fn fdatasync(folder: &Path) -> Result<Duration, String> {
    let path = folder.join("fdatasync");
    let timed = || -> std::io::Result<Vec<Duration>> {
        let mut file = File::create(&path)?;
        let block = [7_u8; 4096];
        let mut times = Vec::with_capacity(SYNCS);
        for _ in 0..SYNCS {
            file.write_all(&block)?;
            let start = Instant::now();
            file.sync_data()?;
            times.push(start.elapsed());
        }
        fs::remove_file(&path)?;
        Ok(times)
    };
    let mut times = timed().map_err(|error| format!("{}: {error}", path.display()))?;
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}
