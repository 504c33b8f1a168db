//! Whether a write may replace or remove a row, decided on the row itself.

use crate::model::{CommitId, CurrentObject, ObjectKind, ObjectRecord, WriteCondition};
use crate::ports::{CommitOutcome, RemoveOutcome};

/// Why a row may not be replaced or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The condition does not hold of this object, or of none.
    Condition(Option<CurrentObject>),
    /// It is shared and was not retired.
    Shared(Box<ObjectRecord>),
}

/// Checks the condition, then that a shared record is retired. `row` is the one under the key in the right
/// creation of the bucket.
pub fn check_replacement(
    row: Option<&ObjectRecord>,
    condition: &WriteCondition,
    retired: Option<CommitId>,
) -> Result<(), Refusal> {
    let current = row.filter(|record| record.kind == ObjectKind::Object);
    if !condition.holds(current.map(|record| (&record.etag, record.commit_id))) {
        return Err(Refusal::Condition(current.map(ObjectRecord::current)));
    }
    match row {
        Some(record) if record.shared && retired != Some(record.commit_id) => {
            Err(Refusal::Shared(Box::new(record.clone())))
        }
        _ => Ok(()),
    }
}

/// Whether a row is still the one that was read: written by the same commit, and shared as it was. `row` is the one under the
/// key in the right creation of the bucket.
pub fn is_unchanged(row: Option<&ObjectRecord>, read: &ObjectRecord) -> bool {
    row.is_some_and(|row| row.commit_id == read.commit_id && row.shared == read.shared)
}

impl From<Refusal> for CommitOutcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Condition(current) => Self::ConditionFailed { current },
            Refusal::Shared(current) => Self::Shared { current },
        }
    }
}

impl From<Refusal> for RemoveOutcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Condition(current) => Self::ConditionFailed { current },
            Refusal::Shared(current) => Self::Shared { current },
        }
    }
}
