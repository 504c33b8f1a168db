//! What clients saw, and whether a store that loses, doubles and mixes nothing can have shown it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Which bytes an object holds: each write brings others.
pub(crate) type Value = u64;

/// What a request did to one key, or saw of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The key held this value, or none.
    Saw(Option<Value>),
    /// The key held some value.
    SawSome,
    /// The key held a value that is not this one.
    SawOther(Value),
    Wrote(Value),
    WroteIfAbsent(Value),
    /// Wrote the second value in place of the first.
    Swapped(Value, Value),
    Deleted,
    /// The bucket was deleted: nothing was in it but what was never acknowledged.
    BucketDeleted,
}

/// An action between two moments. One whose answer was an unknown outcome may happen at any time later, or never.
#[derive(Clone, Copy, Debug)]
struct Event {
    action: Action,
    start: u64,
    end: Option<u64>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "{} to {end}: {:?}", self.start, self.action),
            None => write!(f, "{} on, perhaps: {:?}", self.start, self.action),
        }
    }
}

/// The actions of all clients, by bucket and key.
#[derive(Default)]
pub(crate) struct History {
    clock: AtomicU64,
    events: Mutex<BTreeMap<String, Vec<Event>>>,
}

impl History {
    /// The moment before a request.
    pub(crate) fn begin(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Notes what a request that has been answered did.
    pub(crate) fn did(&self, place: &str, start: u64, action: Action) {
        let end = Some(self.begin());
        self.note(place, Event { action, start, end });
    }

    /// Notes what a request may have done, or may yet do.
    pub(crate) fn may_have(&self, place: &str, start: u64, action: Action) {
        let end = None;
        self.note(place, Event { action, start, end });
    }

    fn note(&self, place: &str, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.entry(place.to_owned()).or_default().push(event);
    }

    /// Checks every key: there must be one order of the actions, each at some moment between its request and its
    /// answer, in which every action finds what it says. That is, the history is linearizable.
    pub(crate) fn assert_explained(&self) {
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

/// Some of the actions, by their index.
type Taken = [u64; 8];

/// The search for an order: depth first, no state twice (Wing and Gong's algorithm, with Lowe's memory).
struct Search<'a> {
    events: &'a [Event],
    /// Values whose writers do not know whether they were written.
    doubtful: HashSet<Value>,
    failed: HashSet<(Taken, Option<Value>)>,
}

impl<'a> Search<'a> {
    fn new(events: &'a [Event]) -> Self {
        assert!(events.len() <= 512, "{} actions on one key", events.len());
        let doubtful = events
            .iter()
            .filter(|event| event.end.is_none())
            .filter_map(|event| written(event.action))
            .collect();
        Self {
            events,
            doubtful,
            failed: HashSet::new(),
        }
    }

    fn explains(&mut self) -> bool {
        self.goes_on([0; 8], None)
    }

    fn goes_on(&mut self, taken: Taken, value: Option<Value>) -> bool {
        let is_left = |index: &usize| taken[index / 64] >> (index % 64) & 1 == 0;
        let left: Vec<usize> = (0..self.events.len()).filter(is_left).collect();
        // What has been answered before another began comes before it.
        let Some(first_end) = left.iter().filter_map(|at| self.events[*at].end).min() else {
            return true;
        };
        if !self.failed.insert((taken, value)) {
            return false;
        }
        for at in left {
            let event = self.events[at];
            if event.start > first_end {
                break;
            }
            if let Some(next) = self.step(event.action, value) {
                let mut taken = taken;
                taken[at / 64] |= 1 << (at % 64);
                if self.goes_on(taken, next) {
                    return true;
                }
            }
        }
        false
    }

    /// What the key holds behind an action; `None` if the action cannot happen now.
    fn step(&self, action: Action, value: Option<Value>) -> Option<Option<Value>> {
        let (happens, next) = match action {
            Action::Saw(seen) => (seen == value, value),
            Action::SawSome => (value.is_some(), value),
            Action::SawOther(other) => (value.is_some_and(|value| value != other), value),
            Action::Wrote(new) => (true, Some(new)),
            Action::WroteIfAbsent(new) => (value.is_none(), Some(new)),
            Action::Swapped(old, new) => (value == Some(old), Some(new)),
            Action::Deleted => (true, None),
            Action::BucketDeleted => (value.is_none_or(|value| self.doubtful.contains(&value)), None),
        };
        happens.then_some(next)
    }
}

fn written(action: Action) -> Option<Value> {
    match action {
        Action::Wrote(value) | Action::WroteIfAbsent(value) | Action::Swapped(_, value) => Some(value),
        _ => None,
    }
}

/// What the values are and how long their bytes, by entity tag.
#[derive(Default)]
pub(crate) struct Values {
    known: Mutex<HashMap<String, (Value, usize)>>,
}

impl Values {
    /// Makes a value known, before anybody is asked to store it.
    pub(crate) fn insert(&self, etag: String, value: Value, length: usize) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(etag, (value, length));
    }

    /// The value that has this entity tag, which somebody must have written.
    pub(crate) fn of(&self, etag: &str) -> (Value, usize) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(etag).copied();
        found.unwrap_or_else(|| panic!("nobody wrote what has the entity tag {etag}"))
    }
}

mod tests {
    use super::{Action, History};

    fn history(events: &[(u64, Option<u64>, Action)]) -> bool {
        let events: Vec<_> = events
            .iter()
            .map(|(start, end, action)| super::Event {
                action: *action,
                start: *start,
                end: *end,
            })
            .collect();
        super::Search::new(&events).explains()
    }

    #[test]
    fn a_history_without_loss_is_explained_and_one_with_loss_is_not() {
        use Action::{BucketDeleted, Deleted, Saw, Swapped, Wrote, WroteIfAbsent};
        assert!(history(&[(0, Some(1), Wrote(1)), (2, Some(3), Saw(Some(1)))]));
        // Lost.
        assert!(!history(&[(0, Some(1), Wrote(1)), (2, Some(3), Saw(None))]));
        // Resurrected.
        let deleted = [(0, Some(1), Wrote(1)), (2, Some(3), Deleted)];
        assert!(!history(&[deleted[0], deleted[1], (4, Some(5), Saw(Some(1)))]));
        // Doubled.
        let twice = [(0, Some(9), Wrote(1)), (1, Some(2), Saw(Some(1)))];
        let then = [(3, Some(4), Wrote(2)), (5, Some(6), Saw(Some(1)))];
        assert!(!history(&[twice[0], twice[1], then[0], then[1]]));
        // Two winners.
        let winners = [(0, Some(5), WroteIfAbsent(1)), (1, Some(6), WroteIfAbsent(2))];
        assert!(!history(&winners));
        // An outcome that nobody knows: late, or never.
        let unknown = (0, None, Wrote(1));
        assert!(history(&[
            unknown,
            (2, Some(3), Saw(None)),
            (4, Some(5), Saw(Some(1)))
        ]));
        assert!(!history(&[
            unknown,
            (2, Some(3), Saw(Some(1))),
            (4, Some(5), Saw(None))
        ]));
        assert!(!history(&[(0, Some(1), Wrote(1)), (2, Some(3), Swapped(2, 3))]));
        // A bucket takes only what was not acknowledged with it.
        assert!(!history(&[(0, Some(1), Wrote(1)), (2, Some(3), BucketDeleted)]));
        assert!(history(&[
            unknown,
            (2, Some(3), Saw(Some(1))),
            (4, Some(5), BucketDeleted)
        ]));
        History::default().assert_explained();
    }
}
