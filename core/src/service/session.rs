//! Requests that a session's temporary credentials sign.

use std::sync::Arc;

use super::Service;
use super::authentic::Holder;
use crate::model::{ErrorCode, S3Error, Timestamp};
use crate::ops::{Identity, KnownSession, Parent, SESSION_KEY_PREFIX, fingerprint};
use crate::ports::{Ports, StoreError};

impl Service {
    /// Whose session a token is: its parent, narrowed. `InvalidToken` where the store did not seal it for this access
    /// key, or its parent is not what it was; `ExpiredToken` where its time is over.
    pub(super) async fn holder_of_session(
        &self,
        access_key: &str,
        token: &str,
        now: Timestamp,
        ports: &Ports,
    ) -> Result<Holder, S3Error> {
        let refused = |code| S3Error::new(code).with("Token-0", token);
        let invalid = || refused(ErrorCode::InvalidToken);
        // No session has another form, and no store is asked for its key.
        if !access_key.starts_with(SESSION_KEY_PREFIX) {
            return Err(invalid());
        }
        let found = self.sessions.find(ports, access_key, token).await?;
        let (known, key) = found.ok_or_else(invalid)?;
        let session = &known.session;
        if session.expires <= now {
            return Err(refused(ErrorCode::ExpiredToken));
        }
        let of_it = |secret: &str, was: &str| fingerprint(&key, secret) == was;
        let parent = match &session.parent {
            Parent::Key {
                access_key,
                fingerprint,
            } => {
                let parent = self.holder(access_key, now, ports).await;
                let parent = parent.map_err(|error| match error.code {
                    ErrorCode::InvalidAccessKeyId => invalid(),
                    _ => error,
                })?;
                let secrets = [Some(&parent.secret_key), parent.previous.as_ref()];
                let is_same = secrets
                    .iter()
                    .flatten()
                    .any(|secret| of_it(&secret.0, fingerprint));
                if !is_same {
                    return Err(invalid());
                }
                parent
            }
            Parent::Role { name, fingerprint } => {
                let roles = self.web_roles.as_ref().map(|(roles, _)| roles);
                let role = roles.and_then(|roles| roles.find(name)).ok_or_else(invalid)?;
                if !of_it(role.configured(), fingerprint) {
                    return Err(invalid());
                }
                Holder {
                    owner: role.owner.clone(),
                    identity: Identity {
                        user: Some(role.user()),
                        policy: Some(Arc::clone(&role.policy)),
                        ..Identity::default()
                    },
                    secret_key: session.secret_key.clone(),
                    previous: None,
                    assumed: None,
                }
            }
        };
        narrowed(parent, &known)
    }
}

/// The session of that parent. `ServiceUnavailable` where its policy cannot be understood: then it may nothing.
fn narrowed(parent: Holder, known: &KnownSession) -> Result<Holder, S3Error> {
    let session = known.policy.clone().transpose().map_err(|error| {
        let text = format!("the policy of a session cannot be read: {error}");
        S3Error::new(ErrorCode::ServiceUnavailable).caused_by(StoreError::corrupt(text))
    })?;
    Ok(Holder {
        identity: Identity {
            session,
            temporary: Some(known.session.issued),
            ..parent.identity
        },
        secret_key: known.session.secret_key.clone(),
        previous: None,
        assumed: known.session.assumed.clone(),
        owner: parent.owner,
    })
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
