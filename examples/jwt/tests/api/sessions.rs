//! How sessions of the API begin, go on and end.

use axum::http::Method;
use dwell_axum::dwell_memory::MemoryStore;
use dwell_axum::{hours, minutes, seconds};
use jwt_api::Families;

use crate::support::{Client, claims, node, outcome, serve};

#[tokio::test]
async fn login_opens_account_and_says_time_left() {
    let (address, _) = node().await;
    let alice = Client::log_in(address, "alice").await;
    let answer = alice.get("/account").await;
    assert_eq!(answer.text(), "account of alice");
    assert_eq!(answer.time_left().map(|left| left.idle), Some(900));
    let nobody = alice.send(Method::GET, "/account", "", "").await;
    assert_eq!(outcome(&nobody), "session_required");
}

#[tokio::test]
async fn n100_page_that_refreshes_forever_is_signed_out_on_time() {
    let (address, clock) = node().await;
    let mut alice = Client::log_in(address, "alice").await;
    assert_eq!(outcome(&alice.get("/account").await), "200");
    for minute in 1..15 {
        clock.advance(minutes(1));
        assert_eq!(outcome(&alice.refresh().await), "200", "minute {minute}");
        assert_eq!(outcome(&alice.get("/notifications").await), "200");
    }
    clock.advance(minutes(1));
    assert_eq!(outcome(&alice.refresh().await), "idle_timeout");
    // Nor does the last access token reach beyond the deadline.
    assert_eq!(outcome(&alice.get("/account").await), "session_required");
}

#[tokio::test]
async fn n100_refresh_starts_no_absolute_timeout_afresh() {
    let (address, clock) = node().await;
    let mut alice = Client::log_in(address, "alice").await;
    let jti = |client: &Client| claims(&client.access)["jti"].clone();
    for _ in 1..8 * 12 {
        let before = jti(&alice);
        assert_eq!(outcome(&alice.get("/account").await), "200");
        clock.advance(minutes(5) - seconds(1));
        assert_eq!(outcome(&alice.refresh().await), "200");
        clock.advance(seconds(1));
        assert_ne!(jti(&alice), before, "each token has another id");
    }
    clock.advance(minutes(5));
    assert_eq!(
        outcome(&alice.refresh().await),
        "session_required",
        "the refresh token ends, too"
    );
    assert_eq!(outcome(&alice.get("/account").await), "session_required");
}

#[tokio::test]
async fn token_expires_no_later_than_session() {
    let (address, clock) = node().await;
    let mut alice = Client::log_in(address, "alice").await;
    alice.get("/account").await;
    clock.advance(minutes(13));
    assert_eq!(outcome(&alice.refresh().await), "200");
    let issued = claims(&alice.access);
    let lifetime = issued["exp"].as_u64().zip(issued["iat"].as_u64());
    // Rounded down to whole seconds.
    let lifetime = lifetime.map(|(exp, iat)| exp - iat);
    assert!(matches!(lifetime, Some(119..=120)), "{lifetime:?}");
}

#[tokio::test]
async fn activity_keeps_session_and_poll_does_not() {
    let (address, clock) = node().await;
    let mut busy = Client::log_in(address, "alice").await;
    let mut away = Client::log_in(address, "bob").await;
    for _ in 0..10 {
        assert_eq!(outcome(&busy.get("/account").await), "200");
        let polled = away.get("/notifications").await;
        assert!(matches!(
            &*outcome(&polled),
            "200" | "idle_timeout" | "session_required"
        ));
        clock.advance(minutes(4));
        busy.refresh().await;
        away.refresh().await;
    }
    assert_eq!(outcome(&busy.get("/account").await), "200");
    assert_eq!(outcome(&away.refresh().await), "idle_timeout");
}

#[tokio::test]
async fn refresh_token_that_comes_again_ends_session() {
    let (address, _) = node().await;
    let mut alice = Client::log_in(address, "alice").await;
    let thief = alice.clone();
    assert_eq!(outcome(&alice.refresh().await), "200");
    let again = thief
        .send(Method::POST, "/refresh", &thief.refresh, "")
        .await;
    assert_eq!(again.status, 400);
    assert_eq!(outcome(&alice.get("/account").await), "token_reuse");
    assert_eq!(outcome(&alice.refresh().await), "token_reuse");
}

#[tokio::test]
async fn access_token_refreshes_nothing_and_refresh_token_opens_nothing() {
    let (address, _) = node().await;
    let alice = Client::log_in(address, "alice").await;
    let answer = alice
        .send(Method::POST, "/refresh", &alice.access, "")
        .await;
    assert_eq!(outcome(&answer), "session_required");
    let answer = alice
        .send(Method::GET, "/account", &alice.refresh, "")
        .await;
    assert_eq!(outcome(&answer), "session_required");
}

#[tokio::test]
async fn n103_step_up_opens_transfer_for_its_time() {
    let (address, clock) = node().await;
    let mut alice = Client::log_in(address, "alice").await;
    let answer = alice.post("/transfer", "").await;
    assert_eq!(outcome(&answer), "step_up_required");
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains("insufficient_user_authentication"),
        "{challenge}"
    );
    clock.advance(minutes(1));
    assert_eq!(alice.step_up("000000").await.status, 400);
    assert_eq!(outcome(&alice.step_up("123456").await), "200");
    assert_eq!(claims(&alice.access)["acr"], "aal2");
    assert_eq!(
        alice.post("/transfer", "").await.text(),
        "transferred by alice"
    );
    // A refresh neither renews nor takes away what the second factor gave.
    clock.advance(minutes(4));
    assert_eq!(outcome(&alice.refresh().await), "200");
    assert_eq!(
        alice.post("/transfer", "").await.text(),
        "transferred by alice"
    );
    clock.advance(minutes(1));
    assert_eq!(outcome(&alice.refresh().await), "200");
    assert_eq!(
        outcome(&alice.post("/transfer", "").await),
        "step_up_required"
    );
    assert_eq!(outcome(&alice.get("/account").await), "200");
}

#[tokio::test]
async fn guessed_codes_end_session() {
    let (address, _) = node().await;
    let mut alice = Client::log_in(address, "alice").await;
    for _ in 0..5 {
        alice.step_up("000000").await;
    }
    assert_eq!(
        outcome(&alice.get("/account").await),
        "reauthentication_failed"
    );
    assert_eq!(outcome(&alice.refresh().await), "reauthentication_failed");
}

#[tokio::test]
async fn session_endpoints_serve_bearer_clients() {
    let (address, clock) = node().await;
    let alice = Client::log_in(address, "alice").await;
    let status = alice.get("/session").await.json();
    assert_eq!(status["state"], "active");
    assert_eq!(status["acr"], "aal1");
    clock.advance(minutes(4));
    assert_eq!(
        alice.get("/session").await.json()["remaining_ms"]
            .as_u64()
            .map(|ms| ms / 1_000),
        Some(660)
    );
    assert_eq!(outcome(&alice.post("/session/extend", "").await), "200");
    let left = alice.get("/session").await.json()["remaining_ms"].clone();
    assert_eq!(left, 900_000);
}

#[tokio::test]
async fn sign_out_at_dwell_ends_refresh_tokens() {
    let (address, _) = node().await;
    let mut alice = Client::log_in(address, "alice").await;
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    assert_eq!(outcome(&alice.get("/account").await), "signed_out");
    assert_eq!(outcome(&alice.refresh().await), "signed_out");
    assert_eq!(
        alice.post("/session/end", "").await.status,
        204,
        "in every state"
    );
}

#[tokio::test]
async fn n103_sign_out_at_owner_ends_session() {
    let (address, clock) = node().await;
    for used in [true, false] {
        let mut alice = Client::log_in(address, "alice").await;
        if used {
            assert_eq!(outcome(&alice.get("/account").await), "200");
        }
        assert_eq!(alice.post("/logout", "").await.status, 204);
        assert_eq!(outcome(&alice.get("/account").await), "signed_out");
        assert_eq!(outcome(&alice.refresh().await), "signed_out");
        clock.advance(hours(1));
    }
}

#[tokio::test]
async fn sign_out_needs_no_access_token() {
    let (address, clock) = node().await;
    let mut alice = Client::log_in(address, "alice").await;
    alice.get("/account").await;
    clock.advance(minutes(6));
    let end = alice
        .send(Method::POST, "/session/end", &alice.refresh, "")
        .await;
    assert_eq!(end.status, 204);
    assert_eq!(outcome(&alice.refresh().await), "signed_out");
}

#[tokio::test]
async fn n98_other_user_is_untouched() {
    let (address, _) = node().await;
    let alice = Client::log_in(address, "alice").await;
    let bob = Client::log_in(address, "bob").await;
    assert_eq!(bob.get("/account").await.text(), "account of bob");
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    assert_eq!(bob.get("/account").await.text(), "account of bob");
}

#[tokio::test]
async fn n101_restart_with_memory_revives_no_session() {
    let (address, clock) = node().await;
    let alice = Client::log_in(address, "alice").await;
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    clock.advance(minutes(1));
    let store = MemoryStore::with_clock(clock.clone());
    let restarted = serve(store, Families::in_memory(), clock).await;
    let mut alice = alice.at(restarted);
    assert_eq!(outcome(&alice.get("/account").await), "session_required");
    assert_eq!(outcome(&alice.refresh().await), "session_required");
    let alice = Client::log_in(restarted, "alice").await;
    assert_eq!(outcome(&alice.get("/account").await), "200");
}
