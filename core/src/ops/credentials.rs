//! Looking up the secret of an access key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::{Credential, Timestamp};
use crate::ports::{Ports, StoreResult};

/// How long a credential is used without being read again, and so how long a revocation may take to be seen.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// How many credentials are kept before the cache starts anew.
const MOST: usize = 10_000;

/// Credentials that were read lately. What was not found is not remembered: a new credential works at once.
#[derive(Default)]
pub struct CredentialCache(Mutex<HashMap<String, (Timestamp, Credential)>>);

impl CredentialCache {
    /// The credential with that access key, at most 30 s old.
    pub async fn find(&self, ports: &Ports, access_key: &str) -> StoreResult<Option<Credential>> {
        let now = ports.clock.now();
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

    fn fresh(&self, access_key: &str, now: Timestamp) -> Option<Credential> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, credential) = kept.get(access_key)?;
        (now.since(*read) < KEPT_FOR).then(|| credential.clone())
    }
}
