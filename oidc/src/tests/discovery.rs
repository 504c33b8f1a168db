//! Where keys are looked for.

use std::time::Duration;

use bleepstore_core::model::TrustedIssuer;
use bleepstore_core::ports::TokenRefusal;
use serde_json::{Value, json};

use super::issuer::{Gate, ISSUER, KEYS, Key, claims, issuer, token, with};

const DISCOVERY: &str = "https://issuer.example/tenant/.well-known/openid-configuration";

fn document(issuer: &str, keys: &str) -> Value {
    json!({"issuer": issuer, "jwks_uri": keys, "response_types_supported": ["id_token"]})
}

#[tokio::test]
async fn keys_are_where_the_discovery_document_says() {
    let gate = Gate::new();
    gate.hosts.publish(DISCOVERY, &document(ISSUER, KEYS));
    let token = token(&claims());
    assert!(gate.verify_of(&issuer(None), &token).await.is_ok());
    assert_eq!(gate.hosts.asked_for(), [DISCOVERY, KEYS]);
}

#[tokio::test]
async fn the_discovery_document_is_read_again_with_the_keys() {
    let gate = Gate::new();
    gate.hosts.publish(DISCOVERY, &document(ISSUER, KEYS));
    let unknown = Key::strangers().token("second", &claims());
    assert!(gate.verify_of(&issuer(None), &unknown).await.is_err());
    let moved = "https://keys.example/moved";
    let keys = json!({"keys": [Key::strangers().published("second")]});
    gate.hosts.publish(DISCOVERY, &document(ISSUER, moved));
    gate.hosts.publish(moved, &keys);
    gate.clock.advance(Duration::from_secs(60));
    assert!(gate.verify_of(&issuer(None), &unknown).await.is_ok());
    assert_eq!(gate.hosts.asked_for(), [DISCOVERY, KEYS, DISCOVERY, moved]);
}

#[tokio::test]
async fn an_issuer_with_a_slash_at_its_end_has_one_slash_in_its_discovery_url() {
    let gate = Gate::new();
    let url = format!("{ISSUER}/");
    gate.hosts.publish(DISCOVERY, &document(&url, KEYS));
    let slashed = TrustedIssuer {
        url: url.clone(),
        ..issuer(None)
    };
    let token = token(&with("iss", url));
    assert!(gate.verify_of(&slashed, &token).await.is_ok());
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_or_without_tls_is_refused() {
    for wrong in [
        document("https://other.example", KEYS),
        document(&format!("{ISSUER}/"), KEYS),
        document(ISSUER, "http://keys.example/set"),
        document(ISSUER, "file:///etc/passwd"),
        document(ISSUER, "keys"),
        document(ISSUER, ""),
        json!({"issuer": ISSUER}),
        json!({"jwks_uri": KEYS}),
        json!([]),
    ] {
        let gate = Gate::new();
        gate.hosts.publish(DISCOVERY, &wrong);
        let outcome = gate.verify_of(&issuer(None), &token(&claims())).await;
        let refusal = outcome.unwrap_err();
        assert!(
            matches!(refusal, TokenRefusal::Unavailable(_)),
            "{wrong}: {refusal}"
        );
        assert_eq!(gate.hosts.asked_for(), [DISCOVERY], "{wrong}");
    }
}

#[tokio::test]
async fn each_issuer_has_its_own_keys() {
    let gate = Gate::new();
    let other = TrustedIssuer {
        url: "https://other.example".to_owned(),
        ..issuer(Some("https://other.example/keys"))
    };
    gate.hosts.publish(
        "https://other.example/keys",
        &json!({"keys": [Key::strangers().published("first")]}),
    );
    let theirs = with("iss", "https://other.example");
    let good = Key::strangers().token("first", &theirs);
    assert!(gate.verify_of(&other, &good).await.is_ok());
    gate.accepts(&token(&claims())).await;
    assert!(gate.verify_of(&other, &token(&theirs)).await.is_err());
}
