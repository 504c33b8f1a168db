//! Conditions of writes. They travel into the store's commit and are decided there.

use super::ETag;

/// What must hold of the record under the key, at the moment of the commit, for a write to apply.
///
/// A delete marker counts as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    /// Nothing.
    Any,
    /// There is no object: `If-None-Match: *`.
    IfAbsent,
    /// There is an object: `If-Match: *`.
    IfPresent,
    /// There is an object with this ETag: `If-Match: "…"`.
    IfMatch(ETag),
    /// There is no object, or one with another ETag: `If-None-Match: "…"`.
    IfNoneMatch(ETag),
}

impl WriteCondition {
    /// Whether the condition holds of an object with this ETag, or of none.
    ///
    /// The definition that every store agrees with; a store that cannot run Rust inside its commit
    /// expresses the same in its own language.
    pub fn holds(&self, current: Option<&ETag>) -> bool {
        match (self, current) {
            (Self::Any, _) | (Self::IfAbsent | Self::IfNoneMatch(_), None) | (Self::IfPresent, Some(_)) => {
                true
            }
            (Self::IfAbsent, Some(_)) | (Self::IfPresent | Self::IfMatch(_), None) => false,
            (Self::IfMatch(wanted), Some(etag)) => wanted == etag,
            (Self::IfNoneMatch(unwanted), Some(etag)) => unwanted != etag,
        }
    }
}
