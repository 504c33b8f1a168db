//! Sessions: temporary credentials that act for somebody, narrowed.
//!
//! A session is not kept: its token says all of it, sealed with a random key of the store's record. It costs the lookup
//! of its parent, and ends with it.

mod kept;
mod store_key;
#[cfg(test)]
mod tests;
mod token;
mod web_roles;

pub use kept::{KnownSession, SessionCache};
pub use store_key::end_sessions;
pub use token::{AssumedRole, MOST_TOKEN_BYTES, Parent, SecretKey, Session, fingerprint};
pub use web_roles::{WebRole, WebRoles};

use std::time::Duration;

use super::credentials::{new_name, new_secret};
use crate::model::Timestamp;
use crate::ports::{Ports, StoreError};

/// What the access keys of sessions begin with, as AWS's.
pub const SESSION_KEY_PREFIX: &str = "ASIA";

/// A session to begin.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    /// Whom it acts for.
    pub parent: NewParent<'a>,
    /// What it calls itself, where it assumes a role.
    pub assumed: Option<AssumedRole>,
    /// The JSON of a policy that was read, which narrows what its parent may.
    pub policy: Option<String>,
    /// How long it lasts.
    pub duration: Duration,
}

/// Whom a session that begins acts for.
#[derive(Clone, Debug)]
pub enum NewParent<'a> {
    /// The holder of an access key, with its secret key.
    Key(&'a str, &'a SecretKey),
    /// Whoever has a token that the role trusts.
    Role(&'a WebRole),
}

/// What its holder signs requests with.
#[derive(Clone, Debug)]
pub struct TemporaryCredentials {
    /// The access key.
    pub access_key: String,
    /// The secret key. Given here and never again.
    pub secret_key: SecretKey,
    /// What each request brings along.
    pub token: String,
    /// From when on they count for nothing.
    pub expires: Timestamp,
    /// How much of the room of a token this one takes, in percent.
    pub percent: usize,
}

/// Why a session does not begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionFault {
    /// Its token would be too long: so many percent of what it may be.
    #[error("the token of the session would be too long")]
    TooLong(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Begins a session. The store gets a key with its first one; no later one changes anything.
pub async fn begin_session(
    ports: &Ports,
    cache: &SessionCache,
    new: NewSession<'_>,
) -> Result<TemporaryCredentials, SessionFault> {
    let key = cache.key(ports).await?;
    let entropy = ports.entropy.as_ref();
    let access_key = format!("{SESSION_KEY_PREFIX}{}", new_name::<16>(entropy));
    let secret_key = SecretKey(new_secret(entropy));
    // Whole seconds, as clients are told.
    let issued = Timestamp::from_seconds(ports.clock.now().seconds());
    let expires = issued.plus(new.duration);
    let session = Session {
        secret_key: secret_key.clone(),
        issued,
        expires,
        parent: match new.parent {
            NewParent::Key(access_key, secret) => Parent::Key {
                access_key: access_key.to_owned(),
                fingerprint: fingerprint(&key, &secret.0),
            },
            NewParent::Role(role) => Parent::Role {
                name: role.name.clone(),
                fingerprint: fingerprint(&key, role.configured()),
            },
        },
        assumed: new.assumed,
        policy: new.policy,
    };
    let token = session
        .seal(&key, &access_key, entropy)
        .ok_or_else(|| StoreError::internal("a session cannot be sealed"))?;
    let percent = (token.len() * 100).div_ceil(MOST_TOKEN_BYTES);
    if percent > 100 {
        return Err(SessionFault::TooLong(percent));
    }
    Ok(TemporaryCredentials {
        access_key,
        secret_key,
        token,
        expires,
        percent,
    })
}
