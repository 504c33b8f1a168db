//! Breaks calls.

use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{Interceptor, Verdict};

type Decide = dyn FnMut(&'static str) -> Verdict + Send;

/// Breaks the calls that it was told to break.
pub struct Faults {
    decide: Mutex<Box<Decide>>,
}

impl Faults {
    /// Asks `decide` about every call, by the name of its method.
    pub fn decided_by(decide: impl FnMut(&'static str) -> Verdict + Send + 'static) -> Self {
        Self {
            decide: Mutex::new(Box::new(decide)),
        }
    }

    /// The same verdict on every call of `method`.
    pub fn always(method: &'static str, verdict: Verdict) -> Self {
        Self::decided_by(move |called| if called == method { verdict } else { Verdict::Pass })
    }

    /// A verdict on the `nth` call of `method`, counted from 0, and none on any other.
    pub fn once(method: &'static str, nth: usize, verdict: Verdict) -> Self {
        let mut calls = 0;
        Self::decided_by(move |called| {
            let hit = called == method && calls == nth;
            calls += usize::from(called == method);
            if hit { verdict } else { Verdict::Pass }
        })
    }

    /// A verdict on the `nth` call of `method`, counted from 0, and on every later one.
    pub fn from(method: &'static str, nth: usize, verdict: Verdict) -> Self {
        let mut calls = 0;
        Self::decided_by(move |called| {
            calls += usize::from(called == method);
            if called == method && calls > nth {
                verdict
            } else {
                Verdict::Pass
            }
        })
    }

    /// The same verdict on every call of any method.
    pub fn everywhere(verdict: Verdict) -> Self {
        Self::decided_by(move |_| verdict)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

#[async_trait]
impl Interceptor for Faults {
    async fn before(&self, method: &'static str) -> Verdict {
        (self.decide.lock().unwrap())(method)
    }
}
