//! Garbage collection: mark and sweep over the whole store.
//!
//! A round reads all records once and marks the blobs that they name. It then goes through all blobs in slices, which can
//! be resumed, and deletes those that are older than the grace before the *mark* began and that the mark did not meet.
//! The roots are read in one order: uploads with their parts, objects, versions that are not current, retired
//! manifests. Names of bytes only ever move along that order: a part becomes an object, an object a version that is not
//! current, and a shared object that goes away, any that is renamed and any version that becomes current again leave a
//! retired manifest. So a blob that is named throughout the mark is met in at least one place. A layout that cannot be
//! read may name any blob: while there is one, it is reported and nothing is swept, and all else goes on.
//!
//! # Why a mark does not age
//!
//! A blob that is older than the grace before the mark began, and that a complete mark did not meet, is never named
//! again. So a slice may use the mark whenever it comes, as long as its process lives.
//!
//! Only two may put a name into a record: who wrote the blob, and who has read the name in another record.
//!
//! - The writer commits or gives up long before the grace is over, since no request lives half as long. It was done
//!   before the mark began.
//! - Whoever takes a name from a record (a copy, a copied part, a completion, a rename, an older version that is
//!   brought back, a change of what is said of an object) needs a record that names the blob. One that stood until the
//!   mark was over was met. One that went before leaves a retired manifest, written before it went: copies share their
//!   source first, what is shared goes only when it is retired, and a rename retires always. A part that is gone is in
//!   its object, or nowhere, but for what is said [below](#what-is-left).
//! - What was read of a record that has gone may still be committed by a request that is under way. From reading a name
//!   to committing it no bytes are moved: that takes seconds, and minutes where stores fail. So the manifest was retired
//!   no longer ago than that before the mark began, or since. It is a root for 24 hours, and the mark is over within
//!   half of that ([`GcError::TooSlow`]), so that it was met though others purge what has expired. This alone is why a
//!   mark must not take long; where nobody else uses the store it may.
//! - An import, and a migration, put names of old blobs into records. They make the store inactive and end with a new
//!   epoch. A program that raises the format may name blobs where this one does not look. So whether the stores belong
//!   together, the epoch and the format are read before each sweep, and compared with what they were before the mark.
//! - A retired manifest is no source of names. Whatever is to bring deleted objects back from there must not do so for
//!   one that is no root any more, or a mark that passed it over would have to go.
//! - A document of a bucket is named by the bucket's row alone, which changes at its revision: whoever has read an older
//!   row writes nothing.
//!
//! A name that the mark holds and that nothing holds any more only keeps garbage until the next round.
//!
//! A mark ends with the round, with its process, with any error, where the epoch or the format is another, where the clock
//! says that it is not made yet (it was ahead then, so that the ages of blobs mean nothing), and where the cursor in the
//! store is not where its process left it: another process has worked on the round, or has begun one, and this one begins
//! with a mark of its own.
//!
//! # What is left
//!
//! A part that another one of its number replaces is named by a Complete alone that has read it and not committed yet. The
//! upload is `Completing` then and takes no parts, unless a second Complete took it over and gave up, or a store without
//! transactions undoes a part that came too late. A mark that reads the parts of an upload older than the grace in that
//! moment, and its key before the commit, meets the part's blob nowhere.

mod collection;
mod mark;
mod marked;
mod sweep;

use std::ops::AddAssign;
use std::time::Duration;

pub use self::collection::{Collection, collect_round};
use super::edit::RETIRED_FOR;
use crate::model::{BlobRef, Timestamp};
use crate::ports::{Ports, StoreError, StoreRecord};

/// How a collection works.
#[derive(Clone, Debug)]
pub struct GcOptions {
    /// Only blobs that were written longer than this before the mark began are deleted. No request may live half as long.
    pub grace: Duration,
    /// Uploads that were begun longer ago than this are aborted; `None` keeps them for ever, as S3 does.
    pub upload_expiry: Option<Duration>,
    /// Whether nobody else uses the store meanwhile. Only then may the mark take longer than half the grace.
    pub exclusive: bool,
    /// Report what would be deleted, however much, and change nothing.
    pub dry_run: bool,
    /// Delete even if more than 20% of a slice's blobs are garbage.
    pub force: bool,
    /// How many blobs one slice looks at.
    pub slice: usize,
    /// How many bytes of memory the names that a mark has met may take. They are kept exactly while there are fewer than
    /// one for 96 bytes (some 700,000 by default). Of more a part of the garbage is taken for named, and goes in a later
    /// round: by default 1 in 200 blobs where 30 million are named, and 1 in 6 where 100 million are.
    pub mark_memory: usize,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self {
            grace: RETIRED_FOR,
            upload_expiry: Some(Duration::from_secs(7 * 24 * 60 * 60)),
            exclusive: false,
            dry_run: false,
            force: false,
            slice: 100_000,
            mark_memory: 64 << 20,
        }
    }
}

/// What one slice did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// Blobs that the slice looked at, and their bytes.
    pub seen: Tally,
    /// Blobs that were deleted, or would be in a dry run.
    pub deleted: Tally,
    /// Blobs that were to be deleted and could not be; the next round finds them again.
    pub failed: Tally,
    /// Uploads that were aborted because they were too old.
    pub expired_uploads: usize,
    /// Records whose layouts the mark could not read. While there are any, no blob is deleted: each may be one that they
    /// name.
    pub unreadable_layouts: usize,
    /// How long the mark took; zero in a slice that uses the mark of an earlier one, or needs none.
    pub marking: Duration,
    /// Where the next slice starts; `None` at the end of the round.
    pub next: Option<BlobRef>,
}

/// A number of blobs and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub blobs: usize,
    /// How many bytes they hold.
    pub bytes: u64,
}

impl Tally {
    /// One blob of that many bytes.
    pub(super) const fn of(bytes: u64) -> Self {
        Self { blobs: 1, bytes }
    }

    pub(super) fn add(&mut self, bytes: u64) {
        *self += Self::of(bytes);
    }
}

/// Adds the counts of a later slice, and takes over where that one stopped.
impl AddAssign<&Self> for GcReport {
    fn add_assign(&mut self, later: &Self) {
        self.seen += later.seen;
        self.deleted += later.deleted;
        self.failed += later.failed;
        self.expired_uploads += later.expired_uploads;
        // Slices of one mark report the same layouts.
        self.unreadable_layouts = self.unreadable_layouts.max(later.unreadable_layouts);
        self.marking += later.marking;
        self.next = later.next;
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
    }
}

/// Why a slice deleted nothing.
#[derive(Debug, thiserror::Error)]
pub enum GcError {
    /// The blob store belongs to another metadata store, or an import is under way.
    #[error(
        "the blob store does not carry this metadata store's owner record, or an import is not finished: nothing is deleted"
    )]
    NotOwned,
    /// Too much of a slice looks like garbage to be believed.
    #[error(
        "{garbage} of {seen} blobs look like garbage, more than 20%: none of them is deleted without --force"
    )]
    TooMuch {
        /// Blobs that no record names.
        garbage: usize,
        /// Blobs that the slice looked at.
        seen: usize,
    },
    /// The mark took longer than half the grace, so that it proves nothing.
    #[error("marking took longer than half the grace: nothing is deleted")]
    TooSlow,
    /// Another program has raised the store's format since the mark began.
    #[error("the store's format rose after marking began: nothing is deleted, and the next slice marks anew")]
    FormatRose,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store's record of itself, if the blob store carries the same and no import is under way.
pub(super) async fn check_ownership(ports: &Ports) -> Result<StoreRecord, GcError> {
    let record = ports.metadata.store_record().await?;
    let owner = ports.blobs.owner().await?;
    match (record, owner) {
        (Some(record), Some(owner)) if record.active && owner.names(&record) => Ok(record),
        _ => Err(GcError::NotOwned),
    }
}

/// From when on a retired manifest is no root any more. With a grace shorter than the usual one it is a root for as
/// long as that.
pub(super) fn retired_until(grace: Duration, began: Timestamp) -> Timestamp {
    began.plus(RETIRED_FOR.saturating_sub(grace))
}
