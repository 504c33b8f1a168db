//! What Cosmos DB's and the SDK's failures mean to a caller of the port: the one table.
//!
//! <https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb>

use std::time::Duration;

use azure_data_cosmos::CosmosError;
use bleepstore_core::ports::{StoreError, StoreErrorKind};
pub(super) use bleepstore_core::remote::Access;

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no such row.
    Absent,
    /// There is such a row already.
    Exists,
    /// The row is not the one that was seen.
    Changed,
    /// It was not applied and would be, later.
    Throttled,
    /// It did not reach the store, or the store refuses for now.
    Unreached,
    /// Nobody knows whether it was applied.
    Unknown,
    /// It was not applied: the partition holds as much as it may.
    Full,
    /// It was not applied and never would be.
    Defect,
}

/// A status, its substatus where only that one is meant, and what the two mean. The first line that fits
/// counts. Substatuses from 20000 on are the SDK's own: it had no answer.
const TABLE: &[(u16, Option<u32>, Meaning)] = &[
    // Too many requests.
    (429, None, Meaning::Throttled),
    // Another write of the row is under way.
    (449, None, Meaning::Throttled),
    // The container is not there, as opposed to the row.
    (404, Some(1003), Meaning::Defect),
    // A replica that is behind; strong reads do not meet one.
    (404, Some(1002), Meaning::Unreached),
    (404, Some(0), Meaning::Absent),
    (404, None, Meaning::Absent),
    (409, None, Meaning::Exists),
    (412, None, Meaning::Changed),
    // The connection was refused, or the name not found: nothing was sent.
    (503, Some(20010), Meaning::Unreached),
    (503, Some(20012), Meaning::Unreached),
    // No region takes the write, or the account has moved: the service refused, more than once.
    (503, Some(20310), Meaning::Unreached),
    (503, Some(20311), Meaning::Unreached),
    (503, Some(20312), Meaning::Unreached),
    // No token for the request was to be had.
    (401, Some(20401), Meaning::Unreached),
    (401, Some(20402), Meaning::Unreached),
    (403, Some(3), Meaning::Unreached),
    (403, Some(1008), Meaning::Unreached),
    // A logical partition holds 20 GB.
    (403, Some(1014), Meaning::Full),
    (400, None, Meaning::Defect),
    (401, None, Meaning::Defect),
    (403, None, Meaning::Defect),
    // An item holds 2 MB.
    (413, None, Meaning::Defect),
    (424, None, Meaning::Defect),
    // A write that met one of these may have been applied, or will be.
    (408, None, Meaning::Unknown),
    (410, None, Meaning::Unknown),
    (500, None, Meaning::Unknown),
    (502, None, Meaning::Unknown),
    (503, None, Meaning::Unknown),
    (504, None, Meaning::Unknown),
];

impl Meaning {
    /// Whether a call may be sent again: a read if that helps, a write only if it was certainly not applied.
    pub(super) const fn may_resend(self, access: Access) -> bool {
        match self {
            Self::Throttled | Self::Unreached => true,
            Self::Unknown => matches!(access, Access::Read),
            _ => false,
        }
    }
}

/// What a status and substatus mean.
pub(super) fn meaning_of(status: u16, substatus: Option<u32>) -> Meaning {
    let fits =
        |line: &&(u16, Option<u32>, Meaning)| line.0 == status && (line.1.is_none() || line.1 == substatus);
    match (TABLE.iter().find(fits), status) {
        (Some((_, _, meaning)), _) => *meaning,
        // A success that the SDK cannot read is an error to it.
        (None, ..400 | 500..) => Meaning::Unknown,
        (None, _) => Meaning::Defect,
    }
}

/// What a failure means.
pub(super) fn meaning(error: &CosmosError) -> Meaning {
    let status = error.status();
    let substatus = status.sub_status().map(|code| u32::from(code.value()));
    meaning_of(u16::from(status.status_code()), substatus)
}

/// How long the service asks to be left alone.
pub(super) fn retry_after(error: &CosmosError) -> Option<Duration> {
    let millis = error.response()?.headers().retry_after_ms?;
    Some(Duration::from_millis(millis))
}

/// The error of a call that failed.
pub(super) fn store_error(error: &CosmosError, access: Access) -> StoreError {
    let kind = match (meaning(error), access) {
        (Meaning::Throttled, _) => StoreErrorKind::Throttled,
        (Meaning::Unreached, _) | (Meaning::Unknown, Access::Read) => StoreErrorKind::Unavailable,
        (Meaning::Unknown, Access::Write) => StoreErrorKind::Timeout,
        (Meaning::Full, _) => StoreErrorKind::Full,
        (Meaning::Defect | Meaning::Absent | Meaning::Exists | Meaning::Changed, _) => {
            StoreErrorKind::Internal
        }
    };
    let mut told = StoreError::new(kind, error.clone());
    told.retry_after = retry_after(error);
    told
}

#[cfg(test)]
mod tests {
    use azure_core::http::StatusCode;
    use azure_data_cosmos::CosmosStatus;

    use super::*;

    fn error(status: u16, substatus: Option<u32>) -> CosmosError {
        let status = CosmosStatus::new(StatusCode::from(status));
        let status = match substatus {
            Some(code) => status.with_sub_status(u16::try_from(code).unwrap()),
            None => status,
        };
        CosmosError::builder()
            .with_status(status)
            .with_message("no")
            .build()
    }

    fn kinds(status: u16, substatus: Option<u32>) -> (StoreErrorKind, StoreErrorKind) {
        let error = error(status, substatus);
        (
            store_error(&error, Access::Read).kind,
            store_error(&error, Access::Write).kind,
        )
    }

    #[test]
    fn every_line_of_the_table_has_its_kind() {
        use StoreErrorKind::{Full, Internal, Throttled, Timeout, Unavailable};
        for &(status, substatus, meaning) in TABLE {
            let (expected, resent) = match meaning {
                Meaning::Throttled => ((Throttled, Throttled), [true, true]),
                Meaning::Unreached => ((Unavailable, Unavailable), [true, true]),
                Meaning::Unknown => ((Unavailable, Timeout), [true, false]),
                Meaning::Full => ((Full, Full), [false, false]),
                _ => ((Internal, Internal), [false, false]),
            };
            assert_eq!(kinds(status, substatus), expected, "{status}/{substatus:?}");
            let sent = [Access::Read, Access::Write].map(|access| meaning.may_resend(access));
            assert_eq!(sent, resent, "{status}/{substatus:?}");
        }
    }

    #[test]
    fn the_table_says_what_the_service_documents() {
        use StoreErrorKind::{Full, Internal, Throttled, Timeout, Unavailable};
        for (status, substatus, expected) in [
            (429, Some(3200), (Throttled, Throttled)),
            (449, None, (Throttled, Throttled)),
            (408, None, (Unavailable, Timeout)),
            (408, Some(20008), (Unavailable, Timeout)),
            (503, None, (Unavailable, Timeout)),
            (503, Some(20011), (Unavailable, Timeout)),
            (503, Some(20010), (Unavailable, Unavailable)),
            (413, None, (Internal, Internal)),
            (403, Some(1014), (Full, Full)),
            (403, Some(5300), (Internal, Internal)),
        ] {
            assert_eq!(kinds(status, substatus), expected, "{status}/{substatus:?}");
        }
        assert_eq!(meaning_of(404, None), Meaning::Absent);
        assert_eq!(meaning_of(404, Some(1003)), Meaning::Defect);
        assert_eq!(meaning_of(409, Some(0)), Meaning::Exists);
        assert_eq!(meaning_of(412, None), Meaning::Changed);
    }

    #[test]
    fn a_status_that_is_not_in_the_table_means_what_its_class_says() {
        for (status, expected) in [
            (200, Meaning::Unknown),
            (304, Meaning::Unknown),
            (405, Meaning::Defect),
            (451, Meaning::Defect),
            (507, Meaning::Unknown),
        ] {
            assert_eq!(meaning_of(status, None), expected, "{status}");
        }
    }
}
