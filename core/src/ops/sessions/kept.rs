//! The key and the sessions that were read lately: a session costs no call of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::store_key::{make_session_key, session_key};
use super::token::Session;
use crate::model::SessionKey;
use crate::ops::credentials::KEPT_FOR;
use crate::policy::{Policy, PolicyError, PolicyKind};
use crate::ports::{Ports, StoreResult};

/// How many sessions are kept before the cache starts anew.
const MOST: usize = 1_000;

/// A session that was opened, and its policy as it was understood.
pub struct KnownSession {
    /// What its token says.
    pub session: Session,
    /// What narrows its parent.
    pub policy: Option<Result<Arc<Policy>, PolicyError>>,
}

impl KnownSession {
    fn new(session: Session) -> Self {
        let read = |json: &String| Policy::read(json.as_bytes(), PolicyKind::Identity).map(Arc::new);
        Self {
            policy: session.policy.as_ref().map(read),
            session,
        }
    }
}

/// The store's key, at most 30 s old, and the sessions that it opened.
#[derive(Default)]
pub struct SessionCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    read: Option<(Duration, Option<SessionKey>)>,
    /// By their tokens.
    sessions: HashMap<String, Opened>,
}

/// A session, and what opened its token.
struct Opened {
    access_key: String,
    key: SessionKey,
    known: Arc<KnownSession>,
}

impl Kept {
    /// The key that was read less than 30 s ago, if one was.
    fn key(&self, now: Duration) -> Option<Option<SessionKey>> {
        let (read, key) = self.read?;
        (now.saturating_sub(read) < KEPT_FOR).then_some(key)
    }

    fn put(&mut self, now: Duration, key: Option<SessionKey>) {
        if self.read.is_some_and(|(_, before)| before != key) {
            self.sessions.clear();
        }
        self.read = Some((now, key));
    }
}

impl SessionCache {
    /// What the token says, and the key that sealed it, if the store's key sealed it for this access key. Its time may
    /// be over. Like an access key that nobody has, a token that nothing opens costs a lookup.
    pub async fn find(
        &self,
        ports: &Ports,
        access_key: &str,
        token: &str,
    ) -> StoreResult<Option<(Arc<KnownSession>, SessionKey)>> {
        let known = |key: Option<SessionKey>| {
            let key = key?;
            Some((self.open(&key, access_key, token)?, key))
        };
        let kept = self.locked().key(ports.clock.elapsed());
        if let Some(known) = kept.and_then(known) {
            return Ok(Some(known));
        }
        // Another program may have given the store its first key meanwhile, or another one.
        Ok(known(self.read(ports).await?))
    }

    /// The key to seal with.
    pub(super) async fn key(&self, ports: &Ports) -> StoreResult<SessionKey> {
        let kept = self.locked().key(ports.clock.elapsed());
        if let Some(Some(key)) = kept {
            return Ok(key);
        }
        if let Some(key) = self.read(ports).await? {
            return Ok(key);
        }
        let key = make_session_key(ports).await?;
        self.locked().put(ports.clock.elapsed(), Some(key));
        Ok(key)
    }

    async fn read(&self, ports: &Ports) -> StoreResult<Option<SessionKey>> {
        let now = ports.clock.elapsed();
        let key = session_key(ports).await?;
        self.locked().put(now, key);
        Ok(key)
    }

    fn open(&self, key: &SessionKey, access_key: &str, token: &str) -> Option<Arc<KnownSession>> {
        if let Some(opened) = self.locked().sessions.get(token)
            && opened.key == *key
            && opened.access_key == access_key
        {
            return Some(Arc::clone(&opened.known));
        }
        let known = Arc::new(KnownSession::new(Session::open(token, key, access_key)?));
        let mut kept = self.locked();
        if kept.sessions.len() >= MOST {
            kept.sessions.clear();
        }
        // Unless another key was read meanwhile.
        if kept.read.is_some_and(|(_, current)| current == Some(*key)) {
            let opened = Opened {
                access_key: access_key.to_owned(),
                key: *key,
                known: Arc::clone(&known),
            };
            kept.sessions.insert(token.to_owned(), opened);
        }
        Some(known)
    }

    fn locked(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
