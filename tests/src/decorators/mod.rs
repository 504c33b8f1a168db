//! Stores around stores: they count calls, break them and hold them, so that tests can see what the core
//! asks of its ports and what it does when they fail.
//!
//! An [`Interceptor`] decides about every call; [`InterceptedMetadata`] and [`InterceptedBlobs`] ask it.

mod blobs;
mod counter;
mod faults;
mod gate;
mod metadata;

use async_trait::async_trait;
use bleepstore_core::ports::{StoreError, StoreErrorKind, StoreResult};

pub use blobs::InterceptedBlobs;
pub use counter::CallCounter;
pub use faults::Faults;
pub use gate::{Gate, Held};
pub use metadata::InterceptedMetadata;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to the store, and the store's answer to the caller.
    Pass,
    /// It does not reach the store; the caller is told that.
    Fail(StoreErrorKind),
    /// It goes to the store, and the answer is lost: the caller is told `Timeout`.
    LoseAnswer,
}

/// Sees every call to a store, by the name of its method.
#[async_trait]
pub trait Interceptor: Send + Sync {
    /// Before the call reaches the store. The call waits for this.
    async fn before(&self, method: &'static str) -> Verdict;

    /// After the store has answered well and before the caller knows. The answer waits for this.
    async fn after(&self, _method: &'static str) {}
}

/// Lets every call pass.
#[derive(Clone, Copy, Debug)]
pub struct PassThrough;

#[async_trait]
impl Interceptor for PassThrough {
    async fn before(&self, _method: &'static str) -> Verdict {
        Verdict::Pass
    }
}

fn injected(kind: StoreErrorKind) -> StoreError {
    StoreError::new(kind, "injected by a test")
}

/// One call, as the interceptor wants it.
async fn intercept<T, E: From<StoreError>>(
    interceptor: &dyn Interceptor,
    method: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let verdict = interceptor.before(method).await;
    if let Verdict::Fail(kind) = verdict {
        return Err(injected(kind).into());
    }
    let answer = call.await?;
    interceptor.after(method).await;
    match verdict {
        Verdict::LoseAnswer => Err(injected(StoreErrorKind::Timeout).into()),
        Verdict::Pass | Verdict::Fail(_) => Ok(answer),
    }
}

/// The outcome of a whole call, for calls that answer with an outcome per item.
async fn intercept_items<T>(
    interceptor: &dyn Interceptor,
    method: &'static str,
    call: impl Future<Output = T>,
) -> StoreResult<T> {
    intercept(interceptor, method, async { Ok(call.await) }).await
}
