//! Random calls to a store of records.

use proptest::prelude::*;
use proptest::sample::Index;

pub(super) const KEYS: [&str; 4] = ["a", "a/b", "a/c", "é"];

/// What an edit expects. Picks one of the records, or none, where that is of one.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    Any,
    IfAbsent,
    IfPresent,
    IfMatch(Index),
    IfNoneMatch(Index),
    /// The row of this record; as one that is shared where it is not, and the other way round, if that is said.
    Row(Index, bool),
    NoRow,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Inline,
    Extents,
    Marker,
}

/// Which record the caller says it has retired.
#[derive(Clone, Debug)]
pub(super) enum Retired {
    None,
    Current,
    Any(Index),
}

/// A write: of what, if what, and over what.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) body: Body,
    pub(super) shared: bool,
    pub(super) expected: Expected,
    pub(super) retired: Retired,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    CreateBucket(usize),
    UpdateBucket(Index, bool),
    DeleteBucket(Index),
    Commit(Index, usize, Write),
    Remove(Index, usize, Write),
    Rename(Index, usize, usize, Write),
    MarkShared(Index, usize, Index),
    Begin(Index, usize),
    Part(Index, u64),
    BeginComplete(Index),
    Reopen(Index, bool),
    Publish(Index, Write),
    Abort(Index),
    Receipt(Index, bool),
    Retire(Index),
    Purge,
}

fn write() -> impl Strategy<Value = Write> {
    let expected = prop_oneof![
        5 => Just(Expected::Any),
        1 => Just(Expected::IfAbsent),
        1 => Just(Expected::IfPresent),
        1 => any::<Index>().prop_map(Expected::IfMatch),
        1 => any::<Index>().prop_map(Expected::IfNoneMatch),
        3 => (any::<Index>(), prop::bool::weighted(0.2)).prop_map(|(of, flipped)| Expected::Row(of, flipped)),
        1 => Just(Expected::NoRow),
    ];
    let body = prop::sample::select(vec![Body::Inline, Body::Extents, Body::Marker]);
    let retired = prop_oneof![
        1 => Just(Retired::None),
        2 => Just(Retired::Current),
        1 => any::<Index>().prop_map(Retired::Any),
    ];
    (body, any::<bool>(), expected, retired).prop_map(|(body, shared, expected, retired)| Write {
        body,
        shared,
        expected,
        retired,
    })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let key = || 0..KEYS.len();
    prop_oneof![
        3 => (0..2_usize).prop_map(Step::CreateBucket),
        1 => (index(), any::<bool>()).prop_map(|(bucket, fresh)| Step::UpdateBucket(bucket, fresh)),
        2 => index().prop_map(Step::DeleteBucket),
        8 => (index(), key(), write()).prop_map(|(bucket, key, write)| Step::Commit(bucket, key, write)),
        6 => (index(), key(), write()).prop_map(|(bucket, key, write)| Step::Remove(bucket, key, write)),
        3 => (index(), key(), key(), write())
            .prop_map(|(bucket, from, to, write)| Step::Rename(bucket, from, to, write)),
        2 => (index(), key(), index()).prop_map(|(bucket, key, of)| Step::MarkShared(bucket, key, of)),
        3 => (index(), key()).prop_map(|(bucket, key)| Step::Begin(bucket, key)),
        4 => (index(), 1..4_u64).prop_map(|(upload, part)| Step::Part(upload, part)),
        2 => index().prop_map(Step::BeginComplete),
        1 => (index(), any::<bool>()).prop_map(|(upload, stale)| Step::Reopen(upload, stale)),
        3 => (index(), write()).prop_map(|(upload, write)| Step::Publish(upload, write)),
        1 => index().prop_map(Step::Abort),
        1 => (index(), any::<bool>()).prop_map(|(upload, expired)| Step::Receipt(upload, expired)),
        1 => index().prop_map(Step::Retire),
        1 => Just(Step::Purge),
    ]
}
