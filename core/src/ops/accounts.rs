//! The ids by which policies name accounts.

use sha2::{Digest, Sha256};

use super::Caller;
use crate::model::{AccountId, Owner};
use crate::policy::Principal;

/// The account id of each account of a store. That of the store's owner is configured; the others' are made of their
/// canonical user ids, so that they are the same everywhere and no row has to say them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    root: AccountId,
}

impl Accounts {
    /// The accounts of a store whose owner has this id.
    pub const fn new(root: AccountId) -> Self {
        Self { root }
    }

    /// The id of an account: 12 digits.
    pub fn id_of(&self, owner: &Owner) -> AccountId {
        if owner.is_root() {
            self.root.clone()
        } else {
            derived(&owner.id)
        }
    }

    /// Whether a request may mean the account by that text: its id, or its canonical user id.
    pub fn is_named(&self, owner: &Owner, text: &str) -> bool {
        owner.id == text || (text.len() == AccountId::DIGITS && self.id_of(owner).as_str() == text)
    }

    /// Whom a policy sees.
    pub(super) fn principal(&self, caller: &Caller) -> Principal {
        if caller.owner.is_anonymous() {
            return Principal::Anonymous;
        }
        Principal::Account {
            account: self.id_of(&caller.owner).as_str().to_owned(),
            canonical: caller.owner.id.clone(),
            user: caller.identity.user.clone(),
        }
    }
}

/// 12 digits of the hash of a canonical user id, which is random.
fn derived(canonical: &str) -> AccountId {
    let digest = Sha256::digest(canonical.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    AccountId::new(&format!("{:012}", number % 1_000_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::scene::account;

    #[test]
    fn an_account_has_12_digits_and_the_roots_are_configured() {
        let accounts = Accounts::new("123456789012".parse().unwrap());
        assert_eq!(accounts.id_of(&Owner::root()).as_str(), "123456789012");
        let (one, other) = (account('b'), account('c'));
        let id = accounts.id_of(&one);
        assert_eq!(id.as_str().parse::<AccountId>().unwrap(), id);
        assert_eq!(id, Accounts::default().id_of(&one));
        assert_ne!(id, accounts.id_of(&other));
        assert!(accounts.is_named(&one, id.as_str()) && accounts.is_named(&one, &one.id));
        assert!(!accounts.is_named(&other, id.as_str()) && !accounts.is_named(&one, ""));
    }
}
