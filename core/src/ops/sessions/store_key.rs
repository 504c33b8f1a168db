//! The key of the store's record that seals tokens.

use crate::model::{Format, SessionKey};
use crate::ops::format::{ATTEMPTS, contended, raise_format};
use crate::ports::{Entropy, Ports, StoreError, StoreRecord, StoreResult, back_off};

/// The key that the store has; `None` before its first session.
pub(super) async fn session_key(ports: &Ports) -> StoreResult<Option<SessionKey>> {
    let record = ports.metadata.store_record().await?;
    Ok(record.and_then(|record| record.session_key))
}

/// The key that the store has; it is given one where it has none. Programs that would lose it by writing the record
/// anew do not know the store's format from then on.
pub(super) async fn make_session_key(ports: &Ports) -> StoreResult<SessionKey> {
    raise_format(ports, Format::SESSIONS).await?;
    change(ports, |record| {
        record.session_key.or_else(|| Some(fresh(ports.entropy.as_ref())))
    })
    .await
}

/// Gives the store another key: every session that began before ends, at once in programs that have not used the key
/// within 30 s, and within that time in others. Returns whether there was one; a store that never had a session stays
/// as it is.
pub async fn end_sessions(ports: &Ports) -> StoreResult<bool> {
    if session_key(ports).await?.is_none() {
        return Ok(false);
    }
    change(ports, |_| Some(fresh(ports.entropy.as_ref()))).await?;
    Ok(true)
}

/// Puts what `key` says into the record, which others may change meanwhile.
async fn change(ports: &Ports, key: impl Fn(&StoreRecord) -> Option<SessionKey>) -> StoreResult<SessionKey> {
    for attempt in 0..ATTEMPTS {
        back_off(ports.clock.as_ref(), ports.entropy.as_ref(), attempt).await;
        let record = ports.metadata.store_record().await?;
        let record =
            record.ok_or_else(|| StoreError::internal("a store without a record has no sessions"))?;
        let session_key = key(&record);
        let keyed = StoreRecord {
            session_key,
            ..record
        };
        let done = keyed == record || ports.metadata.swap_store_record(Some(&record), &keyed).await?;
        if let (true, Some(key)) = (done, session_key) {
            return Ok(key);
        }
    }
    Err(contended())
}

fn fresh(entropy: &dyn Entropy) -> SessionKey {
    let mut bytes = [0; SessionKey::BYTES];
    entropy.fill(&mut bytes);
    SessionKey::from_bytes(bytes)
}
