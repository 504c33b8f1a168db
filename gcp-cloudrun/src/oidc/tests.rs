use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bleepstore_core::model::Timestamp;
use bleepstore_oidc::{Published, Refusal as OfToken};
use bleepstore_tests::clock::ManualClock;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::*;

const AUDIENCE: &str = "https://bleepstore.example";
const ACCOUNT: &str = "schedule@project.iam.gserviceaccount.com";
const NOW: i64 = 1_750_000_000;

/// A key from its PEM file.
fn key(pem: &str) -> RsaKeyPair {
    let begin = pem.find("-----BEGIN").unwrap();
    let lines = pem[begin..].lines().filter(|line| !line.starts_with('-'));
    let der = STANDARD.decode(lines.collect::<String>()).unwrap();
    RsaKeyPair::from_pkcs8(&der).unwrap()
}

fn google() -> RsaKeyPair {
    key(include_str!("../../../oidc/src/fixtures/test_key.pem"))
}

fn stranger() -> RsaKeyPair {
    key(include_str!("../../../oidc/src/fixtures/other_test_key.pem"))
}

fn published(id: &str, key: &RsaKeyPair) -> Value {
    let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
    let text = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
    json!({"kid": id, "kty": "RSA", "alg": "RS256", "use": "sig", "n": text(&public.n), "e": text(&public.e)})
}

/// Publishes a set of keys, or nothing, and counts how often it is asked.
#[derive(Default)]
struct Issuer {
    keys: Mutex<Option<Value>>,
    asked: Mutex<usize>,
}

impl Issuer {
    fn publish(&self, keys: &[Value]) {
        *self.keys.lock().unwrap() = Some(json!({ "keys": keys }));
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

/// An issuer as it is asked.
struct Asked(Arc<Issuer>);

#[async_trait]
impl KeySource for Asked {
    async fn fetch(&self) -> Result<Published, KeysUnavailable> {
        *self.0.asked.lock().unwrap() += 1;
        let keys = self.0.keys.lock().unwrap();
        let set = keys.as_ref().ok_or(KeysUnavailable("down".to_owned()))?;
        Ok(Published {
            document: set.to_string().into_bytes(),
            max_age: Duration::from_secs(3_600),
        })
    }
}

struct Gate {
    issuer: Arc<Issuer>,
    clock: Arc<ManualClock>,
    verifier: Verifier<Asked>,
}

/// A verifier at [`NOW`] whose issuer publishes one key as `first`, for an hour.
fn gate() -> Gate {
    let issuer = Arc::new(Issuer::default());
    issuer.publish(&[published("first", &google())]);
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(NOW)));
    let caller = Caller {
        audience: AUDIENCE.to_owned(),
        service_account: ACCOUNT.to_owned(),
    };
    let verifier = Verifier::new(caller, Asked(issuer.clone()), clock.clone());
    Gate {
        issuer,
        clock,
        verifier,
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "azp": "1234", "sub": "1234",
        "email": ACCOUNT, "email_verified": true, "iat": NOW - 5, "exp": NOW + 3_600,
    })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn signed_text(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn signed_by(key: &RsaKeyPair, id: &str, claims: &Value) -> String {
    let text = signed_text(&json!({"alg": "RS256", "kid": id, "typ": "JWT"}), claims);
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn token(claims: &Value) -> String {
    signed_by(&google(), "first", claims)
}

async fn refusal(token: &str) -> Refusal {
    gate().verifier.verify(token).await.unwrap_err()
}

#[tokio::test]
async fn a_token_of_the_schedule_is_accepted_in_both_spellings_of_the_issuer() {
    assert_eq!(gate().verifier.verify(&token(&claims())).await, Ok(()));
    let bare = with("iss", "accounts.google.com");
    assert_eq!(gate().verifier.verify(&token(&bare)).await, Ok(()));
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let other = token(&with("iss", "https://accounts.example"));
    assert_eq!(refusal(&other).await, OfToken::Issuer.into());
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    for audience in [json!("https://other.example"), json!("")] {
        assert_eq!(refusal(&token(&with("aud", audience))).await, Refusal::Audience);
    }
    // Google names one audience. A list could name others too.
    let listed = token(&with("aud", json!([AUDIENCE])));
    assert_eq!(refusal(&listed).await, OfToken::Malformed.into());
}

#[tokio::test]
async fn a_token_of_another_account_is_refused() {
    for claims in [
        with("email", "someone@project.example"),
        with("email", Value::Null),
        without("email"),
        with("email_verified", false),
        without("email_verified"),
    ] {
        assert_eq!(refusal(&token(&claims)).await, Refusal::Account, "{claims}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_of_its_time_is_refused() {
    let last = token(&with("exp", NOW - 59));
    assert_eq!(gate().verifier.verify(&last).await, Ok(()));
    let over = token(&with("exp", NOW - 60));
    assert_eq!(refusal(&over).await, OfToken::Expired.into());
    for name in ["nbf", "iat"] {
        let first = token(&with(name, NOW + 60));
        assert_eq!(gate().verifier.verify(&first).await, Ok(()));
        let early = token(&with(name, NOW + 61));
        assert_eq!(refusal(&early).await, OfToken::NotYetValid.into());
    }
}

#[tokio::test]
async fn a_token_that_lacks_what_googles_have_or_is_too_long_is_refused() {
    for name in ["iss", "aud", "exp", "iat"] {
        let short = token(&without(name));
        assert_eq!(refusal(&short).await, OfToken::Malformed.into(), "{name}");
    }
    let long = token(&with("more", "x".repeat(8 * 1024)));
    assert_eq!(refusal(&long).await, OfToken::Malformed.into());
    assert_eq!(refusal("a.b.c").await, OfToken::Malformed.into());
}

#[tokio::test]
async fn a_token_that_is_signed_in_another_way_is_refused() {
    for algorithm in ["none", "None", "", "HS256", "ES256", "RS512"] {
        let text = signed_text(&json!({"alg": algorithm, "kid": "first"}), &claims());
        assert_eq!(refusal(&format!("{text}.")).await, OfToken::Algorithm.into());
    }
    let header = json!({"alg": "RS256", "kid": "first", "crit": ["b64"], "b64": false});
    let text = signed_text(&header, &claims());
    assert_eq!(refusal(&format!("{text}.AA")).await, OfToken::Critical.into());
}

#[tokio::test]
async fn a_token_of_another_key_is_refused() {
    let unknown = signed_by(&google(), "second", &claims());
    assert_eq!(refusal(&unknown).await, OfToken::UnknownKey.into());
    let wrong = signed_by(&stranger(), "first", &claims());
    assert_eq!(refusal(&wrong).await, OfToken::Signature.into());
    let text = signed_text(&json!({"alg": "RS256", "kid": "first"}), &claims());
    assert_eq!(refusal(&format!("{text}.")).await, OfToken::Signature.into());
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_ask_once_a_minute_at_most() {
    let gate = gate();
    let rotated = signed_by(&stranger(), "second", &claims());
    gate.issuer.publish(&[]);
    for _ in 0..3 {
        let refusal = gate.verifier.verify(&rotated).await;
        assert_eq!(refusal, Err(OfToken::UnknownKey.into()));
    }
    gate.issuer.publish(&[published("second", &stranger())]);
    gate.clock.advance(Duration::from_secs(60));
    assert_eq!(gate.verifier.verify(&rotated).await, Ok(()));
    assert_eq!(gate.issuer.asked(), 2);
}

#[tokio::test]
async fn without_keys_nothing_is_accepted() {
    let gate = gate();
    *gate.issuer.keys.lock().unwrap() = None;
    let refusal = gate.verifier.verify(&token(&claims())).await.unwrap_err();
    assert!(matches!(refusal, Refusal::KeysUnavailable(_)), "{refusal}");
}

#[tokio::test]
async fn a_refused_token_does_not_ask_for_keys() {
    let gate = gate();
    for wrong in [
        with("iss", "x"),
        with("aud", "x"),
        with("email", "x"),
        with("exp", 0),
        with("iat", NOW + 600),
    ] {
        assert!(gate.verifier.verify(&token(&wrong)).await.is_err());
    }
    assert_eq!(gate.issuer.asked(), 0);
}

#[tokio::test]
async fn keys_may_be_at_a_url_without_tls() {
    // Nobody listens there: what fails is the connection.
    let refusal = keys_at("http://127.0.0.1:0/certs").fetch().await.unwrap_err();
    assert!(refusal.0.contains("tcp connect"), "{refusal}");
}
