//! Looking for an order that explains a history.

use std::collections::HashSet;

use super::record::{Action, Event, Value};

/// Some of the actions, by their index.
type Taken = [u64; 8];

/// The search for an order: depth first, no state twice (Wing and Gong's algorithm, with Lowe's memory).
pub(super) struct Search<'a> {
    events: &'a [Event],
    /// Values whose writers do not know whether they were written.
    doubtful: HashSet<Value>,
    failed: HashSet<(Taken, Option<Value>)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(events: &'a [Event]) -> Self {
        assert!(events.len() <= 512, "{} actions on one key", events.len());
        let doubtful = events
            .iter()
            .filter(|event| event.answered().is_none())
            .filter_map(|event| written(event.action))
            .collect();
        Self {
            events,
            doubtful,
            failed: HashSet::new(),
        }
    }

    pub(super) fn explains(&mut self) -> bool {
        self.goes_on([0; 8], 0, None)
    }

    /// Whether the rest can follow where `taken` has happened, whose last request began at `begun`.
    fn goes_on(&mut self, taken: Taken, begun: u64, value: Option<Value>) -> bool {
        let is_left = |index: &usize| taken[index / 64] >> (index % 64) & 1 == 0;
        let left: Vec<usize> = (0..self.events.len()).filter(is_left).collect();
        // What has been answered before another began comes before it.
        let Some(first_end) = left.iter().filter_map(|at| self.events[*at].answered()).min() else {
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
            if !event.may_follow(begun) {
                continue;
            }
            if let Some(next) = self.step(event.action, value) {
                let mut taken = taken;
                taken[at / 64] |= 1 << (at % 64);
                if self.goes_on(taken, begun.max(event.start), next) {
                    return true;
                }
            }
        }
        false
    }

    /// What the key holds after an action; `None` if the action cannot happen now.
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

#[cfg(test)]
mod tests {
    use super::super::record::End::{Answered, Unknown};
    use super::super::record::{Action, End, Event, History};
    use super::Search;

    fn ended(events: &[(u64, End, Action)]) -> bool {
        let events: Vec<_> = events
            .iter()
            .map(|(start, end, action)| Event {
                action: *action,
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
            .map(|(start, last, action)| (*start, end(*last), *action))
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

    #[test]
    fn what_a_server_that_died_may_have_done_was_done_before_its_death_or_never() {
        use Action::{Saw, Wrote};
        let unanswered = (1, Unknown(Some(5)), Wrote(1));
        let saw = |start, value| (start, Answered(start + 1), Saw(value));
        assert!(ended(&[unanswered, saw(2, Some(1)), saw(6, Some(1))]));
        assert!(ended(&[unanswered, saw(2, None), saw(6, Some(1))]));
        assert!(ended(&[unanswered, saw(2, None), saw(6, None)]));
        // Late.
        assert!(!ended(&[unanswered, saw(6, None), saw(8, Some(1))]));
        // Lost with the server that showed it.
        assert!(!ended(&[unanswered, saw(2, Some(1)), saw(6, None)]));
    }
}
