//! A round, slice by slice, and the mark that lives as long as it.

use super::mark::Mark;
use super::sweep::{Blobs, expire, old_blobs, sweep};
use super::{GcError, GcOptions, GcReport, check_ownership};
use crate::model::{BlobRef, Timestamp};
use crate::ports::{Ports, StoreRecord};

/// The share of a slice's blobs that may go without `force`, in percent.
const MOST_PERCENT: usize = 20;

/// What a process keeps of a round between its slices: the mark.
///
/// A slice that is dropped before its end loses nothing else than itself: the next one begins where it did, with the mark
/// if that was complete.
pub struct Collection {
    options: GcOptions,
    mark: Option<Mark>,
    /// Where the round goes on that the mark is of.
    at: Option<BlobRef>,
}

impl Collection {
    /// One that has not begun.
    pub const fn new(options: GcOptions) -> Self {
        Self {
            options,
            mark: None,
            at: None,
        }
    }

    /// Collects the next slice of the round that the store's record says is under way, or the first of a new one, and
    /// remembers there where this one stops. At the start of a round expired receipts, retired manifests and uploads go
    /// first.
    pub async fn next_slice(&mut self, ports: &Ports) -> Result<GcReport, GcError> {
        let record = self.owned(ports).await?;
        let report = self.slice(ports, &record, record.gc_cursor).await?;
        if !self.options.dry_run {
            let advanced = StoreRecord {
                gc_cursor: report.next,
                ..record
            };
            if !ports.metadata.swap_store_record(Some(&record), &advanced).await? {
                tracing::info!("another collection moved the cursor; it stays where that one put it");
            }
        }
        Ok(report)
    }

    /// The store's record. Where nothing may be deleted, the mark goes.
    async fn owned(&mut self, ports: &Ports) -> Result<StoreRecord, GcError> {
        let checked = check_ownership(ports).await;
        if checked.is_err() {
            self.mark = None;
        }
        checked
    }

    /// Collects the slice after `cursor`.
    async fn slice(
        &mut self,
        ports: &Ports,
        record: &StoreRecord,
        cursor: Option<BlobRef>,
    ) -> Result<GcReport, GcError> {
        if self.at != cursor || self.mark.as_ref().is_some_and(|mark| !mark.is_of(record)) {
            self.mark = None;
        }
        self.at = cursor;
        let collected = self.collect(ports, record, cursor).await;
        match &collected {
            Ok(report) if report.next.is_some() => self.at = report.next,
            Ok(_) | Err(_) => self.mark = None,
        }
        collected
    }

    async fn collect(
        &mut self,
        ports: &Ports,
        record: &StoreRecord,
        cursor: Option<BlobRef>,
    ) -> Result<GcReport, GcError> {
        let now = ports.clock.now();
        // It was made while the clock was ahead, and what has been written since looks older than it.
        if self.mark.as_ref().is_some_and(|mark| now < mark.began()) {
            self.mark = None;
        }
        let options = &self.options;
        let mut report = GcReport::default();
        if cursor.is_none() && !options.dry_run {
            report.expired_uploads = expire(ports, options).await?;
        }
        // A slice that has no mark makes one only for blobs that are old enough.
        let began = self.mark.as_ref().map_or(now, Mark::began);
        let newest = began.minus(options.grace);
        let mut garbage = old_blobs(ports, options.slice, cursor, newest, &mut report).await?;
        if garbage.is_empty() {
            return Ok(report);
        }
        let mark = match &mut self.mark {
            Some(mark) => mark,
            none => none.insert(make_mark(ports, options, record, began, &mut report).await?),
        };
        report.unreadable_layouts = mark.unreadable_layouts();
        garbage.retain(|blob, _| !mark.may_be_named(blob));
        if garbage.is_empty() {
            return Ok(report);
        }
        mark.check_whether_it_holds(ports).await?;
        if options.dry_run {
            garbage.values().for_each(|size| report.deleted.add(*size));
            return Ok(report);
        }
        check_amount(options, &garbage, &report)?;
        sweep(ports, &garbage, &mut report).await;
        Ok(report)
    }
}

/// Collects all blobs in one round of its own, which is not resumed, and leaves the store's cursor alone.
pub async fn collect_round(ports: &Ports, options: &GcOptions) -> Result<GcReport, GcError> {
    let mut collection = Collection::new(options.clone());
    let mut round = GcReport::default();
    loop {
        let record = collection.owned(ports).await?;
        round += &collection.slice(ports, &record, round.next).await?;
        if round.next.is_none() {
            return Ok(round);
        }
    }
}

async fn make_mark(
    ports: &Ports,
    options: &GcOptions,
    record: &StoreRecord,
    began: Timestamp,
    report: &mut GcReport,
) -> Result<Mark, GcError> {
    let started = ports.clock.elapsed();
    let mark = Mark::make(ports, options, record, began).await?;
    report.marking = ports.clock.elapsed().saturating_sub(started);
    Ok(mark)
}

fn check_amount(options: &GcOptions, garbage: &Blobs, report: &GcReport) -> Result<(), GcError> {
    if !options.force && garbage.len() * 100 > report.seen.blobs * MOST_PERCENT {
        return Err(GcError::TooMuch {
            garbage: garbage.len(),
            seen: report.seen.blobs,
        });
    }
    Ok(())
}
