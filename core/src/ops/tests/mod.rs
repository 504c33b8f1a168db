//! What unit tests of operations share.

pub(super) mod stand_ins;
