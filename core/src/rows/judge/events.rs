//! What an edit tells: its events, each with its place among those of its key.

use std::time::Duration;

use super::RowChange;
use crate::model::{EventMark, EventName, EventRow, ObjectKey, Sequence, Timestamp, VersionName};
use crate::ports::{Edit, EditOutcome};

/// How long the place of a key's last event is known: by no more than this may the clocks of two machines differ.
const MARKED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The places of the last events of an edit's keys, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventMarks {
    /// Of the edit's key.
    pub key: Option<u64>,
    /// Of its source's.
    pub source: Option<u64>,
}

/// The rows that tell of an edit which was decided on.
pub(super) fn told<'a>(edit: &Edit<'a>, marks: EventMarks, outcome: &EditOutcome) -> Vec<RowChange<'a>> {
    if edit.events.is_empty() {
        return Vec::new();
    }
    let source = edit.source.map(|source| source.key);
    let keys = [(Some(edit.key()), marks.key), (source, marks.source)];
    keys.into_iter()
        .filter_map(|(key, mark)| Some(told_of(edit, key?, mark, outcome)))
        .flatten()
        .collect()
}

/// The rows that tell of one key, and its mark.
fn told_of<'a>(
    edit: &Edit<'a>,
    key: &ObjectKey,
    mark: Option<u64>,
    outcome: &EditOutcome,
) -> Vec<RowChange<'a>> {
    let mut last = mark;
    let mut rows = Vec::new();
    for event in edit.events.iter().filter(|event| event.key == *key) {
        let Some(version) = version(event, edit, outcome) else {
            continue;
        };
        let Sequence(now) = Sequence::of_time(event.facts.time);
        let sequence = last.map_or(now, |last| now.max(last.saturating_add(1)));
        last = Some(sequence);
        rows.push(RowChange::Event(Box::new(EventRow {
            sequence,
            version,
            ..event.clone()
        })));
    }
    if let (Some(RowChange::Event(event)), Some(sequence)) = (rows.last(), last) {
        let written = EventMark {
            bucket: edit.bucket.id,
            key: key.clone(),
            sequence,
            // A sequence may be ahead of this clock.
            expires: event.facts.time.max(time_of(sequence)).plus(MARKED_FOR),
        };
        rows.push(RowChange::EventMark(written, mark));
    }
    rows
}

/// The time that a sequence stands for.
fn time_of(sequence: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(sequence / 1_000).unwrap_or(i64::MAX))
}

/// The version that an event is about; `None` for one about a version that was not there.
fn version(event: &EventRow, edit: &Edit<'_>, outcome: &EditOutcome) -> Option<Option<VersionName>> {
    let EditOutcome::AppliedToVersions(changed) = outcome else {
        return Some(event.version);
    };
    match (&changed.written, event.version) {
        (Some(written), None) if event.key == *edit.key() => Some(Some(written.version_name())),
        (None, Some(name)) if event.name == EventName::Removed => changed
            .gone
            .iter()
            .any(|row| row.version_name() == name)
            .then_some(Some(name)),
        (_, name) => Some(name),
    }
}
