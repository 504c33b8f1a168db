//! What a store answers when it cannot do its work. Expected outcomes are values of their own.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::model::{ErrorCode, S3Error};

/// What a client is told whose bucket is full.
const FULL: &str =
    "The metadata store has no room for more objects in this bucket. Delete objects, or use another bucket.";

/// What a client is told whose bucket or object a later program stored. Clients do not try again after a 501.
const TOO_NEW: &str =
    "What is stored here is in a format of a later version of BleepStore than this server is.";

/// What went wrong, as far as the caller has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The store asks for a lower rate. The change was not applied.
    Throttled,
    /// The store cannot be reached or refuses for now. The change was not applied.
    Unavailable,
    /// No answer came. The change may have been applied, or may be applied later.
    Timeout,
    /// The store holds as much of this bucket as it may. The change was not applied.
    Full,
    /// What is stored cannot be understood.
    Corrupt,
    /// A later version of this program stored it, in a form that this one does not know. The change was not applied.
    TooNew,
    /// Anything else: a defect, or a store that is set up wrongly. The change was not applied.
    Internal,
}

/// A failure of a store. It becomes `503 SlowDown`, `503 ServiceUnavailable`, `409 InvalidBucketState`,
/// `501 NotImplemented` or `500 InternalError`.
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

    /// What went wrong after a write that was applied: the caller must not take it for one that was not.
    #[must_use]
    pub fn after_write(self) -> Self {
        Self::new(StoreErrorKind::Timeout, self)
    }

    /// What the store says, without its kind.
    pub fn reason(&self) -> String {
        self.source.to_string()
    }

    /// Whether what is stored is at fault, or the one place where it lies: trying again does not help, and what lies
    /// elsewhere may be well.
    pub fn is_damage(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Corrupt | StoreErrorKind::Internal)
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
        match self.kind {
            // A line by itself, for whoever has to use another program.
            StoreErrorKind::TooNew => self.source.fmt(f),
            kind => write!(f, "{kind:?}: {}", self.source),
        }
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
            StoreErrorKind::Full => ErrorCode::InvalidBucketState,
            StoreErrorKind::TooNew => ErrorCode::NotImplemented,
            StoreErrorKind::Corrupt | StoreErrorKind::Internal => ErrorCode::InternalError,
        };
        let retry_after = error.retry_after;
        let error_of_code = match error.kind {
            StoreErrorKind::Full => Self::message(code, FULL),
            StoreErrorKind::TooNew => Self::message(code, TOO_NEW),
            _ => Self::new(code),
        };
        Self {
            retry_after,
            ..error_of_code.caused_by(error)
        }
    }
}
