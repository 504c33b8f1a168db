//! JSON Web Tokens, as far as they are looked at before their signature is
//! ([RFC 7519](https://www.rfc-editor.org/rfc/rfc7519), [RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bleepstore_core::model::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// How far the clocks of an issuer and of this machine may be apart.
const LEEWAY: Duration = Duration::from_secs(60);

/// Why a token is not accepted: a clause that goes on after "the token".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has not three parts, is too long, or lacks a claim that it must have.
    #[error("is no signed token that says all that it must")]
    Malformed,
    /// It is signed in a way that is not taken, or not at all.
    #[error("is signed in a way that is not taken")]
    Algorithm,
    /// It asks for a rule that is not known here.
    #[error("has critical extensions")]
    Critical,
    /// Another issuer made it.
    #[error("was made by another issuer")]
    Issuer,
    /// Its time is over.
    #[error("has expired")]
    Expired,
    /// Its time has not come.
    #[error("is not valid yet")]
    NotYetValid,
    /// None of the issuer's keys has its key's id and signs as it is signed.
    #[error("is signed with a key that its issuer does not publish")]
    UnknownKey,
    /// The signature is of something else.
    #[error("has a signature that does not match")]
    Signature,
}

/// How a token is signed. What is not here is refused: signatures with a shared secret, and none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256.
    Rs256,
    /// The elliptic curve P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// The name in tokens and beside keys.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A token whose signature nobody has checked yet.
#[derive(Debug)]
pub struct Token<'a, C> {
    /// What it says, of which nothing is known until a key has [accepted](crate::PublicKey::check) the token.
    pub claims: C,
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: String,
    /// The text that is signed.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Whether it is there, whatever it says.
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

impl<'a, C: DeserializeOwned> Token<'a, C> {
    /// Takes a token apart that has at most `longest` bytes and is signed in one of these ways, as its header says.
    pub fn read(text: &'a str, longest: usize, algorithms: &[Algorithm]) -> Result<Self, Refusal> {
        if text.len() > longest {
            return Err(Refusal::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let header: Header = decode(header)?;
        let mut taken = algorithms.iter().copied();
        let algorithm = taken.find(|algorithm| algorithm.name() == header.alg);
        let algorithm = algorithm.ok_or(Refusal::Algorithm)?;
        if header.crit {
            return Err(Refusal::Critical);
        }
        Ok(Self {
            algorithm,
            key_id: header.kid.ok_or(Refusal::UnknownKey)?,
            claims: decode(claims)?,
            signed: signed.as_bytes(),
            signature: bytes(signature)?,
        })
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    serde_json::from_slice(&bytes(part)?).map_err(|_| Refusal::Malformed)
}

fn bytes(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)
}

/// Seconds since 1970, which some issuers write with a fraction
/// ([RFC 7519, section 2](https://www.rfc-editor.org/rfc/rfc7519#section-2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "serde_json::Number")]
pub(crate) struct NumericDate(pub(crate) i64);

impl TryFrom<serde_json::Number> for NumericDate {
    type Error = &'static str;

    fn try_from(number: serde_json::Number) -> Result<Self, Self::Error> {
        /// Later ones are no whole numbers any more.
        const LATEST: f64 = 1e15;
        let floor = || {
            let seconds = number.as_f64()?.floor();
            (seconds.abs() <= LATEST).then_some(seconds as i64)
        };
        number.as_i64().or_else(floor).map(Self).ok_or("no time")
    }
}

/// When a token may be used, in seconds since the Unix epoch, by its issuer's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// `exp`: not from then on.
    pub expires: i64,
    /// `nbf`: not before.
    pub begins: Option<i64>,
    /// `iat`: when it was made, which is not later than its first use.
    pub made: Option<i64>,
}

impl Period {
    /// Whether `now` lies in it. The issuer's clock may be a minute fast or slow.
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if now >= Timestamp::from_seconds(self.expires).plus(LEEWAY) {
            return Err(Refusal::Expired);
        }
        let begins = self.begins.max(self.made);
        if begins.is_some_and(|begins| now < Timestamp::from_seconds(begins).minus(LEEWAY)) {
            return Err(Refusal::NotYetValid);
        }
        Ok(())
    }
}
