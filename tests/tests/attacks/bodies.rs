//! Attackers who are admitted, hold something back, and act after the end.

use dwell_axum::seconds;
use dwell_tests::{Wire, status};
use tokio::time::sleep;

use crate::support::{COOKIE, REAUTHENTICATE, Served, cents, sign_in, transfer_of};
use crate::wire::{head, json};

/// Begins a transfer and holds back all but the first byte of its body.
async fn held_back(bank: &Served, token: &str) -> (Wire, String) {
    let order = transfer_of("100");
    let mut wire = Wire::open(bank.address).await;
    let (first, rest) = order.split_at(1);
    wire.say(&head("POST", "/api/transfer", token, &json(order.len())))
        .await;
    wire.say(first).await;
    (wire, rest.to_owned())
}

/// Lets the bank read what it has got, and notice an end (law L14).
async fn noticed() {
    // The bank's timers are real here: it checks after a quarter of a second.
    sleep(seconds(1)).await;
}

/// From a copied cookie; the victim signs out.
#[tokio::test]
async fn n62_transfer_held_back_moves_nothing_after_sign_out() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let token = alice.cookie(COOKIE).unwrap();
    let (mut wire, rest) = held_back(&bank, &token).await;
    noticed().await;
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    noticed().await;
    wire.say(&rest).await;
    let answer = wire.rest().await;
    assert_ne!(status(&answer), "200", "{answer}");
    sign_in(&alice, "alice").await;
    assert_eq!(cents(&alice).await, 123_450);
}

/// The rest comes at once after the end: the handler asks before it acts.
#[tokio::test]
async fn n62_transfer_right_after_sign_out_moves_nothing() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let token = alice.cookie(COOKIE).unwrap();
    for _ in 0..10 {
        let token = alice.cookie(COOKIE).unwrap_or_else(|| token.clone());
        let (mut wire, rest) = held_back(&bank, &token).await;
        assert_eq!(alice.post("/session/end", "").await.status, 204);
        wire.say(&rest).await;
        let answer = wire.rest().await;
        assert_ne!(status(&answer), "200", "{answer}");
        sign_in(&alice, "alice").await;
        assert_eq!(cents(&alice).await, 123_450);
    }
}

/// The window in which the bank accepts a password closes meanwhile.
#[tokio::test]
async fn n62_transfer_held_back_beyond_step_up_window_moves_nothing() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    bank.pass_active(&alice, REAUTHENTICATE - seconds(1)).await;
    let token = alice.cookie(COOKIE).unwrap();
    let (mut wire, rest) = held_back(&bank, &token).await;
    noticed().await;
    bank.clock.advance(seconds(1));
    wire.say(&rest).await;
    let answer = wire.rest().await;
    assert!(answer.contains("step_up_required"), "{answer}");
    assert_eq!(cents(&alice).await, 123_450);
}

/// Nobody may keep a body open for as long as it likes.
#[tokio::test]
async fn n62_bank_waits_ten_seconds_for_body() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let token = alice.cookie(COOKIE).unwrap();
    let (mut wire, _) = held_back(&bank, &token).await;
    let answer = wire.until("slow_body").await;
    assert_eq!(status(&answer), "408", "{answer}");
}

/// A stream that a thief has open ends with the session.
#[tokio::test]
async fn l14_stream_of_thief_ends_with_session() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let token = alice.cookie(COOKIE).unwrap();
    let mut wire = Wire::open(bank.address).await;
    wire.say(&head("GET", "/events", &token, "")).await;
    wire.until("event: tick").await;
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    let rest = wire.rest().await;
    assert!(rest.contains(r#"{"reason":"signed_out"}"#), "{rest}");
}
