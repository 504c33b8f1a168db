//! What Firestore's statuses mean to a caller of the port: the one table.
//!
//! <https://cloud.google.com/firestore/docs/understand-error-codes>

use bleepstore_core::ports::{StoreError, StoreErrorKind, was_refused};
use tonic::{Code, Status};

/// Whether a failed call could have changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It lost against another transaction, was not applied, and may be tried again.
    Contended,
    /// It was not applied and would be, later.
    Throttled,
    /// It did not reach the store.
    Unreached,
    /// Nobody knows whether it was applied.
    Unknown,
    /// It was not applied and never would be.
    Defect,
}

/// All codes but `OK` by what they mean.
const CODES: [(Code, Meaning); 16] = [
    (Code::Aborted, Meaning::Contended),
    (Code::ResourceExhausted, Meaning::Throttled),
    (Code::Cancelled, Meaning::Unknown),
    (Code::Unknown, Meaning::Unknown),
    (Code::DeadlineExceeded, Meaning::Unknown),
    (Code::Internal, Meaning::Unknown),
    (Code::Unavailable, Meaning::Unknown),
    (Code::DataLoss, Meaning::Unknown),
    (Code::InvalidArgument, Meaning::Defect),
    (Code::NotFound, Meaning::Defect),
    (Code::AlreadyExists, Meaning::Defect),
    (Code::PermissionDenied, Meaning::Defect),
    (Code::FailedPrecondition, Meaning::Defect),
    (Code::OutOfRange, Meaning::Defect),
    (Code::Unimplemented, Meaning::Defect),
    (Code::Unauthenticated, Meaning::Defect),
];

pub(super) fn meaning(status: &Status) -> Meaning {
    if was_refused(status) {
        return Meaning::Unreached;
    }
    let known = CODES.iter().find(|(code, _)| *code == status.code());
    known.map_or(Meaning::Unknown, |(_, meaning)| *meaning)
}

impl Meaning {
    /// Whether the call was certainly not applied and may be sent again.
    pub(super) const fn may_resend(self) -> bool {
        matches!(self, Self::Contended | Self::Throttled | Self::Unreached)
    }

    const fn kind(self, access: Access) -> StoreErrorKind {
        match (self, access) {
            (Self::Contended | Self::Throttled, _) => StoreErrorKind::Throttled,
            (Self::Unreached, _) | (Self::Unknown, Access::Read) => StoreErrorKind::Unavailable,
            (Self::Unknown, Access::Write) => StoreErrorKind::Timeout,
            (Self::Defect, _) => StoreErrorKind::Internal,
        }
    }
}

/// The error of a call that failed.
pub(super) fn store_error(status: Status, access: Access) -> StoreError {
    StoreError::new(meaning(&status).kind(access), status)
}
