//! Tokens of the issuers that the operator trusts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bleepstore_core::model::{TrustedIssuer, WebIdentity};
use bleepstore_core::ports::{Clock, IdentityTokens, TokenRefusal};
use serde::Deserialize;

use crate::client::{Client, Trust};
use crate::key_ring::KeyRing;
use crate::published::{Documents, PublishedKeys};
use crate::token::{Algorithm, NumericDate, Period, Refusal, Token};

/// AWS takes no longer ones
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).
const LONGEST: usize = 20_000;

const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

type Reader = dyn Fn(&TrustedIssuer) -> Arc<dyn Documents> + Send + Sync;

/// Checks tokens with the keys that their issuers publish, over TLS alone. Nobody is asked before a token needs it. The
/// keys of each issuer that it is asked about are kept: those of a configuration are few.
pub struct IssuerTokens {
    clock: Arc<dyn Clock>,
    reader: Box<Reader>,
    rings: Mutex<HashMap<TrustedIssuer, Arc<KeyRing<PublishedKeys>>>>,
}

/// What a token says of whom it is about.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audiences,
    exp: NumericDate,
    iat: Option<NumericDate>,
    nbf: Option<NumericDate>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Listed(Vec<String>),
}

impl Audiences {
    const fn is_empty(&self) -> bool {
        matches!(self, Self::Listed(audiences) if audiences.is_empty())
    }

    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(audience) => vec![audience],
            Self::Listed(audiences) => audiences,
        }
    }
}

impl IssuerTokens {
    /// Tokens whose time is told by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::reading(clock, |issuer| {
            let certificates = issuer.certificates.clone();
            let trust = certificates.map_or(Trust::System, |pem| Trust::Only(pem.into_bytes()));
            Arc::new(Client::https(trust))
        })
    }

    /// The same, with documents that this reads.
    pub(crate) fn reading(
        clock: Arc<dyn Clock>,
        reader: impl Fn(&TrustedIssuer) -> Arc<dyn Documents> + Send + Sync + 'static,
    ) -> Self {
        Self {
            clock,
            reader: Box::new(reader),
            rings: Mutex::default(),
        }
    }

    fn ring(&self, issuer: &TrustedIssuer) -> Arc<KeyRing<PublishedKeys>> {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = rings.get(issuer) {
            return ring.clone();
        }
        let documents = (self.reader)(issuer);
        let keys = match &issuer.keys {
            Some(url) => PublishedKeys::at_url(documents, url.clone()),
            None => PublishedKeys::discovered(documents, issuer.url.clone()),
        };
        let ring = Arc::new(KeyRing::new(keys, self.clock.clone()));
        rings.insert(issuer.clone(), ring.clone());
        ring
    }
}

#[async_trait]
impl IdentityTokens for IssuerTokens {
    async fn verify(&self, issuer: &TrustedIssuer, token: &str) -> Result<WebIdentity, TokenRefusal> {
        let token: Token<'_, Claims> = Token::read(token, LONGEST, &ALGORITHMS).map_err(refused)?;
        if token.claims.aud.is_empty() {
            return Err(refused(Refusal::Malformed));
        }
        if token.claims.iss != issuer.url {
            return Err(refused(Refusal::Issuer));
        }
        let period = Period {
            expires: token.claims.exp.0,
            begins: token.claims.nbf.map(|at| at.0),
            made: token.claims.iat.map(|at| at.0),
        };
        period.check(self.clock.now()).map_err(refused)?;
        let key = self.ring(issuer).find(&token).await;
        let key = key.map_err(|error| TokenRefusal::Unavailable(error.0))?;
        let key = key.ok_or_else(|| refused(Refusal::UnknownKey))?;
        key.check(&token).map_err(refused)?;
        Ok(WebIdentity {
            subject: token.claims.sub,
            audiences: token.claims.aud.into_list(),
        })
    }
}

fn refused(refusal: Refusal) -> TokenRefusal {
    match refusal {
        Refusal::Expired => TokenRefusal::Expired,
        other => TokenRefusal::Invalid(other.to_string()),
    }
}
