//! What clients did and saw.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::search::Search;

/// Which bytes an object holds: each write brings others.
pub type Value = u64;

/// What is kept under a key of a bucket that keeps versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// What the object holds; `None` of a delete marker.
    pub value: Option<Value>,
    /// What stands for its id, where that was told.
    pub id: Option<Value>,
}

/// What a request did to one key, or saw of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The key held this value, or none. Where versions are kept, this was current, or a marker.
    Saw(Option<Value>),
    /// The key held some value.
    SawSome,
    /// The key held a value that is not this one.
    SawOther(Value),
    /// Wrote this value, whatever was there.
    Wrote(Value),
    /// Wrote this value where there was none.
    WroteIfAbsent(Value),
    /// Wrote the second value in place of the first.
    Swapped(Value, Value),
    /// Left no value.
    Deleted,
    /// The bucket was deleted: nothing was in it but what was never acknowledged.
    BucketDeleted,
    /// Made this the current version, whatever was current.
    Added(Version),
    /// Made this the current version where none was current but a marker.
    AddedIfAbsent(Version),
    /// Took a version away, if it was there.
    Removed(Version),
    /// This version was current.
    SawCurrent(Version),
    /// There was this version, current or not.
    SawVersion(Version),
    /// There was no such version.
    LackedVersion(Version),
    /// These were all versions, the oldest first.
    SawVersions(Vec<Version>),
}

/// When an action was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It had happened by this moment.
    Answered(u64),
    /// It may have happened or not, by this moment if there is one, and otherwise at any time later.
    Unknown(Option<u64>),
}

/// An action from the moment of its request on.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) action: Action,
    pub(super) start: u64,
    pub(super) end: End,
}

impl Event {
    /// The moment by which it has certainly happened.
    pub(super) fn answered(&self) -> Option<u64> {
        match self.end {
            End::Answered(moment) => Some(moment),
            End::Unknown(_) => None,
        }
    }

    /// Whether it can have happened after something that began at `moment`.
    pub(super) fn may_follow(&self, moment: u64) -> bool {
        match self.end {
            End::Answered(_) | End::Unknown(None) => true,
            End::Unknown(Some(latest)) => moment <= latest,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, start, end } = self;
        match end {
            End::Answered(end) => write!(f, "{start} to {end}: {action:?}"),
            End::Unknown(Some(latest)) => write!(f, "{start} to {latest}, perhaps: {action:?}"),
            End::Unknown(None) => write!(f, "{start} on, perhaps: {action:?}"),
        }
    }
}

/// The actions of all clients, by bucket and key.
#[derive(Default)]
pub struct History {
    clock: AtomicU64,
    events: Mutex<BTreeMap<String, Vec<Event>>>,
}

impl History {
    /// The moment before a request.
    pub fn begin(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Notes what a request that has been answered did.
    pub fn did(&self, place: &str, start: u64, action: Action) {
        let end = End::Answered(self.begin());
        self.note(place, Event { action, start, end });
    }

    /// Notes what a request may have done. Where there is a moment `latest`, it has done it by then or never will.
    pub fn may_have(&self, place: &str, start: u64, latest: Option<u64>, action: Action) {
        let end = End::Unknown(latest);
        self.note(place, Event { action, start, end });
    }

    fn note(&self, place: &str, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.entry(place.to_owned()).or_default().push(event);
    }

    /// Checks every key: there must be one order of the actions, each at some moment between its request and its
    /// answer, in which every action finds what it says. That is, the history is linearizable.
    pub fn assert_explained(&self) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, events) in events.iter() {
            let mut events = events.clone();
            events.sort_by_key(|event| event.start);
            let explained = Search::new(&events).explains();
            let lines: Vec<String> = events.iter().map(Event::to_string).collect();
            assert!(
                explained,
                "no order explains what was seen of {place}:\n{}",
                lines.join("\n")
            );
        }
    }
}

/// What the values are and how long their bytes, by entity tag.
#[derive(Default)]
pub(super) struct Values {
    known: Mutex<HashMap<String, (Value, usize)>>,
}

impl Values {
    /// Makes a value known, before anybody is asked to store it.
    pub(super) fn insert(&self, etag: String, value: Value, length: usize) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(etag, (value, length));
    }

    /// The value that has this entity tag, which somebody must have written.
    pub(super) fn of(&self, etag: &str) -> (Value, usize) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(etag).copied();
        found.unwrap_or_else(|| panic!("nobody wrote what has the entity tag {etag}"))
    }
}

/// What stands for the ids of versions.
#[derive(Default)]
pub(super) struct Ids {
    known: Mutex<HashMap<String, Value>>,
}

impl Ids {
    /// What stands for this id: `fresh` makes one for an id that is new.
    pub(super) fn of(&self, id: &str, fresh: impl FnOnce() -> Value) -> Value {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(id.to_owned()).or_insert_with(fresh)
    }
}
