//! What SQLite's errors mean to a caller of the port.

use bleepstore_core::ports::{StoreError, StoreErrorKind};
use rusqlite::{ErrorCode, ffi};

/// Why a query or a change did not work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// SQLite said so.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What is stored is not what this version writes.
    #[error("a stored row cannot be understood: {0}")]
    Unreadable(Box<dyn std::error::Error + Send + Sync>),
    /// What is stored is not what this version writes, or is what a later one does.
    #[error("{0}")]
    Stored(StoreError),
    /// The caller gave something that no row can hold.
    #[error("a record does not fit: {0}")]
    DoesNotFit(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    pub(super) fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unreadable(error.into())
    }

    pub(super) fn does_not_fit(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::DoesNotFit(error.into())
    }

    /// Whether an fsync failed. The kernel then may have dropped the pages and reports it only once.
    pub(super) fn is_lost_fsync(&self) -> bool {
        let Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) = self else {
            return false;
        };
        matches!(
            error.extended_code,
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC
        )
    }

    /// Whether another process, or a reader beside the writer, has what is needed.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Unreadable(_) => StoreErrorKind::Corrupt,
            Self::Stored(error) => error.kind,
            Self::DoesNotFit(_) => StoreErrorKind::Internal,
            Self::Sqlite(error) => sqlite_kind(error),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind(), failure)
    }
}

/// Whether SQLite ran out of space. What it was doing is undone: the frame that makes a transaction
/// count is the last one written, and it did not fit.
pub(super) fn is_disk_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

fn sqlite_kind(error: &rusqlite::Error) -> StoreErrorKind {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => code_kind(error.code),
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Internal,
    }
}

fn code_kind(code: ErrorCode) -> StoreErrorKind {
    match code {
        // Another process holds the database for longer than the busy timeout.
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreErrorKind::Throttled,
        // The machine's trouble, which may pass.
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::OutOfMemory
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::OperationInterrupted => StoreErrorKind::Unavailable,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_code_has_its_kind() {
        use StoreErrorKind::{Corrupt, Internal, Throttled, Unavailable};
        let table = [
            (ffi::SQLITE_BUSY, Throttled),
            (ffi::SQLITE_BUSY_SNAPSHOT, Throttled),
            (ffi::SQLITE_LOCKED, Throttled),
            (ffi::SQLITE_FULL, Unavailable),
            (ffi::SQLITE_IOERR, Unavailable),
            (ffi::SQLITE_IOERR_READ, Unavailable),
            (ffi::SQLITE_IOERR_WRITE, Unavailable),
            (ffi::SQLITE_NOMEM, Unavailable),
            (ffi::SQLITE_CANTOPEN, Unavailable),
            (ffi::SQLITE_READONLY, Unavailable),
            (ffi::SQLITE_PROTOCOL, Unavailable),
            (ffi::SQLITE_INTERRUPT, Unavailable),
            (ffi::SQLITE_CORRUPT, Corrupt),
            (ffi::SQLITE_NOTADB, Corrupt),
            (ffi::SQLITE_ERROR, Internal),
            (ffi::SQLITE_CONSTRAINT, Internal),
            (ffi::SQLITE_MISUSE, Internal),
            (ffi::SQLITE_TOOBIG, Internal),
            (ffi::SQLITE_PERM, Internal),
            (ffi::SQLITE_SCHEMA, Internal),
        ];
        for (code, kind) in table {
            let failure = Failure::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
            assert_eq!(StoreError::from(failure).kind, kind, "result code {code}");
        }
    }

    #[test]
    fn a_column_of_the_wrong_type_is_corruption_and_a_wrong_query_is_a_defect() {
        let wrong_type = rusqlite::Error::InvalidColumnType(0, "key".into(), rusqlite::types::Type::Null);
        assert_eq!(Failure::from(wrong_type).kind(), StoreErrorKind::Corrupt);
        let wrong_query = rusqlite::Error::InvalidParameterCount(1, 2);
        assert_eq!(Failure::from(wrong_query).kind(), StoreErrorKind::Internal);
        assert_eq!(Failure::unreadable("x").kind(), StoreErrorKind::Corrupt);
        assert_eq!(Failure::does_not_fit("x").kind(), StoreErrorKind::Internal);
    }

    #[test]
    fn only_a_failed_fsync_leaves_the_outcome_open() {
        let failure = |code| Failure::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        assert!(failure(ffi::SQLITE_IOERR_FSYNC).is_lost_fsync());
        assert!(failure(ffi::SQLITE_IOERR_DIR_FSYNC).is_lost_fsync());
        assert!(!failure(ffi::SQLITE_IOERR_WRITE).is_lost_fsync());
        assert!(!failure(ffi::SQLITE_FULL).is_lost_fsync());
    }
}
