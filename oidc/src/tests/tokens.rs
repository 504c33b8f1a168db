//! What becomes of each token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bleepstore_core::model::WebIdentity;
use bleepstore_core::ports::TokenRefusal;
use ring::{digest, hmac};
use serde_json::{Value, json};

use super::issuer::{Gate, ISSUER, KEYS, Key, NOW, claims, token, unsigned, with, without};
use crate::Refusal;

async fn accepted(claims: &Value) -> WebIdentity {
    Gate::new().verify(&token(claims)).await.unwrap()
}

async fn refused(claims: &Value, refusal: Refusal) {
    Gate::new().refuses(&token(claims), refusal).await;
}

#[tokio::test]
async fn a_token_of_either_algorithm_says_whom_it_is_about() {
    let gate = Gate::new();
    let curve = Key::on_the_curve();
    gate.publish_keys(&[Key::issuers().published("first"), curve.published("second")]);
    let expected = WebIdentity {
        subject: "repo:owner/name".to_owned(),
        audiences: vec!["sts.amazonaws.com".to_owned()],
    };
    assert_eq!(gate.verify(&token(&claims())).await, Ok(expected.clone()));
    assert_eq!(gate.verify(&curve.token("second", &claims())).await, Ok(expected));
}

#[tokio::test]
async fn a_token_is_meant_for_one_or_for_several() {
    let listed = accepted(&with("aud", json!(["a", "b"]))).await;
    assert_eq!(listed.audiences, ["a", "b"]);
    for wrong in [json!([]), json!(7), json!([7]), json!({}), Value::Null] {
        refused(&with("aud", wrong), Refusal::Malformed).await;
    }
}

#[tokio::test]
async fn a_token_without_a_claim_that_it_must_have_is_refused() {
    for name in ["iss", "sub", "aud", "exp"] {
        refused(&without(name), Refusal::Malformed).await;
        refused(&with(name, Value::Null), Refusal::Malformed).await;
    }
    accepted(&without("iat")).await;
    // Some issuers write it as text. Nobody here asks for it.
    accepted(&with("email_verified", "true")).await;
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    for other in [
        "https://other.example",
        "https://issuer.example/tenant/",
        "https://issuer.example",
        "HTTPS://issuer.example/tenant",
        "",
    ] {
        refused(&with("iss", other), Refusal::Issuer).await;
    }
}

#[tokio::test]
async fn an_expired_token_is_refused_a_minute_later() {
    accepted(&with("exp", NOW - 59)).await;
    let expired = token(&with("exp", NOW - 60));
    assert_eq!(Gate::new().verify(&expired).await, Err(TokenRefusal::Expired));
}

#[tokio::test]
async fn a_token_that_is_not_valid_yet_is_refused_until_a_minute_before() {
    for name in ["nbf", "iat"] {
        accepted(&with(name, NOW + 60)).await;
        refused(&with(name, NOW + 61), Refusal::NotYetValid).await;
    }
    let mut later = without("iat");
    later["nbf"] = (NOW + 61).into();
    refused(&later, Refusal::NotYetValid).await;
}

#[tokio::test]
async fn times_at_the_ends_of_their_range_are_no_trouble() {
    let over = token(&with("exp", i64::MIN));
    assert_eq!(Gate::new().verify(&over).await, Err(TokenRefusal::Expired));
    refused(&with("nbf", i64::MAX), Refusal::NotYetValid).await;
    accepted(&with("nbf", i64::MIN)).await;
    accepted(&with("exp", i64::MAX)).await;
    refused(&with("exp", 1e30), Refusal::Malformed).await;
}

#[tokio::test]
async fn times_may_have_a_fraction() {
    accepted(&with("iat", NOW as f64 + 0.5)).await;
    accepted(&with("exp", (NOW - 59) as f64 + 0.5)).await;
    let over = token(&with("exp", (NOW - 60) as f64 + 0.5));
    assert_eq!(Gate::new().verify(&over).await, Err(TokenRefusal::Expired));
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let gate = Gate::new();
    for algorithm in ["none", "None", "", "HS256", "RS512", "PS256", "ES384", "rs256"] {
        let text = unsigned(&json!({"alg": algorithm, "kid": "first"}), &claims());
        gate.refuses(&format!("{text}."), Refusal::Algorithm).await;
    }
    for algorithm in ["RS256", "ES256"] {
        gate.publish_keys(&[
            Key::issuers().published("first"),
            Key::on_the_curve().published("first"),
        ]);
        let text = unsigned(&json!({"alg": algorithm, "kid": "first"}), &claims());
        gate.refuses(&format!("{text}."), Refusal::Signature).await;
    }
}

#[tokio::test]
async fn a_token_that_is_signed_with_the_public_key_as_a_secret_is_refused() {
    let published = Key::issuers().published("first");
    let text = unsigned(&json!({"alg": "HS256", "kid": "first"}), &claims());
    for secret in [published.to_string(), published["n"].as_str().unwrap().to_owned()] {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&secret, text.as_bytes()));
        let token = format!("{text}.{signature}");
        Gate::new().refuses(&token, Refusal::Algorithm).await;
    }
}

#[tokio::test]
async fn a_key_is_for_its_own_algorithm_alone() {
    let (rsa, curve) = (Key::issuers(), Key::on_the_curve());
    let gate = Gate::new();
    gate.publish_keys(&[rsa.published("first"), curve.published("second")]);
    for (key, algorithm, id) in [
        (&rsa, "ES256", "first"),
        (&curve, "RS256", "second"),
        (&curve, "ES256", "first"),
        (&rsa, "RS256", "second"),
    ] {
        let token = key.signed(&json!({"alg": algorithm, "kid": id}), &claims());
        gate.refuses(&token, Refusal::UnknownKey).await;
    }
    // Keys of different kinds may share an id.
    let gate = Gate::new();
    gate.publish_keys(&[rsa.published("first"), curve.published("first")]);
    gate.accepts(&rsa.token("first", &claims())).await;
    gate.accepts(&curve.token("first", &claims())).await;
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_used() {
    let stranger = Key::strangers();
    for (name, value) in [
        ("jwk", stranger.published("first")),
        ("jku", json!("https://stranger.example/keys")),
        ("x5u", json!("https://stranger.example/certificate")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = json!({"alg": "RS256", "kid": "first"});
        header[name] = value;
        let gate = Gate::new();
        gate.refuses(&stranger.signed(&header, &claims()), Refusal::Signature)
            .await;
        gate.accepts(&Key::issuers().signed(&header, &claims())).await;
        assert_eq!(gate.hosts.asked_for(), [KEYS]);
    }
}

#[tokio::test]
async fn a_token_of_an_unknown_key_is_refused() {
    let unknown = Key::issuers().token("second", &claims());
    Gate::new().refuses(&unknown, Refusal::UnknownKey).await;
    let nameless = Key::issuers().signed(&json!({"alg": "RS256"}), &claims());
    Gate::new().refuses(&nameless, Refusal::UnknownKey).await;
}

#[tokio::test]
async fn a_signature_of_another_key_or_of_other_claims_is_refused() {
    let stranger = Key::strangers().token("first", &claims());
    Gate::new().refuses(&stranger, Refusal::Signature).await;
    let gate = Gate::new();
    gate.publish_keys(&[
        Key::issuers().published("first"),
        Key::on_the_curve().published("first"),
    ]);
    for key in [Key::issuers(), Key::on_the_curve()] {
        let good = key.token("first", &claims());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let later = URL_SAFE_NO_PAD.encode(with("exp", NOW + 7_200).to_string());
        let forged = format!("{header}.{later}.{signature}");
        gate.refuses(&forged, Refusal::Signature).await;
        let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, signed.as_bytes()));
        let hashed = format!("{signed}.{hash}");
        gate.refuses(&hashed, Refusal::Signature).await;
        let zeros = format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64]));
        gate.refuses(&zeros, Refusal::Signature).await;
    }
}

#[tokio::test]
async fn a_token_with_a_critical_extension_is_refused() {
    for critical in [json!(["b64"]), json!([]), Value::Null] {
        let header = json!({"alg": "RS256", "kid": "first", "crit": critical, "b64": false});
        let token = Key::issuers().signed(&header, &claims());
        Gate::new().refuses(&token, Refusal::Critical).await;
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let gate = Gate::new();
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
        &format!(" {good}"),
    ] {
        gate.refuses(wrong, Refusal::Malformed).await;
    }
    let deep = URL_SAFE_NO_PAD.encode("[".repeat(4_000));
    gate.refuses(&format!("{deep}.{deep}.AA"), Refusal::Malformed)
        .await;
    let twice = format!(r#"{{"iss":"{ISSUER}","iss":"{ISSUER}","sub":"s","aud":"a","exp":{NOW}}}"#);
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"first"}"#);
    let twice = format!("{header}.{}.AA", URL_SAFE_NO_PAD.encode(twice));
    gate.refuses(&twice, Refusal::Malformed).await;
}

/// A good token of exactly so many characters.
fn token_of_length(length: usize) -> String {
    const SIGNATURE: usize = 1 + 342;
    let header = |padding: usize| json!({"alg": "RS256", "kid": "first", "typ": "x".repeat(padding)});
    let claims = |padding: usize| with("more", "x".repeat(padding));
    let about = (length - SIGNATURE) / 4 * 3;
    let paddings =
        (0..4).flat_map(|of_header| (about - 400..about).map(move |of_claims| (of_header, of_claims)));
    let mut tokens = paddings.map(|(of_header, of_claims)| (header(of_header), claims(of_claims)));
    let (header, claims) = tokens
        .find(|(header, claims)| unsigned(header, claims).len() + SIGNATURE == length)
        .unwrap();
    Key::issuers().signed(&header, &claims)
}

#[tokio::test]
async fn a_token_has_20_000_characters_at_most() {
    let longest = token_of_length(20_000);
    assert_eq!(longest.len(), 20_000);
    Gate::new().accepts(&longest).await;
    Gate::new()
        .refuses(&token_of_length(20_001), Refusal::Malformed)
        .await;
}

#[tokio::test]
async fn a_refused_token_does_not_ask_for_keys() {
    let gate = Gate::new();
    for wrong in [
        with("iss", "x"),
        with("aud", json!([])),
        without("sub"),
        with("exp", 0),
        with("iat", NOW + 600),
    ] {
        assert!(gate.verify(&token(&wrong)).await.is_err());
    }
    assert_eq!(gate.hosts.asked(), 0);
}
