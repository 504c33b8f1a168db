//! Access keys: making them, and looking up their secrets.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::{Credential, Owner};
use crate::ports::{Entropy, Ports, StoreError, StoreResult};

/// How long a credential is used without being read again, and so how long a revocation may take to be seen.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// How many credentials are kept before the cache starts anew.
const MOST: usize = 10_000;

/// A fresh access key of 100 random bits and a secret key of 239, in characters that need no quoting anywhere. Neither begins
/// with a dash, since command-line tools take that for a flag.
pub fn new_keys(entropy: &dyn Entropy) -> (String, String) {
    const NAME: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const SECRET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut name, mut secret) = ([0; 20], [0; 40]);
    entropy.fill(&mut name);
    entropy.fill(&mut secret);
    // Both lengths divide 256, so every character is equally likely.
    let spell = |bytes: &[u8], alphabet: &[u8]| -> String {
        let letters = bytes
            .iter()
            .map(|byte| alphabet[usize::from(*byte) % alphabet.len()]);
        letters.map(char::from).collect()
    };
    let secret = spell(&secret[..1], NAME) + &spell(&secret[1..], SECRET);
    (spell(&name, NAME), secret)
}

/// Makes a credential that speaks for `owner`. Its secret key is given here and never again.
pub async fn new_credential(ports: &Ports, owner: Owner) -> StoreResult<Credential> {
    let (access_key, secret_key) = new_keys(ports.entropy.as_ref());
    let credential = Credential {
        access_key,
        secret_key,
        owner,
        created: ports.clock.now(),
    };
    if ports.metadata.create_credential(&credential).await? {
        Ok(credential)
    } else {
        Err(StoreError::internal("a fresh access key is taken"))
    }
}

/// Credentials that were read lately, by time that nobody sets: a wall clock that steps back makes none live longer. What
/// was not found is not remembered: a new credential works at once.
#[derive(Default)]
pub struct CredentialCache(Mutex<HashMap<String, (Duration, Credential)>>);

impl CredentialCache {
    /// The credential with that access key, at most 30 s old.
    pub async fn find(&self, ports: &Ports, access_key: &str) -> StoreResult<Option<Credential>> {
        let now = ports.clock.elapsed();
        if let Some(credential) = self.fresh(access_key, now) {
            return Ok(Some(credential));
        }
        let found = ports.metadata.credential(access_key).await?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Some(credential) => {
                if kept.len() >= MOST {
                    kept.clear();
                }
                kept.insert(access_key.to_owned(), (now, credential.clone()));
            }
            None => {
                kept.remove(access_key);
            }
        }
        Ok(found)
    }

    fn fresh(&self, access_key: &str, now: Duration) -> Option<Credential> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, credential) = kept.get(access_key)?;
        (now.saturating_sub(*read) < KEPT_FOR).then(|| credential.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::memory::{MemoryBlobs, MemoryMetadata};
    use crate::model::Timestamp;
    use crate::ports::Clock;

    /// Gives the same byte again and again.
    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    /// A wall clock that somebody sets, and time that nobody does, in seconds.
    #[derive(Default)]
    struct Clocks {
        wall: AtomicI64,
        monotonic: AtomicU64,
    }

    #[async_trait]
    impl Clock for Clocks {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.wall.load(Ordering::Relaxed))
        }

        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.monotonic.load(Ordering::Relaxed))
        }

        async fn sleep(&self, _duration: Duration) {}
    }

    #[tokio::test]
    async fn a_revoked_key_is_gone_after_30_seconds_though_the_wall_clock_stepped_back() {
        let clock = Arc::new(Clocks::default());
        clock.wall.store(1_800_000_000, Ordering::Relaxed);
        let ports = Ports {
            metadata: Arc::new(MemoryMetadata::new(0, 10)),
            blobs: Arc::new(MemoryBlobs::new(clock.clone())),
            clock: clock.clone(),
            entropy: Arc::new(Constant(7)),
        };
        let credential = new_credential(&ports, Owner::root()).await.unwrap();
        let cache = CredentialCache::default();
        let found = async || cache.find(&ports, &credential.access_key).await.unwrap();
        assert_eq!(found().await.as_ref(), Some(&credential));
        assert!(
            ports
                .metadata
                .revoke_credential(&credential.access_key)
                .await
                .unwrap()
        );
        clock.wall.store(1_799_000_000, Ordering::Relaxed);
        clock.monotonic.store(29, Ordering::Relaxed);
        assert_eq!(found().await.as_ref(), Some(&credential));
        clock.monotonic.store(30, Ordering::Relaxed);
        assert_eq!(found().await, None);
    }

    #[test]
    fn no_key_looks_like_a_flag_or_needs_quotes() {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        for byte in 0..=u8::MAX {
            let (name, secret) = new_keys(&Constant(byte));
            assert_eq!((name.len(), secret.len()), (20, 40));
            for key in [name, secret] {
                assert!(key.starts_with(|c: char| c.is_ascii_alphanumeric()), "{key}");
                assert!(key.chars().all(plain), "{key}");
            }
        }
    }
}
