//! One budget of memory for the bodies that are held whole.
//!
//! A body holds only what has arrived of it, and grows as long as it is no larger than what stays free for all others.
//! So a few large ones never keep small ones out: the more of the budget is taken, the less any one body may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A body of at most so many bytes is not counted: its connection costs as much, whatever is sent over it.
pub const UNCOUNTED: usize = 16 << 10;

/// How much memory bodies may take that are held whole, all together.
#[derive(Debug)]
pub struct HeldBodies {
    most: usize,
    held: AtomicUsize,
}

impl HeldBodies {
    /// What is enough for any one document: 64 MiB.
    pub const DEFAULT: usize = 64 << 20;

    /// A budget of `most` bytes.
    pub const fn at_most(most: usize) -> Self {
        Self {
            most,
            held: AtomicUsize::new(0),
        }
    }

    /// How many bytes are held now.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// A place in the budget, of no bytes yet.
    pub fn hold(self: &Arc<Self>) -> Held {
        Held {
            bodies: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// What one body holds of the budget. It is given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    bodies: Arc<HeldBodies>,
    bytes: usize,
}

/// There is no room for a body as long as others hold what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Held {
    /// Holds `bytes` in all, where that leaves as much to all others.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let more = bytes - self.bytes;
        let grown = |held: usize| {
            let held = held.checked_add(more)?;
            let free = self.bodies.most.checked_sub(held)?;
            (bytes <= free).then_some(held)
        };
        let granted = self
            .bodies
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        granted.map_err(|_| NoRoom)?;
        self.bytes = bytes;
        Ok(())
    }

    /// Holds `bytes` in all, whatever others hold: for what cannot be refused any more. What comes after it can.
    pub fn grow_anyway(&mut self, bytes: usize) {
        let more = bytes.saturating_sub(self.bytes);
        self.bodies.held.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
    }

    /// Whether [`Held::grow_to`] would succeed now.
    pub fn could_grow_to(&self, bytes: usize) -> bool {
        let others = self.bodies.held().saturating_sub(self.bytes);
        bytes <= self.bytes || bytes <= self.bodies.most.saturating_sub(others) / 2
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.bodies.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_grows_while_it_leaves_as_much_to_others_and_gives_all_of_it_back() {
        let bodies = Arc::new(HeldBodies::at_most(100));
        let (mut one, mut two) = (bodies.hold(), bodies.hold());
        assert!(one.could_grow_to(50) && !one.could_grow_to(51));
        assert_eq!(one.grow_to(51), Err(NoRoom));
        assert_eq!(one.grow_to(50), Ok(()));
        assert_eq!(one.grow_to(40), Ok(()));
        assert_eq!(bodies.held(), 50);
        assert!(two.could_grow_to(25) && !two.could_grow_to(26));
        assert_eq!(two.grow_to(26), Err(NoRoom));
        assert_eq!(two.grow_to(25), Ok(()));
        drop(one);
        assert_eq!(bodies.held(), 25);
        assert_eq!(two.grow_to(50), Ok(()));
        drop(two);
        assert_eq!(bodies.held(), 0);
    }

    #[test]
    fn what_cannot_be_refused_leaves_no_room_to_others() {
        let bodies = Arc::new(HeldBodies::at_most(100));
        let mut answer = bodies.hold();
        answer.grow_anyway(150);
        assert_eq!(bodies.held(), 150);
        assert!(!bodies.hold().could_grow_to(1));
        assert_eq!(bodies.hold().grow_to(1), Err(NoRoom));
        drop(answer);
        assert_eq!(bodies.hold().grow_to(1), Ok(()));
    }

    #[test]
    fn however_many_large_bodies_stand_still_they_do_not_take_all() {
        let bodies = Arc::new(HeldBodies::at_most(64 << 20));
        let mut stalled: Vec<Held> = (0..1_000).map(|_| bodies.hold()).collect();
        for held in &mut stalled {
            let grown = (1..=256).take_while(|step| held.grow_to(step << 16) == Ok(()));
            assert!(grown.count() <= 256);
        }
        assert!(bodies.held() < 64 << 20);
        assert_eq!(bodies.hold().grow_to((64 << 20) - bodies.held()), Err(NoRoom));
    }

    #[test]
    fn no_size_overflows() {
        let bodies = Arc::new(HeldBodies::at_most(usize::MAX));
        assert_eq!(bodies.hold().grow_to(usize::MAX), Err(NoRoom));
        let mut held = bodies.hold();
        assert_eq!(held.grow_to(usize::MAX / 2), Ok(()));
        assert_eq!(bodies.hold().grow_to(usize::MAX), Err(NoRoom));
    }
}
