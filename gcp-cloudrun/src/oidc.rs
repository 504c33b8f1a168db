//! Whether a request comes from the schedule: Cloud Scheduler signs in as a service account with an OpenID Connect
//! token (<https://cloud.google.com/scheduler/docs/http-target-auth>).

use std::sync::Arc;

use bleepstore_core::ports::Clock;
use bleepstore_oidc::{
    Algorithm, Client, KeyRing, KeySource, KeysUnavailable, Period, PublishedKeys, Token, Trust,
};
use firestore::gcloud_sdk::CERTIFICATES;
use serde::Deserialize;

/// Where Google publishes its keys.
pub const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// Who signs Google's tokens, in both spellings that Google uses
/// (<https://cloud.google.com/docs/authentication/token-types#id-contents>).
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// Longer tokens are not read. Google's have about 1 KB.
const LONGEST: usize = 8 * 1024;

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
    /// It is no token that Google made, or not of its time.
    #[error("the token {0}")]
    Token(#[from] bleepstore_oidc::Refusal),
    /// It is meant for another service.
    #[error("the token is meant for another audience")]
    Audience,
    /// Another account presents it, or one whose address is not verified.
    #[error("the token is another account's")]
    Account,
    /// Google's keys cannot be read, so that nothing can be said.
    #[error(transparent)]
    KeysUnavailable(#[from] KeysUnavailable),
}

/// What a token of Google's says.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

/// Keys at this URL, whose host is known by the roots that all connections to Google trust here. A URL without TLS is
/// taken too: it is the operator's, for tests on loopback.
pub fn keys_at(url: impl Into<String>) -> PublishedKeys {
    let trust = Trust::Only(CERTIFICATES.to_vec());
    PublishedKeys::at(Client::https_or_http(trust), url)
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

    /// Whether the token is whole, of its time, made by Google, and presented by the caller. The issuer's keys are
    /// only asked for where all else is right.
    pub async fn verify(&self, token: &str) -> Result<(), Refusal> {
        let token = Token::read(token, LONGEST, &[Algorithm::Rs256])?;
        self.check(&token.claims)?;
        let key = self.keys.find(&token).await?;
        let key = key.ok_or(bleepstore_oidc::Refusal::UnknownKey)?;
        Ok(key.check(&token)?)
    }

    fn check(&self, claims: &Claims) -> Result<(), Refusal> {
        if !ISSUERS.contains(&claims.iss.as_str()) {
            return Err(bleepstore_oidc::Refusal::Issuer.into());
        }
        if claims.aud != self.caller.audience {
            return Err(Refusal::Audience);
        }
        if claims.email.as_deref() != Some(self.caller.service_account.as_str()) || !claims.email_verified {
            return Err(Refusal::Account);
        }
        let period = Period {
            expires: claims.exp,
            begins: claims.nbf,
            made: Some(claims.iat),
        };
        Ok(period.check(self.clock.now())?)
    }
}

#[cfg(test)]
mod tests;
