//! Access keys: making them, and looking up their secrets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Identity;
use crate::model::{Credential, CredentialUser, ErrorCode, Owner, S3Error, Timestamp};
use crate::policy::{Policy, PolicyError, PolicyKind};
use crate::ports::{Entropy, Ports, StoreError, StoreResult};

/// How long a credential is used without being read again, and so how long a revocation may take to be seen.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(30);

/// How many credentials are kept before the cache starts anew.
const MOST: usize = 10_000;

/// As how many one counts that has a policy, which takes more memory.
const WITH_POLICY: usize = 10;

/// A fresh access key of 100 random bits and a secret key of 239, in characters that need no quoting anywhere. Neither begins
/// with a dash, since command-line tools take that for a flag.
pub fn new_keys(entropy: &dyn Entropy) -> (String, String) {
    (new_name::<20>(entropy), new_secret(entropy))
}

// The lengths of both alphabets divide 256, so every character is equally likely.
const NAME: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// `LENGTH` random characters of an access key.
pub(super) fn new_name<const LENGTH: usize>(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; LENGTH];
    entropy.fill(&mut bytes);
    spell(&bytes, NAME)
}

/// A fresh secret key.
pub(super) fn new_secret(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 40];
    entropy.fill(&mut bytes);
    spell(&bytes[..1], NAME) + &spell(&bytes[1..], SECRET)
}

fn spell(bytes: &[u8], alphabet: &[u8]) -> String {
    let letters = bytes
        .iter()
        .map(|byte| alphabet[usize::from(*byte) % alphabet.len()]);
    letters.map(char::from).collect()
}

/// What a new credential may not do for its account. By default, it may do everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialLimits {
    /// The JSON of an IAM policy; without one, all that the account may.
    pub policy: Option<String>,
    /// The name that policies know it by, where it has a policy; without one, the access key.
    pub user: Option<String>,
    /// From when on it counts for nothing.
    pub expires: Option<Timestamp>,
}

/// Makes a credential that speaks for `owner`, within limits. Its secret key is given here and never again.
pub async fn new_credential(
    ports: &Ports,
    owner: Owner,
    limits: CredentialLimits,
) -> StoreResult<Credential> {
    let (access_key, secret_key) = new_keys(ports.entropy.as_ref());
    let user = limits.policy.map(|policy| CredentialUser {
        name: limits.user.unwrap_or_else(|| access_key.clone()),
        policy,
    });
    let credential = Credential {
        access_key,
        secret_key,
        owner,
        created: ports.clock.now(),
        user,
        expires: limits.expires,
    };
    if ports.metadata.create_credential(&credential).await? {
        Ok(credential)
    } else {
        Err(StoreError::internal("a fresh access key is taken"))
    }
}

/// A credential, and as whom requests act that it signs.
pub struct KnownCredential {
    credential: Credential,
    identity: Result<Identity, PolicyError>,
}

impl KnownCredential {
    fn new(credential: Credential) -> Self {
        let identity = match &credential.user {
            None => Ok(Identity::default()),
            Some(user) => Policy::read(user.policy.as_bytes(), PolicyKind::Identity).map(|policy| Identity {
                user: Some(user.name.clone()),
                policy: Some(Arc::new(policy)),
                ..Identity::default()
            }),
        };
        Self { credential, identity }
    }

    /// The credential.
    pub const fn credential(&self) -> &Credential {
        &self.credential
    }

    /// As whom in its account it acts. `ServiceUnavailable` where its policy cannot be understood: then it may
    /// nothing.
    pub fn identity(&self) -> Result<Identity, S3Error> {
        self.identity.clone().map_err(|error| {
            let access_key = &self.credential.access_key;
            let text = format!("the policy of access key {access_key} cannot be read: {error}");
            S3Error::new(ErrorCode::ServiceUnavailable).caused_by(StoreError::corrupt(text))
        })
    }

    const fn weight(&self) -> usize {
        if self.credential.user.is_some() {
            WITH_POLICY
        } else {
            1
        }
    }
}

/// Credentials that were read lately, by time that nobody sets: a wall clock that steps back makes none live longer. What
/// was not found is not remembered: a new credential works at once.
#[derive(Default)]
pub struct CredentialCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    credentials: HashMap<String, (Duration, Arc<KnownCredential>)>,
    weight: usize,
}

impl Kept {
    fn put(&mut self, now: Duration, known: &Arc<KnownCredential>) {
        if self.weight >= MOST {
            *self = Self::default();
        }
        let access_key = known.credential.access_key.clone();
        self.remove(&access_key);
        self.weight += known.weight();
        self.credentials.insert(access_key, (now, Arc::clone(known)));
    }

    fn remove(&mut self, access_key: &str) {
        if let Some((_, known)) = self.credentials.remove(access_key) {
            self.weight -= known.weight();
        }
    }
}

impl CredentialCache {
    /// The credential with that access key, at most 30 s old. It may be over by now.
    pub async fn find(&self, ports: &Ports, access_key: &str) -> StoreResult<Option<Arc<KnownCredential>>> {
        let now = ports.clock.elapsed();
        if let Some(known) = self.fresh(access_key, now) {
            return Ok(Some(known));
        }
        let found = ports.metadata.credential(access_key).await?;
        let known = found.map(|credential| Arc::new(KnownCredential::new(credential)));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &known {
            Some(known) => kept.put(now, known),
            None => kept.remove(access_key),
        }
        Ok(known)
    }

    fn fresh(&self, access_key: &str, now: Duration) -> Option<Arc<KnownCredential>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, known) = kept.credentials.get(access_key)?;
        (now.saturating_sub(*read) < KEPT_FOR).then(|| Arc::clone(known))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::memory::{MemoryBlobs, MemoryMetadata};
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
        let made = new_credential(&ports, Owner::root(), CredentialLimits::default()).await;
        let credential = made.unwrap();
        let cache = CredentialCache::default();
        let found = async || {
            let known = cache.find(&ports, &credential.access_key).await.unwrap();
            known.map(|known| known.credential().clone())
        };
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

    fn limited(access_key: &str, policy: &str) -> Credential {
        Credential {
            access_key: access_key.to_owned(),
            secret_key: "secret".to_owned(),
            owner: Owner::root(),
            created: Timestamp::from_seconds(0),
            user: Some(CredentialUser {
                name: "reader".to_owned(),
                policy: policy.to_owned(),
            }),
            expires: Some(Timestamp::from_seconds(10)),
        }
    }

    const READS: &str =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;

    #[test]
    fn a_credential_acts_as_its_user_under_its_policy_or_as_the_account() {
        let known = KnownCredential::new(limited("AK", READS));
        let identity = known.identity().unwrap();
        assert_eq!(identity.user.as_deref(), Some("reader"));
        let policy = Policy::read(READS.as_bytes(), PolicyKind::Identity).unwrap();
        assert_eq!(identity.policy.as_deref(), Some(&policy));
        assert!(identity.session.is_none());
        let whole = Credential {
            user: None,
            ..limited("AK", READS)
        };
        let identity = KnownCredential::new(whole).identity().unwrap();
        assert!(identity.user.is_none() && identity.policy.is_none());
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_503_and_no_identity() {
        for policy in [
            "",
            "{}",
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Perhaps"}}"#,
        ] {
            let refused = KnownCredential::new(limited("AK", policy)).identity();
            let error = refused.err().unwrap();
            assert_eq!(
                (error.code, error.code.status()),
                (ErrorCode::ServiceUnavailable, 503)
            );
        }
    }

    #[test]
    fn a_credential_is_over_from_its_end_on() {
        let credential = limited("AK", READS);
        let over = |millis| credential.is_over(Timestamp::from_millis(millis));
        assert_eq!((over(9_999), over(10_000)), (false, true));
        let endless = Credential {
            expires: None,
            ..credential.clone()
        };
        assert!(!endless.is_over(Timestamp::from_millis(i64::MAX)));
    }

    #[test]
    fn policies_that_are_kept_are_bounded() {
        let mut kept = Kept::default();
        for number in 0..MOST {
            let known = Arc::new(KnownCredential::new(limited(&format!("AK{number}"), READS)));
            kept.put(Duration::ZERO, &known);
            kept.put(Duration::ZERO, &known);
            assert_eq!(kept.weight, kept.credentials.len() * WITH_POLICY);
            assert!(kept.weight <= MOST);
        }
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
