//! Tokens of others, which only they can sign.

use async_trait::async_trait;

use crate::model::{TrustedIssuer, WebIdentity};

/// Checks tokens of OpenID Connect.
#[async_trait]
pub trait IdentityTokens: Send + Sync {
    /// What a token says, once it is known to be whole, signed by that issuer, and of its time. Nothing that the token
    /// says of itself decides whom to ask for keys. Whom it is meant for and whom it is about is not looked at.
    async fn verify(&self, issuer: &TrustedIssuer, token: &str) -> Result<WebIdentity, TokenRefusal>;
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It is no signed token, is signed in a way that is not taken, by somebody else, or says that its time has not
    /// come: a clause that goes on after "the token".
    #[error("the token {0}")]
    Invalid(String),
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// The issuer's keys cannot be read now, so that nothing can be said.
    #[error("the issuer's keys cannot be read: {0}")]
    Unavailable(String),
}
