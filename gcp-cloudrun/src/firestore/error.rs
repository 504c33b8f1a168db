//! What Firestore's statuses mean to a caller of the port: the one table.
//!
//! <https://cloud.google.com/firestore/docs/understand-error-codes>

use bleepstore_core::ports::{StoreError, StoreErrorKind, was_refused};
pub(super) use bleepstore_core::remote::Access;
use tonic::{Code, Status};

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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    fn kinds(status: &Status) -> (StoreErrorKind, StoreErrorKind) {
        (
            store_error(status.clone(), Access::Read).kind,
            store_error(status.clone(), Access::Write).kind,
        )
    }

    #[test]
    fn every_code_has_its_kind() {
        use StoreErrorKind::{Internal, Throttled, Timeout, Unavailable};
        for number in 1..=16 {
            let code = Code::from_i32(number);
            let (_, meaning) = CODES.iter().find(|(listed, _)| *listed == code).unwrap();
            let expected = match meaning {
                Meaning::Contended | Meaning::Throttled => (Throttled, Throttled),
                Meaning::Unreached => panic!("no code says that nothing arrived"),
                Meaning::Unknown => (Unavailable, Timeout),
                Meaning::Defect => (Internal, Internal),
            };
            assert_eq!(kinds(&Status::new(code, "")), expected, "{code:?}");
            let resent = matches!(code, Code::Aborted | Code::ResourceExhausted);
            assert_eq!(meaning.may_resend(), resent, "{code:?}");
        }
    }

    #[test]
    fn what_may_have_been_applied_is_never_taken_for_what_was_not() {
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Cancelled,
            Code::Internal,
        ] {
            let lost = Status::new(code, "");
            assert_eq!(kinds(&lost).1, StoreErrorKind::Timeout, "{code:?}");
        }
    }

    #[test]
    fn a_refused_connection_carried_nothing() {
        let mut refused = Status::unavailable("no connection");
        refused.set_source(Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused)));
        let unavailable = StoreErrorKind::Unavailable;
        assert_eq!(kinds(&refused), (unavailable, unavailable));
        assert!(meaning(&refused).may_resend());
        let mut reset = Status::unavailable("connection lost");
        reset.set_source(Arc::new(io::Error::from(io::ErrorKind::ConnectionReset)));
        assert_eq!(kinds(&reset), (unavailable, StoreErrorKind::Timeout));
    }
}
