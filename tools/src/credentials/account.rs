//! Accounts that get keys.

use std::collections::HashSet;

use bleepstore_core::Ports;
use bleepstore_core::model::{AccountId, Owner, hex};
use bleepstore_core::ops::Accounts;
use bleepstore_core::ports::BucketRange;
use clap::Args;

use super::{PAGE, all, failed};
use crate::failure::{Failure, Result};

/// How many ids are drawn before something must be wrong with the randomness.
const ATTEMPTS: usize = 16;

/// What is said of the account of the root credential.
#[derive(Clone, Debug, Args)]
pub(super) struct AccountArgs {
    /// The id by which policies name the account of the root credential, where it was given one
    #[arg(long, env = "BLEEPSTORE_ACCOUNT_ID", value_name = "12 DIGITS", value_parser = str::parse::<AccountId>)]
    account_id: Option<AccountId>,
}

impl AccountArgs {
    fn accounts(&self) -> Accounts {
        self.account_id.clone().map(Accounts::new).unwrap_or_default()
    }

    /// The id by which policies name an account; `None` for the root's where nobody said it.
    pub(super) fn id_of(&self, owner: &Owner) -> Option<AccountId> {
        let known = !owner.is_root() || self.account_id.is_some();
        known.then(|| self.accounts().id_of(owner))
    }
}

/// An account that no other one of the store has the id of by which policies name it.
pub(super) async fn new_account(ports: &Ports, args: &AccountArgs, display_name: &str) -> Result<Owner> {
    let accounts = args.accounts();
    let taken = taken(ports, &accounts).await?;
    for _ in 0..ATTEMPTS {
        let mut random = [0; 32];
        ports.entropy.fill(&mut random);
        let owner = Owner {
            id: hex(random),
            display_name: display_name.to_owned(),
        };
        if !taken.contains(&accounts.id_of(&owner)) {
            return Ok(owner);
        }
    }
    Err(Failure::new("every id that was drawn for the account is taken"))
}

/// The ids of the accounts that have keys or buckets, and that of the root's.
async fn taken(ports: &Ports, accounts: &Accounts) -> Result<HashSet<AccountId>> {
    let mut taken = HashSet::from([accounts.id_of(&Owner::root())]);
    let credentials = all(ports).await?;
    taken.extend(
        credentials
            .iter()
            .map(|credential| accounts.id_of(&credential.owner)),
    );
    let mut after: Option<String> = None;
    loop {
        let range = BucketRange {
            owner: None,
            prefix: "",
            after: after.as_deref(),
        };
        let page = ports.metadata.scan_buckets(range, PAGE).await.map_err(failed)?;
        taken.extend(page.items.iter().map(|bucket| accounts.id_of(&bucket.owner)));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(taken),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use async_trait::async_trait;
    use bleepstore_core::memory::{MemoryBlobs, MemoryMetadata};
    use bleepstore_core::model::{Credential, Timestamp};
    use bleepstore_core::ports::{Clock, Entropy};

    use super::*;

    struct Still;

    #[async_trait]
    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }

        async fn sleep(&self, _duration: std::time::Duration) {}
    }

    /// Draws ones, then twos, and so on.
    #[derive(Default)]
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed) + 1);
        }
    }

    fn ports() -> Ports {
        Ports {
            metadata: Arc::new(MemoryMetadata::default()),
            blobs: Arc::new(MemoryBlobs::new(Arc::new(Still))),
            clock: Arc::new(Still),
            entropy: Arc::new(Counting::default()),
        }
    }

    fn drawn(byte: u8) -> Owner {
        Owner {
            id: hex([byte; 32]),
            display_name: "somebody".to_owned(),
        }
    }

    #[tokio::test]
    async fn an_account_whose_id_another_one_has_is_drawn_again() {
        let ports = ports();
        let credential = Credential {
            access_key: "AK".to_owned(),
            secret_key: "SK".to_owned(),
            owner: drawn(1),
            created: Timestamp::from_millis(0),
            user: None,
            expires: None,
        };
        assert!(ports.metadata.create_credential(&credential).await.unwrap());
        // The root's is what the second one would have.
        let args = AccountArgs {
            account_id: Some(Accounts::default().id_of(&drawn(2))),
        };
        let made = new_account(&ports, &args, "somebody").await.unwrap();
        assert_eq!(made, drawn(3));
    }

    #[test]
    fn the_roots_id_is_known_only_where_it_is_said() {
        let (silent, said) = (None, Some("123456789012".parse::<AccountId>().unwrap()));
        let id_of = |account_id, owner: &Owner| AccountArgs { account_id }.id_of(owner);
        assert_eq!(id_of(silent.clone(), &Owner::root()), None);
        assert_eq!(id_of(said.clone(), &Owner::root()), said);
        assert_eq!(id_of(silent, &drawn(1)), id_of(said, &drawn(1)));
    }
}
