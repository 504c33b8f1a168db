//! Looking for an order that explains a history.

use std::collections::HashSet;

use super::record::{Action, Event, Value, Version};

/// Some of the actions, by their index.
type Taken = [u64; 8];

/// What a key holds, the current version last. Where none are kept that is one object, or nothing.
type Held = Vec<Version>;

/// The search for an order: depth first, no state twice (Wing and Gong's algorithm, with Lowe's memory).
pub(super) struct Search<'a> {
    events: &'a [Event],
    /// Values whose writers do not know whether they were written.
    doubtful: HashSet<Value>,
    failed: HashSet<(Taken, Held)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(events: &'a [Event]) -> Self {
        assert!(events.len() <= 512, "{} actions on one key", events.len());
        let doubtful = events
            .iter()
            .filter(|event| event.answered().is_none())
            .filter_map(|event| written(&event.action))
            .collect();
        Self {
            events,
            doubtful,
            failed: HashSet::new(),
        }
    }

    pub(super) fn explains(&mut self) -> bool {
        self.goes_on([0; 8], 0, &Held::new())
    }

    /// Whether the rest can follow where `taken` has happened, whose last request began at `begun`.
    fn goes_on(&mut self, taken: Taken, begun: u64, held: &Held) -> bool {
        let is_left = |index: &usize| taken[index / 64] >> (index % 64) & 1 == 0;
        let left: Vec<usize> = (0..self.events.len()).filter(is_left).collect();
        // What has been answered before another began comes before it.
        let Some(first_end) = left.iter().filter_map(|at| self.events[*at].answered()).min() else {
            return true;
        };
        if !self.failed.insert((taken, held.clone())) {
            return false;
        }
        for at in left {
            let event = &self.events[at];
            if event.start > first_end {
                break;
            }
            if !event.may_follow(begun) {
                continue;
            }
            if let Some(next) = self.step(&event.action, held) {
                let mut taken = taken;
                taken[at / 64] |= 1 << (at % 64);
                if self.goes_on(taken, begun.max(event.start), &next) {
                    return true;
                }
            }
        }
        false
    }

    /// What the key holds after an action; `None` if the action cannot happen now.
    fn step(&self, action: &Action, held: &Held) -> Option<Held> {
        let current = held.last().and_then(|version| version.value);
        let unchanged = || held.clone();
        let one = |value: Value| {
            let value = Some(value);
            vec![Version { value, id: None }]
        };
        let (happens, next) = match action {
            Action::Saw(seen) => (*seen == current, unchanged()),
            Action::SawSome => (current.is_some(), unchanged()),
            Action::SawOther(other) => (current.is_some_and(|value| value != *other), unchanged()),
            Action::Wrote(new) => (true, one(*new)),
            Action::WroteIfAbsent(new) => (current.is_none(), one(*new)),
            Action::Swapped(old, new) => (current == Some(*old), one(*new)),
            Action::Deleted => (true, Held::new()),
            Action::BucketDeleted => {
                let is_doubtful = current.is_none_or(|value| self.doubtful.contains(&value));
                (is_doubtful, Held::new())
            }
            Action::Added(new) => (true, [held.as_slice(), &[*new]].concat()),
            Action::AddedIfAbsent(new) => (current.is_none(), [held.as_slice(), &[*new]].concat()),
            Action::Removed(gone) => (true, without(held, *gone)),
            Action::SawCurrent(seen) => match held.split_last() {
                Some((last, others)) if is(last, seen) => (true, [others, &[*seen]].concat()),
                _ => (false, unchanged()),
            },
            Action::SawVersion(seen) => (held.contains(seen), unchanged()),
            Action::LackedVersion(missing) => (!held.contains(missing), unchanged()),
            Action::SawVersions(seen) => (are(held, seen), seen.clone()),
        };
        happens.then_some(next)
    }
}

fn without(held: &[Version], gone: Version) -> Held {
    held.iter().copied().filter(|version| *version != gone).collect()
}

/// Whether these may be what a listing shows. It tells the ids of versions whose writers were not told.
fn are(held: &[Version], seen: &[Version]) -> bool {
    held.len() == seen.len() && held.iter().zip(seen).all(|(held, seen)| is(held, seen))
}

fn is(held: &Version, seen: &Version) -> bool {
    held.value == seen.value && (held.id == seen.id || held.id.is_none())
}

fn written(action: &Action) -> Option<Value> {
    match action {
        Action::Wrote(value) | Action::WroteIfAbsent(value) | Action::Swapped(_, value) => Some(*value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::End::{Answered, Unknown};
    use super::super::record::{Action, End, Event, History, Version};
    use super::Search;

    fn ended(events: &[(u64, End, Action)]) -> bool {
        let events: Vec<_> = events
            .iter()
            .map(|(start, end, action)| Event {
                action: action.clone(),
                start: *start,
                end: *end,
            })
            .collect();
        Search::new(&events).explains()
    }

    fn history(events: &[(u64, Option<u64>, Action)]) -> bool {
        let end = |end: Option<u64>| end.map_or(Unknown(None), Answered);
        let events: Vec<_> = events
            .iter()
            .map(|(start, last, action)| (*start, end(*last), action.clone()))
            .collect();
        ended(&events)
    }

    #[test]
    fn a_history_without_loss_is_explained_and_one_with_loss_is_not() {
        use Action::{BucketDeleted, Deleted, Saw, Swapped, Wrote, WroteIfAbsent};
        assert!(history(&[(0, Some(1), Wrote(1)), (2, Some(3), Saw(Some(1)))]));
        // Lost.
        assert!(!history(&[(0, Some(1), Wrote(1)), (2, Some(3), Saw(None))]));
        // Resurrected.
        let deleted = [(0, Some(1), Wrote(1)), (2, Some(3), Deleted)];
        assert!(!history(&[
            deleted[0].clone(),
            deleted[1].clone(),
            (4, Some(5), Saw(Some(1)))
        ]));
        // Doubled.
        let twice = [(0, Some(9), Wrote(1)), (1, Some(2), Saw(Some(1)))];
        let then = [(3, Some(4), Wrote(2)), (5, Some(6), Saw(Some(1)))];
        assert!(!history(&[twice, then].concat()));
        // Two winners.
        let winners = [(0, Some(5), WroteIfAbsent(1)), (1, Some(6), WroteIfAbsent(2))];
        assert!(!history(&winners));
        // An outcome that nobody knows: late, or never.
        let unknown = (0, None, Wrote(1));
        assert!(history(&[
            unknown.clone(),
            (2, Some(3), Saw(None)),
            (4, Some(5), Saw(Some(1)))
        ]));
        assert!(!history(&[
            unknown.clone(),
            (2, Some(3), Saw(Some(1))),
            (4, Some(5), Saw(None))
        ]));
        assert!(!history(&[(0, Some(1), Wrote(1)), (2, Some(3), Swapped(2, 3))]));
        // A bucket takes only what was not acknowledged with it.
        assert!(!history(&[(0, Some(1), Wrote(1)), (2, Some(3), BucketDeleted)]));
        assert!(history(&[
            unknown.clone(),
            (2, Some(3), Saw(Some(1))),
            (4, Some(5), BucketDeleted)
        ]));
        History::default().assert_explained();
    }

    #[test]
    fn what_a_server_that_died_may_have_done_was_done_before_its_death_or_never() {
        use Action::{Saw, Wrote};
        let unanswered = (1, Unknown(Some(5)), Wrote(1));
        let saw = |start, value| (start, Answered(start + 1), Saw(value));
        assert!(ended(&[unanswered.clone(), saw(2, Some(1)), saw(6, Some(1))]));
        assert!(ended(&[unanswered.clone(), saw(2, None), saw(6, Some(1))]));
        assert!(ended(&[unanswered.clone(), saw(2, None), saw(6, None)]));
        // Late.
        assert!(!ended(&[unanswered.clone(), saw(6, None), saw(8, Some(1))]));
        // Lost with the server that showed it.
        assert!(!ended(&[unanswered.clone(), saw(2, Some(1)), saw(6, None)]));
    }

    #[test]
    fn versions_that_are_lost_come_back_or_change_places_are_not_explained() {
        use Action::{Added, AddedIfAbsent, LackedVersion, Removed, Saw, SawVersion, SawVersions};
        let version = |value, id| Version { value, id: Some(id) };
        let (one, two) = (version(Some(1), 11), version(Some(2), 12));
        let again = version(Some(1), 13);
        let marker = version(None, 14);
        let made = [(0, Some(1), Added(one)), (2, Some(3), Added(two))];
        let then = |rest: &[Action]| {
            let rest = (4..)
                .zip(rest)
                .map(|(at, action)| (2 * at, Some(2 * at + 1), action.clone()));
            history(&made.iter().cloned().chain(rest).collect::<Vec<_>>())
        };
        assert!(then(&[SawVersions(vec![one, two]), Saw(Some(2))]));
        assert!(!then(&[SawVersions(vec![two, one])]));
        assert!(!then(&[SawVersions(vec![two])]));
        // What is left becomes current, and a marker hides it.
        assert!(then(&[Removed(two), Saw(Some(1)), LackedVersion(two)]));
        assert!(!then(&[Removed(two), Saw(None)]));
        assert!(!then(&[Removed(two), SawVersion(two)]));
        assert!(then(&[
            Added(marker),
            Saw(None),
            SawVersion(one),
            AddedIfAbsent(version(Some(4), 15))
        ]));
        assert!(then(&[Added(marker), Removed(marker), Saw(Some(2))]));
        assert!(!then(&[AddedIfAbsent(version(Some(4), 15))]));
        assert!(then(&[Added(again), Removed(one), SawVersions(vec![two, again])]));
        assert!(!then(&[Added(again), Removed(one), SawVersions(vec![one, two])]));
        // A marker that nobody was told of: a listing tells which it is, and it can go.
        let unknown = (
            0,
            None,
            Added(Version {
                value: None,
                id: None,
            }),
        );
        let listed = (2, Some(3), SawVersions(vec![marker]));
        assert!(history(&[
            unknown.clone(),
            listed.clone(),
            (4, Some(5), SawVersion(marker))
        ]));
        let gone = (4, Some(5), Removed(marker));
        assert!(history(&[
            unknown.clone(),
            listed,
            gone,
            (6, Some(7), SawVersions(Vec::new()))
        ]));
        assert!(!history(&[
            unknown,
            (2, Some(3), SawVersions(vec![marker, marker]))
        ]));
    }
}
