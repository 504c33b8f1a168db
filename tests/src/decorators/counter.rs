//! Counts calls.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{Interceptor, Verdict};

/// Counts the calls that pass through it, by method. One counter can watch several stores.
#[derive(Debug, Default)]
pub struct CallCounter {
    calls: Mutex<BTreeMap<&'static str, usize>>,
}

impl CallCounter {
    /// Calls of one method so far.
    pub fn count(&self, method: &str) -> usize {
        self.calls.lock().unwrap().get(method).copied().unwrap_or(0)
    }

    /// Calls of all methods so far.
    pub fn total(&self) -> usize {
        self.calls.lock().unwrap().values().sum()
    }

    /// The calls so far by method, methods that were not called left out. Counts from zero afterwards.
    pub fn take(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

#[async_trait]
impl Interceptor for CallCounter {
    async fn before(&self, method: &'static str) -> Verdict {
        *self.calls.lock().unwrap().entry(method).or_default() += 1;
        Verdict::Pass
    }
}
