//! Scrubbing: every file of a blob and every body in a record is read and checked, and plain files, as release 0.1
//! wrote them, make way for checked ones.
//!
//! A checked file says by itself whether it is whole. What a plain one should hold, only the records say: they are read
//! once for so many plain files, and a file that is not what they say stays as it is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bleepstore_core::Ports;
use bleepstore_core::model::{BlobRef, Extent};
use bleepstore_core::ops::{Progress, Surveyor, Tally, survey};
use bleepstore_core::ports::{StoreError, StoreResult};

use crate::checked_blobs::CheckedBlobs;
use crate::fs_blobs::{Pace, Stated, Verified};

/// A server that has just started has other things to do.
const AFTER_START: Duration = Duration::from_secs(10 * 60);

/// How long nothing is scrubbed between two rounds.
const BETWEEN: Duration = Duration::from_secs(24 * 60 * 60);

/// How many blobs one read of the folders asks for.
const PAGE: usize = 1_000;

/// For how many plain files the records are read once: what bounds the memory.
const PLAIN_AT_ONCE: usize = 100_000;

/// What a round does about plain files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Checked ones take their place, which raises the store's format.
    Rewrite,
    /// The same, but only where the store's format has risen already: an upgrade alone changes nothing.
    RewriteIfRisen,
}

/// What one round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Blobs that are whole.
    pub checked: Tally,
    /// Those of them that had a plain file before.
    pub rewritten: Tally,
    /// Plain files that stay for now: nothing names them, or the store's format has not risen.
    pub plain: usize,
    /// Bodies in records that were checked.
    pub bodies: u64,
    /// What is damaged.
    pub damaged: u64,
}

/// Something that is not as it should be, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A blob's file is damaged, or cannot be read.
    Blob(BlobRef, String),
    /// The body in a record is.
    Body(String),
    /// A layout is, so that it is not known what it names.
    Layout(String),
    /// A file has a blob's name and lies where nobody looks for it.
    Stray(PathBuf),
}

impl Damage {
    /// What kind of damage it is, in a word for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Blob(..) => "blob",
            Self::Body(_) => "body",
            Self::Layout(_) => "layout",
            Self::Stray(_) => "stray",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob(blob, problem) => write!(f, "blob {blob}: {problem}"),
            Self::Body(problem) | Self::Layout(problem) => f.write_str(problem),
            Self::Stray(path) => {
                let path = path.display();
                write!(
                    f,
                    "{path} has the name of a blob, and does not lie where blobs of that name do"
                )
            }
        }
    }
}

/// One round over everything that is stored. `found` is told of each damage, with which the round goes on; an error
/// means that it could not.
///
/// Beside it requests are answered, and garbage is collected. A blob that is deleted while it is rewritten stays
/// deleted.
pub async fn scrub(
    ports: &Ports,
    blobs: &CheckedBlobs,
    plain: Plain,
    pace: &Pace,
    progress: &Progress,
    found: &mut (dyn FnMut(Damage) + Send + Sync),
) -> StoreResult<ScrubReport> {
    let mut round = Round {
        ports,
        blobs,
        pace,
        progress,
        rewrites: plain == Plain::Rewrite || blobs.has_risen().await?,
        surveyed: false,
        report: ScrubReport::default(),
        found,
    };
    let mut waiting = BTreeMap::new();
    let mut after = None;
    loop {
        let (page, strays) = blobs.files().scan_files(after, PAGE).await?;
        for path in strays {
            round.damage(Damage::Stray(path));
        }
        for entry in page.blobs {
            if let Verified::Plain = round.verify(&entry.blob).await? {
                waiting.insert(entry.blob, None);
            }
        }
        if waiting.len() >= PLAIN_AT_ONCE {
            round.rewrite(std::mem::take(&mut waiting)).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    // Also where no file waits: it checks the bodies in the records.
    if !waiting.is_empty() || !round.surveyed {
        round.rewrite(waiting).await?;
    }
    Ok(round.report)
}

/// Plain files that wait for what the records say of them.
type Waiting = BTreeMap<BlobRef, Option<Stated>>;

struct Round<'a> {
    ports: &'a Ports,
    blobs: &'a CheckedBlobs,
    pace: &'a Pace,
    progress: &'a Progress,
    rewrites: bool,
    /// Whether the bodies in the records were checked.
    surveyed: bool,
    report: ScrubReport,
    found: &'a mut (dyn FnMut(Damage) + Send + Sync),
}

impl Round<'_> {
    fn damage(&mut self, damage: Damage) {
        self.report.damaged += 1;
        (self.found)(damage);
    }

    /// Checks a blob's checked file, if it has one.
    async fn verify(&mut self, blob: &BlobRef) -> StoreResult<Verified> {
        match self.blobs.files().verify(blob, self.pace).await {
            Ok(Verified::Whole(bytes)) => {
                self.whole(bytes);
                Ok(Verified::Whole(bytes))
            }
            Ok(verified) => Ok(verified),
            Err(error) if error.is_damage() => {
                self.damage(Damage::Blob(*blob, error.reason()));
                Ok(Verified::Gone)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts checked files in the place of those that are what the records say.
    async fn rewrite(&mut self, waiting: Waiting) -> StoreResult<()> {
        let mut asked = Asked { round: self, waiting };
        survey(asked.round.ports, &mut asked).await?;
        let waiting = asked.waiting;
        self.surveyed = true;
        if self.rewrites && !waiting.is_empty() {
            self.blobs.raise().await?;
        }
        for (blob, stated) in waiting {
            let Some(stated) = stated else {
                self.report.plain += 1;
                continue;
            };
            match self.judge(&blob, stated).await {
                Ok(Some((bytes, replaced))) => {
                    self.whole(bytes);
                    match replaced {
                        true => self.report.rewritten += tally(bytes),
                        false => self.report.plain += 1,
                    }
                }
                Ok(None) => {}
                Err(error) if error.is_damage() => self.damage(Damage::Blob(blob, error.reason())),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Compares a plain file with what is stated, and replaces it where that is to be done.
    ///
    /// Its bytes, and whether it was replaced.
    async fn judge(&self, blob: &BlobRef, stated: Stated) -> StoreResult<Option<(u64, bool)>> {
        let files = self.blobs.files();
        if self.rewrites {
            match files.rewrite(blob, stated, self.pace).await {
                // Such as a disk that is full: the file stays as it is, and is checked.
                Err(error) if !error.is_damage() => {
                    tracing::warn!(%blob, %error, "a plain file was not rewritten");
                }
                judged => return Ok(judged?.map(|bytes| (bytes, true))),
            }
        }
        let compared = files.compare(blob, stated, self.pace).await?;
        Ok(compared.map(|bytes| (bytes, false)))
    }

    /// Notes a blob that is whole.
    fn whole(&mut self, bytes: u64) {
        self.report.checked += tally(bytes);
        self.progress.pass_blobs(1);
        self.progress.pass_bytes(bytes);
    }
}

fn tally(bytes: u64) -> Tally {
    Tally { blobs: 1, bytes }
}

/// Notes what the records say of the files that wait.
struct Asked<'a, 'b> {
    round: &'a mut Round<'b>,
    waiting: Waiting,
}

#[async_trait]
impl Surveyor for Asked<'_, '_> {
    async fn named(&mut self, extents: &[Extent]) {
        for extent in extents {
            if let Some(stated) = self.waiting.get_mut(&extent.blob) {
                *stated = Some(Stated {
                    length: extent.blob_length,
                    crc64nvme: extent.blob_crc64nvme,
                });
            }
        }
    }

    fn wants_bodies(&self) -> bool {
        !self.round.surveyed
    }

    async fn inline(&mut self, bytes: u64, state: StoreResult<()>) {
        self.round.report.bodies += 1;
        self.round.pace.pass(bytes).await;
        if let Err(error) = state {
            self.round.damage(Damage::Body(error.reason()));
        }
    }

    async fn unreadable(&mut self, problem: &StoreError) {
        if !self.round.surveyed {
            self.round.damage(Damage::Layout(problem.reason()));
        }
    }
}

/// Scrubs for ever, round after round. `found` is told of each damage, and `ended` how each round ended.
pub async fn scrub_in_background(
    ports: Ports,
    blobs: Arc<CheckedBlobs>,
    pace: Pace,
    found: impl Fn(&Damage) + Send + Sync,
    ended: impl Fn(&StoreResult<ScrubReport>),
) {
    let progress = Progress::default();
    ports.clock.sleep(AFTER_START).await;
    loop {
        let mut tell = |damage: Damage| {
            tracing::error!(kind = damage.name(), %damage, "what is stored is damaged");
            found(&damage);
        };
        let round = scrub(&ports, &blobs, Plain::RewriteIfRisen, &pace, &progress, &mut tell).await;
        ended(&round);
        match round {
            Ok(round) => tracing::info!(
                checked = round.checked.blobs,
                checked_bytes = round.checked.bytes,
                rewritten = round.rewritten.blobs,
                plain = round.plain,
                bodies = round.bodies,
                damaged = round.damaged,
                "everything that is stored was checked"
            ),
            Err(error) => tracing::warn!(%error, "not everything that is stored was checked"),
        }
        ports.clock.sleep(BETWEEN).await;
    }
}
