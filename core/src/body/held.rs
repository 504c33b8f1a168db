//! One budget of memory for the bodies that are held whole.
//!
//! A body holds only what has arrived of it, and grows as long as it is no larger than what stays free for all others.
//! The more of the budget is taken, the less any one body may have; and those of one account have half of it at most,
//! so that nobody keeps others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A body of at most so many bytes is not counted: its connection costs as much, whatever is sent over it.
pub const UNCOUNTED: usize = 16 << 10;

/// How much memory bodies may take that are held whole, all together.
#[derive(Debug)]
pub struct HeldBodies {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    held: usize,
    /// What each account holds that holds something.
    shares: HashMap<Arc<str>, usize>,
}

impl HeldBodies {
    /// What is enough for any one document: 64 MiB.
    pub const DEFAULT: usize = 64 << 20;

    /// A budget of `most` bytes.
    pub fn at_most(most: usize) -> Self {
        Self {
            most,
            taken: Mutex::default(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes are held now.
    pub fn held(&self) -> usize {
        self.taken().held
    }

    /// A place in the budget for a body of this account, of no bytes yet.
    pub fn hold(self: &Arc<Self>, account: &str) -> Held {
        Held {
            bodies: Arc::clone(self),
            account: account.into(),
            bytes: 0,
        }
    }
}

/// What one body holds of the budget. It is given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    bodies: Arc<HeldBodies>,
    account: Arc<str>,
    bytes: usize,
}

/// There is no room for a body as long as others hold what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Held {
    /// Holds `bytes` in all, where that leaves as much to all others of its account, which have half of the budget, and
    /// to those of other accounts.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let mut taken = self.bodies.taken();
        if !self.fits(&taken, bytes) {
            return Err(NoRoom);
        }
        self.take(&mut taken, bytes - self.bytes);
        drop(taken);
        self.bytes = bytes;
        Ok(())
    }

    /// Holds `bytes` in all, whatever others hold: for what cannot be refused any more. What comes after it can.
    pub fn grow_anyway(&mut self, bytes: usize) {
        let more = bytes.saturating_sub(self.bytes);
        self.take(&mut self.bodies.taken(), more);
        self.bytes += more;
    }

    /// Whether [`Held::grow_to`] would succeed now.
    pub fn could_grow_to(&self, bytes: usize) -> bool {
        bytes <= self.bytes || self.fits(&self.bodies.taken(), bytes)
    }

    fn fits(&self, taken: &Taken, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let share = taken.shares.get(&self.account).copied().unwrap_or(0);
        let leaves_as_much = |free: usize| more <= free && bytes <= free - more;
        let free = self.bodies.most.saturating_sub(taken.held);
        leaves_as_much(free) && leaves_as_much((self.bodies.most / 2).saturating_sub(share))
    }

    fn take(&self, taken: &mut Taken, more: usize) {
        taken.held = taken.held.saturating_add(more);
        if more > 0 {
            *taken.shares.entry(Arc::clone(&self.account)).or_default() += more;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.bodies.taken();
        taken.held = taken.held.saturating_sub(self.bytes);
        if let Some(share) = taken.shares.get_mut(&self.account) {
            *share = share.saturating_sub(self.bytes);
            if *share == 0 {
                taken.shares.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_grows_while_it_leaves_as_much_to_others_and_gives_all_of_it_back() {
        let bodies = Arc::new(HeldBodies::at_most(100));
        let (mut one, mut two) = (bodies.hold("one"), bodies.hold("one"));
        assert!(one.could_grow_to(25) && !one.could_grow_to(26));
        assert_eq!(one.grow_to(26), Err(NoRoom));
        assert_eq!(one.grow_to(25), Ok(()));
        assert_eq!(one.grow_to(20), Ok(()));
        assert_eq!(bodies.held(), 25);
        assert!(two.could_grow_to(12) && !two.could_grow_to(13));
        assert_eq!(two.grow_to(13), Err(NoRoom));
        assert_eq!(two.grow_to(12), Ok(()));
        drop(one);
        assert_eq!(bodies.held(), 12);
        assert_eq!(two.grow_to(25), Ok(()));
        drop(two);
        assert_eq!(bodies.held(), 0);
        assert!(bodies.taken().shares.is_empty());
    }

    #[test]
    fn what_cannot_be_refused_leaves_no_room_to_others() {
        let bodies = Arc::new(HeldBodies::at_most(100));
        let mut answer = bodies.hold("one");
        answer.grow_anyway(150);
        assert_eq!(bodies.held(), 150);
        assert!(!bodies.hold("two").could_grow_to(1));
        assert_eq!(bodies.hold("two").grow_to(1), Err(NoRoom));
        drop(answer);
        assert_eq!(bodies.hold("two").grow_to(1), Ok(()));
    }

    /// Also where each takes as much as it may, and stalls.
    #[test]
    fn however_many_bodies_of_one_account_stand_still_others_find_room() {
        let bodies = Arc::new(HeldBodies::at_most(64 << 20));
        let mut stalled: Vec<Held> = (0..1_000).map(|_| bodies.hold("greedy")).collect();
        for held in &mut stalled {
            let mut most = 16 << 20;
            while most > 0 && held.grow_to(most).is_err() {
                most /= 2;
            }
        }
        assert!(bodies.held() <= 32 << 20);
        assert_eq!(bodies.hold("another").grow_to(16 << 20), Ok(()));
        drop(stalled);
        assert_eq!(bodies.held(), 0);
    }

    #[test]
    fn no_size_overflows() {
        let bodies = Arc::new(HeldBodies::at_most(usize::MAX));
        assert_eq!(bodies.hold("one").grow_to(usize::MAX), Err(NoRoom));
        let mut held = bodies.hold("one");
        assert_eq!(held.grow_to(usize::MAX / 4), Ok(()));
        assert_eq!(bodies.hold("two").grow_to(usize::MAX), Err(NoRoom));
    }
}
