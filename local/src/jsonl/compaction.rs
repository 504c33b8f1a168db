//! Writing the log anew, with what its rows are and without what they were.
//!
//! A thread writes the durable rows to a draft, a few at a time, while the writer goes on. Rows that change meanwhile
//! may be in the draft as they were or as they are; then it copies the lines that were appended since it began, and
//! the last change of a row decides. The writer copies what is left, which is little, and puts the draft in the log's
//! place: only for that do commits wait.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};

use super::Durable;
use super::line::write_record;
use super::log::{AppendError, Draft, Log};
use crate::files::FileOps;

/// A log shorter than this is not worth it.
pub(super) const SHORTEST: u64 = 4 << 20;

/// Rows that are read at once; writers wait as long.
const PAGE: usize = 256;

/// Bytes that are written or copied at once.
const PIECE: usize = 1 << 20;

/// How often the thread tries to catch up with the writer before it leaves the rest to it.
const CHASES: usize = 8;

/// The compaction of one log.
pub(super) struct Compaction {
    files: Arc<dyn FileOps>,
    shortest: u64,
    /// The length of the log from which on it is compacted.
    due: u64,
    running: Option<Running>,
}

struct Running {
    thread: JoinHandle<io::Result<Copied>>,
    progress: Arc<Progress>,
}

/// What thread and writer tell each other.
struct Progress {
    /// Bytes of the log that are durable.
    written: AtomicU64,
    cancelled: AtomicBool,
}

/// A draft, and how much of the log it has.
struct Copied {
    draft: Draft,
    from: u64,
}

impl Compaction {
    /// For a log of `length` bytes, of which about `live` are rows as they are. Logs are compacted once they are at
    /// least `shortest` bytes and twice as long as what they hold.
    pub(super) fn new(files: Arc<dyn FileOps>, shortest: u64, live: u64) -> Self {
        Self {
            files,
            shortest,
            due: shortest.max(live.saturating_mul(2)),
            running: None,
        }
    }

    /// Begins a compaction that is due, or ends one that has come to its end. Called after each group. An error is a
    /// reason to end the process.
    pub(super) fn go_on(&mut self, log: &mut Log, durable: &Durable) -> Result<(), String> {
        match self.running.take() {
            Some(running) if running.thread.is_finished() => self.finish(running, log),
            Some(running) => {
                running.progress.written.store(log.length(), Ordering::Release);
                self.running = Some(running);
                Ok(())
            }
            None => {
                if log.length() >= self.due {
                    self.start(log, durable);
                }
                Ok(())
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Gives up a compaction that is under way.
    pub(super) fn stop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.progress.cancelled.store(true, Ordering::Relaxed);
        if let Ok(Ok(copied)) = running.thread.join() {
            copied.draft.discard();
        }
    }

    fn start(&mut self, log: &Log, durable: &Durable) {
        let progress = Arc::new(Progress {
            written: AtomicU64::new(log.length()),
            cancelled: AtomicBool::new(false),
        });
        let job = Job {
            files: Arc::clone(&self.files),
            path: log.path().to_owned(),
            durable: Arc::clone(durable),
            progress: Arc::clone(&progress),
        };
        let thread = thread::Builder::new().name("log-compaction".to_owned());
        match thread.spawn(move || job.run()) {
            Ok(thread) => self.running = Some(Running { thread, progress }),
            Err(error) => self.put_off(log, &error),
        }
    }

    fn finish(&mut self, running: Running, log: &mut Log) -> Result<(), String> {
        let copied = match running.thread.join() {
            Ok(Ok(copied)) => copied,
            Ok(Err(error)) => {
                self.put_off(log, &error);
                return Ok(());
            }
            Err(_) => {
                self.put_off(log, &"it panicked");
                return Ok(());
            }
        };
        let Copied { mut draft, from } = copied;
        let completed = self
            .files
            .open(log.path())
            .and_then(|(old, _)| copy(self.files.as_ref(), &old, from..log.length(), &mut draft))
            .and_then(|()| draft.seal());
        if let Err(error) = completed {
            draft.discard();
            self.put_off(log, &error);
            return Ok(());
        }
        let before = log.length();
        match log.replace_by(draft) {
            Ok(()) => {
                self.due = self.shortest.max(log.length().saturating_mul(2));
                tracing::debug!(before, after = log.length(), "the log was compacted");
                Ok(())
            }
            Err(AppendError::Refused(error)) => {
                self.put_off(log, &error);
                Ok(())
            }
            Err(AppendError::Lost(reason)) => Err(reason),
        }
    }

    /// The log stays as it is, and is whole; another attempt comes once it has grown.
    fn put_off(&mut self, log: &Log, error: &dyn std::fmt::Display) {
        tracing::warn!(%error, "the log was not compacted");
        self.due = log.length().saturating_add(self.shortest);
    }
}

impl Drop for Compaction {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread works on.
struct Job {
    files: Arc<dyn FileOps>,
    path: PathBuf,
    durable: Durable,
    progress: Arc<Progress>,
}

impl Job {
    fn run(self) -> io::Result<Copied> {
        // Rows that are read from now on have at least what these bytes say.
        let from = self.progress.written.load(Ordering::Acquire);
        let mut draft = Draft::create(Arc::clone(&self.files), &self.path)?;
        match self.fill(&mut draft, from) {
            Ok(from) => Ok(Copied { draft, from }),
            Err(error) => {
                draft.discard();
                Err(error)
            }
        }
    }

    /// Writes all rows, then the lines from `from` on; returns where it stopped.
    fn fill(&self, draft: &mut Draft, mut from: u64) -> io::Result<u64> {
        self.write_rows(draft)?;
        let (old, _) = self.files.open(&self.path)?;
        for _ in 0..CHASES {
            let written = self.progress.written.load(Ordering::Acquire);
            copy(self.files.as_ref(), &old, from..written, draft)?;
            from = written;
            // So that little is left to sync, too, while commits wait.
            draft.sync()?;
            let behind = self.progress.written.load(Ordering::Acquire) - from;
            if behind < PIECE as u64 {
                break;
            }
        }
        Ok(from)
    }

    fn write_rows(&self, draft: &mut Draft) -> io::Result<()> {
        let mut lines = Vec::new();
        let mut last = None;
        loop {
            if self.progress.cancelled.load(Ordering::Relaxed) {
                return Err(io::Error::other("the store was closed"));
            }
            let page = {
                let rows = self.durable.read().unwrap_or_else(PoisonError::into_inner);
                rows.rows_after(last.as_ref(), PAGE)
            };
            for row in &page {
                write_record(&mut lines, 0, std::slice::from_ref(row))?;
            }
            let done = page.len() < PAGE;
            if done || lines.len() >= PIECE {
                draft.append(&lines)?;
                lines.clear();
            }
            if done {
                return Ok(());
            }
            last = page.into_iter().next_back();
        }
    }
}

/// Copies these bytes of a log.
fn copy(
    files: &dyn FileOps,
    from: &std::fs::File,
    range: std::ops::Range<u64>,
    draft: &mut Draft,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut offset = range.start;
    while offset < range.end {
        let length = (range.end - offset).min(PIECE as u64) as usize;
        files.read_at(from, &mut buffer[..length], offset)?;
        draft.append(&buffer[..length])?;
        offset += length as u64;
    }
    Ok(())
}
