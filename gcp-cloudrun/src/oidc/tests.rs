use std::sync::Mutex;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bleepstore_tests::clock::ManualClock;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{digest, hmac};
use serde_json::{Value, json};

use super::keys::Published;
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
    key(include_str!("fixtures/test_key.pem"))
}

fn stranger() -> RsaKeyPair {
    key(include_str!("fixtures/other_test_key.pem"))
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
    max_age: u64,
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

#[async_trait]
impl KeySource for Arc<Issuer> {
    async fn fetch(&self) -> Result<Published, KeysUnavailable> {
        *self.asked.lock().unwrap() += 1;
        let keys = self.keys.lock().unwrap();
        let set = keys.as_ref().ok_or(KeysUnavailable("down".to_owned()))?;
        Ok(Published {
            document: set.to_string().into_bytes(),
            max_age: Duration::from_secs(self.max_age),
        })
    }
}

struct Gate {
    issuer: Arc<Issuer>,
    clock: Arc<ManualClock>,
    verifier: Verifier<Arc<Issuer>>,
}

/// A verifier at [`NOW`] whose issuer publishes one key as `first`, for an hour.
fn gate() -> Gate {
    let issuer = Arc::new(Issuer {
        max_age: 3_600,
        ..Issuer::default()
    });
    issuer.publish(&[published("first", &google())]);
    let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(NOW)));
    let caller = Caller {
        audience: AUDIENCE.to_owned(),
        service_account: ACCOUNT.to_owned(),
    };
    let verifier = Verifier::new(caller, issuer.clone(), clock.clone());
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
    assert_eq!(
        refusal(&token(&with("iss", "https://accounts.example"))).await,
        Refusal::Issuer
    );
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    for audience in [json!("https://other.example"), json!("")] {
        assert_eq!(refusal(&token(&with("aud", audience))).await, Refusal::Audience);
    }
    // Google names one audience. A list could name others too.
    assert_eq!(
        refusal(&token(&with("aud", json!([AUDIENCE])))).await,
        Refusal::Malformed
    );
}

#[tokio::test]
async fn a_token_of_another_account_is_refused() {
    assert_eq!(
        refusal(&token(&with("email", "someone@project.example"))).await,
        Refusal::Account
    );
    assert_eq!(
        refusal(&token(&with("email", Value::Null))).await,
        Refusal::Account
    );
    assert_eq!(
        refusal(&token(&with("email_verified", false))).await,
        Refusal::Account
    );
    let mut unverified = claims();
    unverified.as_object_mut().unwrap().remove("email_verified");
    assert_eq!(refusal(&token(&unverified)).await, Refusal::Account);
}

#[tokio::test]
async fn an_expired_token_is_refused_a_minute_later() {
    let gate = gate();
    let last = token(&with("exp", NOW - 59));
    assert_eq!(gate.verifier.verify(&last).await, Ok(()));
    let over = token(&with("exp", NOW - 60));
    assert_eq!(gate.verifier.verify(&over).await, Err(Refusal::Expired));
}

#[tokio::test]
async fn a_token_that_is_not_valid_yet_is_refused_until_a_minute_before() {
    for name in ["nbf", "iat"] {
        assert_eq!(
            gate().verifier.verify(&token(&with(name, NOW + 60))).await,
            Ok(())
        );
        assert_eq!(refusal(&token(&with(name, NOW + 61))).await, Refusal::NotYetValid);
    }
}

#[tokio::test]
async fn times_at_the_ends_of_their_range_are_no_trouble() {
    assert_eq!(refusal(&token(&with("exp", i64::MIN))).await, Refusal::Expired);
    assert_eq!(
        refusal(&token(&with("nbf", i64::MAX))).await,
        Refusal::NotYetValid
    );
    assert_eq!(
        gate().verifier.verify(&token(&with("exp", i64::MAX))).await,
        Ok(())
    );
    assert_eq!(refusal(&token(&with("exp", 1e30))).await, Refusal::Malformed);
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    for algorithm in ["none", "None", ""] {
        let text = signed_text(&json!({"alg": algorithm, "kid": "first"}), &claims());
        assert_eq!(refusal(&format!("{text}.")).await, Refusal::Algorithm);
    }
    let text = signed_text(&json!({"alg": "RS256", "kid": "first"}), &claims());
    assert_eq!(refusal(&format!("{text}.")).await, Refusal::Signature);
}

#[tokio::test]
async fn a_token_that_is_signed_with_the_public_key_as_a_secret_is_refused() {
    let public = PublicKeyComponents::<Vec<u8>>::from(google().public());
    let text = signed_text(&json!({"alg": "HS256", "kid": "first"}), &claims());
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &public.n);
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&secret, text.as_bytes()));
    assert_eq!(refusal(&format!("{text}.{signature}")).await, Refusal::Algorithm);
}

#[tokio::test]
async fn a_token_of_an_unknown_key_is_refused() {
    assert_eq!(
        refusal(&signed_by(&google(), "second", &claims())).await,
        Refusal::UnknownKey
    );
    let text = signed_text(&json!({"alg": "RS256"}), &claims());
    assert_eq!(refusal(&format!("{text}.AA")).await, Refusal::UnknownKey);
}

#[tokio::test]
async fn a_signature_of_another_key_or_of_other_claims_is_refused() {
    assert_eq!(
        refusal(&signed_by(&stranger(), "first", &claims())).await,
        Refusal::Signature
    );
    let good = token(&claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let later = URL_SAFE_NO_PAD.encode(with("exp", NOW + 7_200).to_string());
    assert_eq!(
        refusal(&format!("{header}.{later}.{signature}")).await,
        Refusal::Signature
    );
    let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, signed.as_bytes()));
    assert_eq!(refusal(&format!("{signed}.{hash}")).await, Refusal::Signature);
}

#[tokio::test]
async fn a_token_with_a_critical_extension_is_refused() {
    let header = json!({"alg": "RS256", "kid": "first", "crit": ["b64"], "b64": false});
    let text = signed_text(&header, &claims());
    assert_eq!(refusal(&format!("{text}.AA")).await, Refusal::Critical);
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let good = token(&claims());
    for wrong in [
        "",
        ".",
        "..",
        "a.b.c",
        "e30.e30.",
        "\u{1f600}.e30.e30",
        &format!("{good}.x"),
        &format!("{good}="),
    ] {
        assert_eq!(refusal(wrong).await, Refusal::Malformed, "{wrong}");
    }
    let long = token(&with("more", "x".repeat(8 * 1024)));
    assert_eq!(refusal(&long).await, Refusal::Malformed);
    let deep = URL_SAFE_NO_PAD.encode("[".repeat(4_000));
    assert_eq!(refusal(&format!("{deep}.{deep}.AA")).await, Refusal::Malformed);
}

#[tokio::test]
async fn keys_are_asked_for_once_and_again_when_they_are_too_old() {
    let gate = gate();
    let token = token(&with("exp", NOW + 90_000));
    for _ in 0..3 {
        assert_eq!(gate.verifier.verify(&token).await, Ok(()));
    }
    assert_eq!(gate.issuer.asked(), 1);
    gate.clock.advance(Duration::from_secs(3_599));
    assert_eq!(gate.verifier.verify(&token).await, Ok(()));
    assert_eq!(gate.issuer.asked(), 1);
    gate.clock.advance(Duration::from_secs(1));
    assert_eq!(gate.verifier.verify(&token).await, Ok(()));
    assert_eq!(gate.issuer.asked(), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_ask_once_a_minute_at_most() {
    let gate = gate();
    let rotated = signed_by(&stranger(), "second", &claims());
    for _ in 0..3 {
        assert_eq!(gate.verifier.verify(&rotated).await, Err(Refusal::UnknownKey));
    }
    assert_eq!(gate.issuer.asked(), 1);
    gate.issuer.publish(&[published("second", &stranger())]);
    gate.clock.advance(Duration::from_secs(59));
    assert_eq!(gate.verifier.verify(&rotated).await, Err(Refusal::UnknownKey));
    gate.clock.advance(Duration::from_secs(1));
    assert_eq!(gate.verifier.verify(&rotated).await, Ok(()));
    assert_eq!(gate.issuer.asked(), 2);
    // What is published no longer is trusted no longer.
    assert_eq!(
        gate.verifier.verify(&token(&claims())).await,
        Err(Refusal::UnknownKey)
    );
}

#[tokio::test]
async fn without_keys_nothing_is_accepted_and_nothing_asked_for_a_minute() {
    let gate = gate();
    *gate.issuer.keys.lock().unwrap() = None;
    let token = token(&claims());
    for _ in 0..3 {
        let refusal = gate.verifier.verify(&token).await.unwrap_err();
        assert!(matches!(refusal, Refusal::KeysUnavailable(_)), "{refusal}");
    }
    assert_eq!(gate.issuer.asked(), 1);
    gate.issuer.publish(&[published("first", &google())]);
    gate.clock.advance(Duration::from_secs(60));
    assert_eq!(gate.verifier.verify(&token).await, Ok(()));
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
