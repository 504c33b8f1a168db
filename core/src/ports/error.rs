//! What a store answers when it cannot do its work. Expected outcomes are values of their own.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::model::{ErrorCode, S3Error};

/// What went wrong, as far as the caller has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The store asks for a lower rate. The change was not applied.
    Throttled,
    /// The store cannot be reached or refuses for now. The change was not applied.
    Unavailable,
    /// No answer came. The change may have been applied, or may be applied later.
    Timeout,
    /// What is stored cannot be understood.
    Corrupt,
    /// Anything else: a defect, or a store that is set up wrongly. The change was not applied.
    Internal,
}

/// A failure of a store. It becomes `503 SlowDown`, `503 ServiceUnavailable` or `500 InternalError`.
#[derive(Debug)]
pub struct StoreError {
    /// What the caller has to know.
    pub kind: StoreErrorKind,
    /// How long the store asks to be left alone.
    pub retry_after: Option<Duration>,
    source: Box<dyn Error + Send + Sync>,
}

/// The result of a port's method.
pub type StoreResult<T> = Result<T, StoreError>;

impl StoreError {
    /// An error of `kind` over the store's own error or a text.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            retry_after: None,
            source: source.into(),
        }
    }

    /// `Corrupt` over the store's own error or a text.
    pub fn corrupt(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Corrupt, source)
    }

    /// `Internal` over the store's own error or a text.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Internal, source)
    }
}

/// Whether a call failed because its connection was refused, as its error or one of its sources says: then
/// nothing was sent.
pub fn was_refused(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
            )
        {
            return true;
        }
        next = error.source();
    }
    false
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.source)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        let code = match error.kind {
            StoreErrorKind::Throttled => ErrorCode::SlowDown,
            StoreErrorKind::Unavailable | StoreErrorKind::Timeout => ErrorCode::ServiceUnavailable,
            StoreErrorKind::Corrupt | StoreErrorKind::Internal => ErrorCode::InternalError,
        };
        let retry_after = error.retry_after;
        Self {
            retry_after,
            ..Self::new(code).caused_by(error)
        }
    }
}
