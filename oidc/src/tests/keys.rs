//! When keys are asked for, and how long they are used.

use std::time::Duration;

use bleepstore_core::ports::TokenRefusal;

use super::issuer::{Gate, Key, NOW, claims, token, with};
use crate::Refusal;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn rotated() -> String {
    Key::strangers().token("second", &claims())
}

#[tokio::test]
async fn keys_are_asked_for_once_and_again_when_they_are_too_old() {
    let gate = Gate::new();
    let token = token(&with("exp", NOW + 90_000));
    for _ in 0..3 {
        gate.accepts(&token).await;
    }
    assert_eq!(gate.hosts.asked(), 1);
    gate.clock.advance(seconds(3_599));
    gate.accepts(&token).await;
    assert_eq!(gate.hosts.asked(), 1);
    gate.clock.advance(seconds(1));
    gate.accepts(&token).await;
    assert_eq!(gate.hosts.asked(), 2);
}

#[tokio::test]
async fn keys_that_are_too_old_are_not_used_where_no_others_can_be_read() {
    let gate = Gate::new();
    let token = token(&with("exp", NOW + 90_000));
    gate.accepts(&token).await;
    gate.hosts.go_down();
    gate.clock.advance(seconds(3_600));
    for _ in 0..3 {
        let refusal = gate.verify(&token).await.unwrap_err();
        assert!(matches!(refusal, TokenRefusal::Unavailable(_)), "{refusal}");
    }
    assert_eq!(gate.hosts.asked(), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_ask_once_a_minute_at_most() {
    let gate = Gate::new();
    for _ in 0..3 {
        gate.refuses(&rotated(), Refusal::UnknownKey).await;
    }
    assert_eq!(gate.hosts.asked(), 1);
    gate.publish_keys(&[Key::strangers().published("second")]);
    gate.clock.advance(seconds(59));
    gate.refuses(&rotated(), Refusal::UnknownKey).await;
    gate.clock.advance(seconds(1));
    gate.accepts(&rotated()).await;
    assert_eq!(gate.hosts.asked(), 2);
    // What is published no longer is trusted no longer.
    gate.refuses(&token(&claims()), Refusal::UnknownKey).await;
}

#[tokio::test]
async fn an_unknown_key_costs_the_known_ones_nothing_where_no_others_can_be_read() {
    let gate = Gate::new();
    gate.accepts(&token(&claims())).await;
    gate.hosts.go_down();
    gate.clock.advance(seconds(60));
    gate.refuses(&rotated(), Refusal::UnknownKey).await;
    assert_eq!(gate.hosts.asked(), 2);
    gate.accepts(&token(&claims())).await;
}

#[tokio::test]
async fn without_keys_nothing_is_accepted_and_nothing_asked_for_a_minute() {
    let gate = Gate::new();
    gate.hosts.go_down();
    let token = token(&claims());
    for _ in 0..3 {
        let refusal = gate.verify(&token).await.unwrap_err();
        assert!(matches!(refusal, TokenRefusal::Unavailable(_)), "{refusal}");
    }
    assert_eq!(gate.hosts.asked(), 1);
    gate.publish_keys(&[Key::issuers().published("first")]);
    gate.clock.advance(seconds(60));
    gate.accepts(&token).await;
}

#[tokio::test]
async fn a_client_that_leaves_does_not_take_the_answer_with_it() {
    let gate = Gate::new();
    gate.hosts.hold_answers();
    let token = token(&claims());
    tokio::select! {
        outcome = gate.verify(&token) => panic!("{outcome:?} without keys"),
        () = gate.hosts.reached() => {}
    }
    gate.hosts.answer();
    gate.accepts(&token).await;
    assert_eq!(gate.hosts.asked(), 1);
}

#[tokio::test]
async fn a_known_key_does_not_wait_for_an_unknown_one() {
    let gate = Gate::new();
    gate.accepts(&token(&claims())).await;
    gate.hosts.reached().await;
    gate.clock.advance(seconds(60));
    gate.hosts.hold_answers();
    let unknown = rotated();
    tokio::select! {
        outcome = gate.verify(&unknown) => panic!("{outcome:?} without an answer"),
        () = gate.hosts.reached() => gate.accepts(&token(&claims())).await,
    }
    assert_eq!(gate.hosts.asked(), 2);
}
