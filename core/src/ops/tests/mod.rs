//! What unit tests of operations share.

pub(super) mod scene;
pub(super) mod stand_ins;
