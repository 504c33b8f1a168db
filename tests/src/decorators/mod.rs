//! Stores around stores: they count calls, break them and hold them, so that tests can see what the core
//! asks of its ports and what it does when they fail.
//!
//! An [`Interceptor`] decides about every call; the stores of [`intercepted_metadata`] and [`intercepted_blobs`] ask it.

mod counter;
mod faults;
mod gate;

use std::sync::Arc;

use async_trait::async_trait;
use bleepstore_core::ports::{
    Around, AroundBlobs, AroundMetadata, BlobStore, MetadataStore, StoreError, StoreErrorKind,
};

pub use counter::CallCounter;
pub use faults::Faults;
pub use gate::{Gate, Held};

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

/// Asks an interceptor about every call.
#[derive(Clone)]
pub struct Intercepting(Arc<dyn Interceptor>);

impl Around for Intercepting {
    async fn around<T, E>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        let verdict = self.0.before(method).await;
        if let Verdict::Fail(kind) = verdict {
            return Err(injected(kind).into());
        }
        let answer = call.await?;
        self.0.after(method).await;
        match verdict {
            Verdict::LoseAnswer => Err(injected(StoreErrorKind::Timeout).into()),
            Verdict::Pass | Verdict::Fail(_) => Ok(answer),
        }
    }
}

/// A metadata store around another. Methods are named to the interceptor as the port names them.
pub fn intercepted_metadata(
    inner: Arc<dyn MetadataStore>,
    interceptor: Arc<dyn Interceptor>,
) -> AroundMetadata<Intercepting> {
    AroundMetadata::new(inner, Intercepting(interceptor))
}

/// A blob store around another. Methods are named to the interceptor as the port names them.
pub fn intercepted_blobs(
    inner: Arc<dyn BlobStore>,
    interceptor: Arc<dyn Interceptor>,
) -> AroundBlobs<Intercepting> {
    AroundBlobs::new(inner, Intercepting(interceptor))
}
