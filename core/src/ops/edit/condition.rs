//! What must be under a key for a request to change it.

use super::{Head, Seen};
use crate::model::{ErrorCode, ObjectKey, ObjectKind, ObjectRecord, S3Error, WriteCondition};
use crate::ops::Caller;
use crate::ops::access::no_such_key;

/// What must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Expected<'p> {
    /// Something of which the client's condition holds. Where it does not, the client is told.
    Condition(&'p WriteCondition),
    /// Exactly what was seen. Where that has changed, the plan decides anew.
    Seen,
}

impl Expected<'_> {
    /// Whether what it says was said by the client.
    pub(super) const fn is_the_clients(self) -> bool {
        matches!(self, Self::Condition(_))
    }
}

/// What must be under a key for `caller` to change it: what the request's own condition says, for the bucket's owner
/// and for whom a policy lets do it. Others may change only what they own, so they change exactly what was seen, and
/// the condition is decided on that; an error is what `refused` says where it does not hold. `None` where that has to
/// be looked at first.
pub(in crate::ops) fn expected<'p>(
    caller: &Caller,
    condition: &'p WriteCondition,
    seen: &Seen,
    refused: impl FnOnce(Option<&ObjectRecord>) -> S3Error,
) -> Result<Option<Expected<'p>>, S3Error> {
    if seen.by_policy || caller.owns(&seen.bucket) {
        return Ok(Some(Expected::Condition(condition)));
    }
    let Head::Read(row) = &seen.head else {
        return Ok(None);
    };
    let found = object(row.as_ref());
    caller.may_replace(&seen.bucket, found)?;
    if condition.holds(found.map(|object| &object.etag)) {
        Ok(Some(Expected::Seen))
    } else {
        Err(refused(found))
    }
}

/// The object in a row; a delete marker is none.
pub(in crate::ops) fn object(row: Option<&ObjectRecord>) -> Option<&ObjectRecord> {
    row.filter(|row| row.kind == ObjectKind::Object)
}

/// What S3 answers when a condition of a write does not hold of what is under `key`: `NoSuchKey` where the client named an
/// ETag and there is no object at all, else `PreconditionFailed`.
pub(in crate::ops) fn precondition_failed(
    condition: &WriteCondition,
    row: Option<&ObjectRecord>,
    key: &ObjectKey,
) -> S3Error {
    match (condition, object(row)) {
        (WriteCondition::IfMatch(_) | WriteCondition::IfPresent, None) => no_such_key(key),
        _ => failed_write_condition(condition),
    }
}

/// `PreconditionFailed` that names the header.
pub(in crate::ops) fn failed_write_condition(condition: &WriteCondition) -> S3Error {
    let header = match condition {
        WriteCondition::IfAbsent | WriteCondition::IfNoneMatch(_) => "If-None-Match",
        _ => "If-Match",
    };
    S3Error::new(ErrorCode::PreconditionFailed).with("Condition", header)
}
