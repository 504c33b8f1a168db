//! Who is next: changes of one document that meet in this process take turns.
//!
//! Firestore would let all but one of them fail at their commits, or in a pessimistic database let them wait for
//! each other's locks until all have waited too long. Those of other processes are left to that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::time::timeout;

use super::schema::Path;

/// At this many documents, those that nobody changes any more are forgotten.
const SWEEP: usize = 1024;

/// The documents that are being changed, each with its queue.
#[derive(Debug)]
pub(super) struct Turns {
    wait: Duration,
    queues: Mutex<HashMap<Path, Weak<Turn<()>>>>,
}

impl Turns {
    /// A change waits at most `wait` for its turn.
    pub(super) fn new(wait: Duration) -> Self {
        Self {
            wait,
            queues: Mutex::default(),
        }
    }

    /// Returns when it is the caller's turn, which lasts until the guard is dropped. Callers come in their order.
    pub(super) async fn take(&self, path: &Path) -> StoreResult<OwnedMutexGuard<()>> {
        let queue = self.queue(path);
        timeout(self.wait, queue.lock_owned()).await.map_err(|_| {
            let busy = format!("too many others change {path}");
            StoreError::new(StoreErrorKind::Throttled, busy)
        })
    }

    fn queue(&self, path: &Path) -> Arc<Turn<()>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(path).and_then(Weak::upgrade) {
            return queue;
        }
        if queues.len() >= SWEEP {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::new(Turn::default());
        queues.insert(path.clone(), Arc::downgrade(&queue));
        queue
    }
}

#[cfg(test)]
mod tests {
    use bleepstore_core::model::BucketName;

    use super::super::schema;
    use super::*;

    fn path(name: &str) -> Path {
        schema::bucket(&BucketName::new(name).unwrap())
    }

    #[tokio::test]
    async fn changes_of_one_document_take_turns_and_others_do_not_wait() {
        let turns = Turns::new(Duration::from_secs(60));
        let held = turns.take(&path("one")).await.unwrap();
        let other = turns.take(&path("two")).await.unwrap();
        assert!(turns.queue(&path("one")).try_lock().is_err());
        drop(held);
        assert!(turns.queue(&path("one")).try_lock().is_ok());
        drop(other);
    }

    #[tokio::test]
    async fn a_change_that_does_not_get_its_turn_is_throttled() {
        let turns = Turns::new(Duration::ZERO);
        let held = turns.take(&path("one")).await.unwrap();
        let error = turns.take(&path("one")).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Throttled);
        drop(held);
    }

    #[tokio::test]
    async fn documents_that_nobody_changes_are_forgotten() {
        let turns = Turns::new(Duration::from_secs(60));
        let held = turns.take(&path("held")).await.unwrap();
        for index in 0..3 * SWEEP {
            drop(turns.take(&path(&format!("bucket{index}"))).await.unwrap());
        }
        assert!(turns.queues.lock().unwrap().len() <= SWEEP + 1);
        assert!(turns.queue(&path("held")).try_lock().is_err());
        drop(held);
    }
}
