//! Whether a request comes from the schedule: Cloud Scheduler signs in as a service account with an OpenID Connect token
//! (<https://cloud.google.com/scheduler/docs/http-target-auth>).

pub mod keys;
mod token;

use std::sync::Arc;
use std::time::Duration;

use bleepstore_core::model::Timestamp;
use bleepstore_core::ports::Clock;

use self::keys::{KeyRing, KeySource, KeysUnavailable};
use self::token::{Claims, Token};

/// Who signs Google's tokens, in both spellings that Google uses
/// (<https://cloud.google.com/docs/authentication/token-types#id-contents>).
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// How far the clocks of Google and of this machine may be apart.
const LEEWAY: Duration = Duration::from_secs(60);

/// The one caller that is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What the tokens must be meant for, as the schedule is told: usually the service's URL.
    pub audience: String,
    /// The e-mail address of the schedule's service account.
    pub service_account: String,
}

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// It is no token in three parts, or too long.
    #[error("not a signed token")]
    Malformed,
    /// It is signed in another way than RS256, or not at all.
    #[error("not signed with RS256")]
    Algorithm,
    /// It asks for a rule that is not known here.
    #[error("the token has critical extensions")]
    Critical,
    /// Another issuer made it.
    #[error("made by another issuer")]
    Issuer,
    /// It is meant for another service.
    #[error("meant for another audience")]
    Audience,
    /// Another account presents it, or one whose address is not verified.
    #[error("presented by another account")]
    Account,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not valid yet")]
    NotYetValid,
    /// None of the issuer's keys has this id.
    #[error("signed with a key that the issuer does not publish")]
    UnknownKey,
    /// The signature is of something else.
    #[error("the signature does not match")]
    Signature,
    /// The issuer's keys cannot be read, so that nothing can be said.
    #[error(transparent)]
    KeysUnavailable(#[from] KeysUnavailable),
}

/// Checks tokens.
pub struct Verifier<S> {
    caller: Caller,
    keys: KeyRing<S>,
    clock: Arc<dyn Clock>,
}

impl<S: KeySource> Verifier<S> {
    /// Lets in this caller, whose tokens are signed with keys of `source`.
    pub fn new(caller: Caller, source: S, clock: Arc<dyn Clock>) -> Self {
        Self {
            caller,
            keys: KeyRing::new(source, clock.clone()),
            clock,
        }
    }

    /// Whether the token is whole, of its time, made by Google, and presented by the caller. The issuer's keys are only asked
    /// for where all else is right.
    pub async fn verify(&self, token: &str) -> Result<(), Refusal> {
        let token = Token::read(token)?;
        self.check(&token.claims)?;
        let key = self.keys.find(&token.key_id).await?.ok_or(Refusal::UnknownKey)?;
        key.verify(token.signed, &token.signature)
            .then_some(())
            .ok_or(Refusal::Signature)
    }

    fn check(&self, claims: &Claims) -> Result<(), Refusal> {
        if !ISSUERS.contains(&claims.iss.as_str()) {
            return Err(Refusal::Issuer);
        }
        if claims.aud != self.caller.audience {
            return Err(Refusal::Audience);
        }
        if claims.email.as_deref() != Some(self.caller.service_account.as_str()) || !claims.email_verified {
            return Err(Refusal::Account);
        }
        let now = self.clock.now();
        if now >= Timestamp::from_seconds(claims.exp).plus(LEEWAY) {
            return Err(Refusal::Expired);
        }
        let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        if now < Timestamp::from_seconds(begins).minus(LEEWAY) {
            return Err(Refusal::NotYetValid);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
