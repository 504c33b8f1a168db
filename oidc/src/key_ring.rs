//! The keys of one issuer, asked for when they are needed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bleepstore_core::ports::Clock;

use crate::key_set::{self, PublicKey};
use crate::source::{KeySource, KeysUnavailable};
use crate::token::Token;

/// How often the keys are asked for at most, whoever wants to know.
const PAUSE: Duration = Duration::from_secs(60);

/// How long keys are kept: what the answer says, within these bounds.
const SHORTEST_AGE: Duration = Duration::from_secs(5 * 60);
const LONGEST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// The keys of one issuer. They are asked for when a token needs them, at most once a minute, also where the issuer
/// does not answer or has not the key; and they are used for as long as it allows, which is taken for at least five
/// minutes and at most a day.
pub struct KeyRing<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    source: S,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
    /// When the issuer was asked last. Who asks it holds this, so that others wait for the same answer.
    asked: tokio::sync::Mutex<Option<Duration>>,
}

#[derive(Default)]
struct Held {
    keys: Vec<Arc<PublicKey>>,
    fresh_until: Option<Duration>,
}

impl<S: KeySource> KeyRing<S> {
    /// Keys of this source.
    pub fn new(source: S, clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(Shared {
                source,
                clock,
                held: Mutex::default(),
                asked: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// The key that the token says it is signed with; `None` where the issuer does not publish it. Tokens whose key is
    /// known wait for nobody.
    pub async fn find<C>(&self, token: &Token<'_, C>) -> Result<Option<Arc<PublicKey>>, KeysUnavailable> {
        if let Ok(Some(key)) = self.shared.find(token) {
            return Ok(Some(key));
        }
        // A client that leaves does not take the answer with it: the issuer is not asked again for a minute.
        let shared = self.shared.clone();
        let asking = tokio::spawn(async move { shared.ask().await });
        asking
            .await
            .map_err(|error| KeysUnavailable(format!("the attempt was broken off: {error}")))?;
        self.shared.find(token)
    }
}

impl<S: KeySource> Shared<S> {
    /// The token's key among those that are held, where these may be used.
    fn find<C>(&self, token: &Token<'_, C>) -> Result<Option<Arc<PublicKey>>, KeysUnavailable> {
        let held = self.held();
        let now = self.clock.elapsed();
        if held.fresh_until.is_none_or(|until| now >= until) {
            return Err(KeysUnavailable("the last attempt failed".to_owned()));
        }
        let mut keys = held.keys.iter();
        Ok(keys.find(|key| key.is(&token.key_id, token.algorithm)).cloned())
    }

    /// Asks for the keys, unless somebody just has.
    async fn ask(&self) {
        let mut asked = self.asked.lock().await;
        let now = self.clock.elapsed();
        if asked.is_some_and(|asked| now.saturating_sub(asked) < PAUSE) {
            return;
        }
        *asked = Some(now);
        match self.read().await {
            Ok((keys, age)) => {
                *self.held() = Held {
                    keys,
                    fresh_until: Some(now.saturating_add(age.clamp(SHORTEST_AGE, LONGEST_AGE))),
                };
            }
            Err(error) => tracing::warn!(%error, "tokens cannot be checked"),
        }
    }

    async fn read(&self) -> Result<(Vec<Arc<PublicKey>>, Duration), KeysUnavailable> {
        let published = self.source.fetch().await?;
        Ok((key_set::read(&published.document)?, published.max_age))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
