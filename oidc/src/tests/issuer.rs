//! An issuer that a test makes: its keys, its tokens, and the time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bleepstore_core::model::{Timestamp, TrustedIssuer, WebIdentity};
use bleepstore_core::ports::{Clock, IdentityTokens, TokenRefusal};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::hosts::Hosts;
use crate::{IssuerTokens, Refusal};

pub(super) const NOW: i64 = 1_750_000_000;
pub(super) const ISSUER: &str = "https://issuer.example/tenant";
pub(super) const KEYS: &str = "https://keys.example/set";

/// Time that stands still until a test moves it.
pub(super) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub(super) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(by);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _duration: Duration) {
        unreachable!("nothing waits on this clock");
    }
}

pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock(Mutex::new(Timestamp::from_seconds(NOW))))
}

/// A key that signs.
pub(super) enum Key {
    Rsa(RsaKeyPair),
    Curve(EcdsaKeyPair),
}

fn rsa(pem: &str) -> Key {
    Key::Rsa(RsaKeyPair::from_pkcs8(&der(pem)).unwrap())
}

/// What a PEM file has.
pub(super) fn der(pem: &str) -> Vec<u8> {
    let begin = pem.find("-----BEGIN").unwrap();
    let lines = pem[begin..].lines().filter(|line| !line.starts_with('-'));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

impl Key {
    pub(super) fn issuers() -> Self {
        rsa(include_str!("../fixtures/test_key.pem"))
    }

    pub(super) fn strangers() -> Self {
        rsa(include_str!("../fixtures/other_test_key.pem"))
    }

    pub(super) fn on_the_curve() -> Self {
        let pem = include_str!("../fixtures/test_ec_key.pem");
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der(pem), &random);
        Self::Curve(key.unwrap())
    }

    pub(super) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Curve(_) => "ES256",
        }
    }

    /// The key as its issuer publishes it.
    pub(super) fn published(&self, id: &str) -> Value {
        let text = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        let mut key = match self {
            Self::Rsa(key) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "n": text(&public.n), "e": text(&public.e)})
            }
            Self::Curve(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)})
            }
        };
        key["kid"] = id.into();
        key["alg"] = self.algorithm().into();
        key["use"] = "sig".into();
        key
    }

    /// A token of this key, named `id`.
    pub(super) fn token(&self, id: &str, claims: &Value) -> String {
        self.signed(&json!({"alg": self.algorithm(), "kid": id, "typ": "JWT"}), claims)
    }

    pub(super) fn signed(&self, header: &Value, claims: &Value) -> String {
        let text = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Self::Curve(key) => key.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A token up to its signature.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "repo:owner/name", "aud": "sts.amazonaws.com", "iat": NOW - 5, "exp": NOW + 3_600,
    })
}

pub(super) fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

pub(super) fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A token of the issuer's key `first`.
pub(super) fn token(claims: &Value) -> String {
    Key::issuers().token("first", claims)
}

pub(super) fn issuer(keys: Option<&str>) -> TrustedIssuer {
    TrustedIssuer {
        url: ISSUER.to_owned(),
        keys: keys.map(str::to_owned),
        certificates: None,
    }
}

pub(super) fn invalid(refusal: Refusal) -> TokenRefusal {
    TokenRefusal::Invalid(refusal.to_string())
}

/// Tokens are checked at [`NOW`], with the key `first` that is published at [`KEYS`] for an hour.
pub(super) struct Gate {
    pub(super) hosts: Arc<Hosts>,
    pub(super) clock: Arc<ManualClock>,
    tokens: IssuerTokens,
}

impl Gate {
    pub(super) fn new() -> Self {
        let hosts = Arc::new(Hosts::default());
        hosts.publish(KEYS, &json!({"keys": [Key::issuers().published("first")]}));
        let clock = clock();
        let reader = hosts.clone();
        let tokens = IssuerTokens::reading(clock.clone(), move |_| reader.clone());
        Self { hosts, clock, tokens }
    }

    pub(super) fn publish_keys(&self, keys: &[Value]) {
        self.hosts.publish(KEYS, &json!({ "keys": keys }));
    }

    pub(super) async fn verify(&self, token: &str) -> Result<WebIdentity, TokenRefusal> {
        self.verify_of(&issuer(Some(KEYS)), token).await
    }

    pub(super) async fn verify_of(
        &self,
        issuer: &TrustedIssuer,
        token: &str,
    ) -> Result<WebIdentity, TokenRefusal> {
        self.tokens.verify(issuer, token).await
    }

    pub(super) async fn accepts(&self, token: &str) {
        self.verify(token).await.unwrap();
    }

    pub(super) async fn refuses(&self, token: &str, refusal: Refusal) {
        assert_eq!(self.verify(token).await, Err(invalid(refusal)), "{token}");
    }
}
