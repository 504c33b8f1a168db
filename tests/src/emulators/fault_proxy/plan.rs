//! Which requests are disturbed, and how.

use std::collections::BTreeMap;

use super::{Protocol, Seen};
use crate::entropy::SeededEntropy;

/// How a request is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is refused by a service that is too busy.
    Throttle,
    /// The service breaks down before it takes effect, and says so.
    FailBefore,
    /// It takes effect, and the service says that it broke down.
    FailAfter,
    /// The connection is closed before it takes effect.
    LoseRequest,
    /// It takes effect, and the connection is closed without an answer.
    LoseAnswer,
    /// It takes effect, and no answer comes until the client gives up.
    HoldAnswer,
    /// The connection is closed, and it takes effect after a later one that changes the same.
    Delay,
    /// The connection is reset in the middle of its body.
    ResetRequest,
    /// It takes effect, and the connection is reset in the middle of the answer's body.
    ResetAnswer,
    /// The service carries out a part of it and says which.
    Partial,
}

/// Faults for some of the requests. What happens to the n-th request of an operation follows from the seed.
#[derive(Debug)]
pub struct Plan {
    seed: u64,
    percent: usize,
    left: usize,
    faults: Vec<Fault>,
    operations: BTreeMap<String, SeededEntropy>,
}

impl Plan {
    /// Disturbs so many of a hundred requests of each operation, each by one of these faults. A request that the
    /// fault cannot befall goes through.
    pub fn new(seed: u64, percent: usize, faults: &[Fault]) -> Self {
        Self {
            seed,
            percent,
            left: usize::MAX,
            faults: faults.to_vec(),
            operations: BTreeMap::new(),
        }
    }

    /// Disturbs at most so many requests.
    pub fn at_most(mut self, requests: usize) -> Self {
        self.left = requests;
        self
    }

    /// What befalls the next request of an operation.
    pub(super) fn fault(&mut self, operation: &str, seen: &Seen, protocol: &dyn Protocol) -> Option<Fault> {
        let seed = self.seed;
        let draws = self
            .operations
            .entry(operation.to_owned())
            .or_insert_with(|| SeededEntropy::new(operation.bytes().fold(seed, mix)));
        let is_disturbed = draws.below(100) < self.percent;
        let fault = self.faults[draws.below(self.faults.len())];
        let can_befall = match fault {
            Fault::HoldAnswer => protocol.is_impatient(seen),
            Fault::Delay => seen.body.is_some() && protocol.changes(seen).is_some(),
            Fault::Partial => protocol.partial(seen).is_some(),
            _ => true,
        };
        let befalls = is_disturbed && can_befall && self.left > 0;
        self.left -= usize::from(befalls);
        befalls.then_some(fault)
    }
}

/// Each operation has a sequence of its own (FNV-1a).
fn mix(state: u64, byte: u8) -> u64 {
    (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}
