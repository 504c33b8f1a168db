//! Deletions that are done after the request that asked for them: removing a large file takes longer than a commit.
//!
//! A blob counts as gone from the moment in which its deletion is queued. What a crash leaves of the queue are blobs that
//! nothing names, which gc finds.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bleepstore_core::model::BlobRef;
use tokio::task::spawn_blocking;

use super::Disk;

/// How many deletions wait at most. One more is done by whoever asks for it, and so waits for the disk.
pub(super) const MOST: usize = 1_024;

/// The queue.
#[derive(Default)]
pub(super) struct Deletions {
    state: Mutex<State>,
    /// Told whenever a blob's file is gone.
    removed: Condvar,
}

#[derive(Default)]
struct State {
    queued: VecDeque<BlobRef>,
    /// What is queued, and what is being removed.
    hidden: HashSet<BlobRef>,
    /// Whether a worker is under way.
    worked: bool,
}

impl Deletions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the blob's file may be there still though the blob is deleted.
    pub(super) fn hides(&self, blob: &BlobRef) -> bool {
        self.state().hidden.contains(blob)
    }

    /// Waits until no file of a deleted blob of that name is left. Blocks.
    pub(super) fn wait_for(&self, blob: &BlobRef) {
        let waiting = |state: &mut State| state.hidden.contains(blob);
        drop(self.removed.wait_while(self.state(), waiting));
    }

    fn next(&self) -> Option<BlobRef> {
        self.state().queued.pop_front()
    }

    fn done(&self, blob: &BlobRef) {
        self.state().hidden.remove(blob);
        self.removed.notify_all();
    }
}

/// Queues the deletion of a blob. `false` where the queue is full.
pub(super) fn queue(disk: &Arc<Disk>, blob: BlobRef) -> bool {
    let mut state = disk.deletions.state();
    if state.hidden.contains(&blob) {
        return true;
    }
    if state.queued.len() >= MOST {
        return false;
    }
    state.hidden.insert(blob);
    state.queued.push_back(blob);
    if !state.worked {
        state.worked = true;
        drop(state);
        let worker = Worker {
            disk: Arc::clone(disk),
            ended: false,
        };
        drop(spawn_blocking(move || worker.work()));
    }
    true
}

/// Removes what is queued now, beside a worker that may be under way, and waits for that one. Blocks.
pub(super) fn drain(disk: &Disk) {
    remove_queued(disk);
    let state = disk.deletions.state();
    drop(
        disk.deletions
            .removed
            .wait_while(state, |state| !state.hidden.is_empty()),
    );
}

fn remove_queued(disk: &Disk) {
    while let Some(blob) = disk.deletions.next() {
        if let Err(error) = disk.delete(&blob) {
            tracing::warn!(%blob, %error, "a blob that nothing names was not deleted; gc will delete it");
        }
        disk.deletions.done(&blob);
    }
}

/// One at a time. A runtime that shuts down drops it without having run it.
struct Worker {
    disk: Arc<Disk>,
    ended: bool,
}

impl Worker {
    fn work(mut self) {
        loop {
            remove_queued(&self.disk);
            let mut state = self.disk.deletions.state();
            if state.queued.is_empty() {
                state.worked = false;
                break;
            }
        }
        self.ended = true;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.ended {
            self.disk.deletions.state().worked = false;
        }
    }
}
