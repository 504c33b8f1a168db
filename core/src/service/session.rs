//! Requests that a session's temporary credentials sign.

use std::sync::Arc;

use super::Service;
use super::authentic::Holder;
use crate::model::{ErrorCode, S3Error, SessionKey, Timestamp};
use crate::ops::{Identity, KnownSession, Parent, SESSION_KEY_PREFIX, SecretKey, Session, fingerprint};
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
        let parent = self.parent_of(session, &key, now, ports).await?;
        narrowed(parent.ok_or_else(invalid)?, &known)
    }

    /// Whom a session acts for; `None` where that is not what it was when the session began.
    async fn parent_of(
        &self,
        session: &Session,
        key: &SessionKey,
        now: Timestamp,
        ports: &Ports,
    ) -> Result<Option<Holder>, S3Error> {
        match &session.parent {
            Parent::Key {
                access_key,
                fingerprint: was,
            } => {
                let parent = match self.holder(access_key, now, ports).await {
                    Err(error) if error.code == ErrorCode::InvalidAccessKeyId => return Ok(None),
                    parent => parent?,
                };
                let is_of_it = |secret: &SecretKey| fingerprint(key, &secret.0) == *was;
                let is_same = is_of_it(&parent.secret_key) || parent.previous.as_ref().is_some_and(is_of_it);
                let session_of = Some(access_key.clone());
                Ok(is_same.then_some(Holder { session_of, ..parent }))
            }
            Parent::Role {
                name,
                fingerprint: was,
            } => {
                let roles = self.web_roles.as_ref().map(|(roles, _)| roles);
                let role = roles.and_then(|roles| roles.find(name));
                let role = role.filter(|role| fingerprint(key, role.configured()) == *was);
                Ok(role.map(|role| Holder {
                    owner: role.owner.clone(),
                    identity: Identity {
                        user: Some(role.user()),
                        policy: Some(Arc::clone(&role.policy)),
                        ..Identity::default()
                    },
                    secret_key: session.secret_key.clone(),
                    previous: None,
                    session_of: Some(role.user()),
                    assumed: None,
                }))
            }
        }
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
        ..parent
    })
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
