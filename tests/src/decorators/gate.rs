//! Holds calls, so that a test decides what happens between two steps.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::{Interceptor, Verdict};

/// Holds the calls that a test has asked for; all others pass.
#[derive(Debug, Default)]
pub struct Gate {
    bars: Mutex<Vec<Bar>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

#[derive(Debug)]
struct Bar {
    method: &'static str,
    side: Side,
    /// How many calls pass before the one that is held.
    passing: usize,
    arrived: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

/// The other end of one held call.
#[derive(Debug)]
pub struct Held {
    arrived: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Gate {
    /// A gate that holds nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Holds the next call of `method` before the store sees it.
    pub fn hold(&self, method: &'static str) -> Held {
        self.bar(method, Side::Before, 0)
    }

    /// Holds the `nth` call of `method` from now on, counted from 0, before the store sees it.
    pub fn hold_nth(&self, method: &'static str, nth: usize) -> Held {
        self.bar(method, Side::Before, nth)
    }

    /// Holds the answer to the next call of `method` that the store has carried out.
    pub fn hold_answer(&self, method: &'static str) -> Held {
        self.bar(method, Side::After, 0)
    }

    fn bar(&self, method: &'static str, side: Side, passing: usize) -> Held {
        let (arrive, arrived) = oneshot::channel();
        let (release, released) = oneshot::channel();
        self.bars.lock().unwrap().push(Bar {
            method,
            side,
            passing,
            arrived: arrive,
            released,
        });
        Held { arrived, release }
    }

    /// Waits at the first bar that stands in the way. A test that has dropped its end lets the call go.
    async fn pass(&self, method: &'static str, side: Side) {
        let bar = {
            let mut bars = self.bars.lock().unwrap();
            let first = bars
                .iter_mut()
                .enumerate()
                .find(|(_, bar)| bar.method == method && bar.side == side);
            match first {
                Some((_, bar)) if bar.passing > 0 => {
                    bar.passing -= 1;
                    None
                }
                first => first.map(|(index, _)| index).map(|index| bars.remove(index)),
            }
        };
        if let Some(bar) = bar
            && bar.arrived.send(()).is_ok()
        {
            bar.released.await.ok();
        }
    }
}

impl Held {
    /// Returns once the call is at the gate.
    pub async fn arrived(&mut self) {
        (&mut self.arrived).await.expect("the gate is there");
    }

    /// Lets the call go on.
    pub fn release(self) {
        // A call that was cancelled meanwhile no longer waits.
        self.release.send(()).ok();
    }
}

#[async_trait]
impl Interceptor for Gate {
    async fn before(&self, method: &'static str) -> Verdict {
        self.pass(method, Side::Before).await;
        Verdict::Pass
    }

    async fn after(&self, method: &'static str) {
        self.pass(method, Side::After).await;
    }
}
