//! Requests in flight while another one changes or ends their session.

use std::time::Duration;

use dwell_core::{Clock, EndReason, EventKind, minutes, seconds};
use dwell_testkit::FaultyStore;

use crate::support::{World, issued, outcome, set_cookies, stack_over, token, verdict};

/// Checks that the store has one tombstone and nothing else, and that later uses
/// learn the reason.
async fn assert_signed_out(world: &World, token: &str) {
    assert_eq!(world.memory.len(), 1);
    assert_eq!(world.tombstone(token).reason, EndReason::SignedOut);
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
    for _ in 0..2 {
        assert_eq!(verdict(&mut world.client_with(token)).await, "signed_out");
        world.clock.advance(minutes(1));
    }
}

#[tokio::test]
async fn n19_request_in_flight_during_sign_out_leaves_tombstone_only() {
    for path in [
        "/?wait=after",
        "/passive?wait=before",
        "/?wait=before&status=500",
    ] {
        let world = World::new();
        let mut client = world.signed_in().await;
        world.clock.advance(minutes(1));
        let slow = world.hold(&client, path).await;
        let old = token(&client);
        client.get("/logout").await;
        let answer = world.finish(slow).await;
        assert_eq!(set_cookies(&answer), [""; 0], "{path}");
        assert_signed_out(&world, &old).await;
    }
}

#[tokio::test]
async fn l04_commands_of_request_in_flight_revive_nothing() {
    for path in ["/rotate", "/reauthenticate", "/extend"] {
        let world = World::new();
        let mut client = world.signed_in().await;
        world.clock.advance(minutes(1));
        let slow = world.hold(&client, &format!("{path}?wait=before")).await;
        let old = token(&client);
        client.get("/logout").await;
        let answer = world.finish(slow).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (409, "the session has ended: signed_out".into())
        );
        assert_eq!(set_cookies(&answer), [""; 0], "{path}");
        assert_signed_out(&world, &old).await;
    }
}

#[tokio::test]
async fn l04_token_rotated_before_end_is_dead() {
    for path in ["/rotate?wait=after", "/reauthenticate?wait=after"] {
        let world = World::new();
        let mut client = world.signed_in().await;
        let slow = world.hold(&client, path).await;
        let old = token(&client);
        client.get("/logout").await;
        let answer = world.finish(slow).await;
        if let Some(new) = issued(&answer) {
            assert_eq!(
                verdict(&mut world.client_with(&new)).await,
                "signed_out",
                "{path}"
            );
        }
        assert_signed_out(&world, &old).await;
    }
}

#[tokio::test(start_paused = true)]
async fn l04_session_ending_during_rotation_stays_ended() {
    for path in [
        "/rotate",
        "/reauthenticate",
        "/extend",
        "/reauthenticate?fail=1",
    ] {
        let world = World::new();
        let store = FaultyStore::new(world.memory.clone());
        let stack = stack_over(&world.manager_over(store.clone()));
        let mut client = world.client_of(&stack);
        client.get("/login").await;
        let old = token(&client);
        world.clock.advance(minutes(1));
        let slow = world
            .hold(
                &client,
                &format!("{path}?wait=before").replace("?fail=1?", "?fail=1&"),
            )
            .await;
        // The end comes while the command's write is on its way.
        store.delay(seconds(1));
        world.pause.release(1);
        tokio::time::advance(Duration::from_millis(500)).await;
        let record = world.record(&old);
        world
            .manager
            .end_session(record.key, EndReason::SignedOut)
            .await
            .unwrap();
        let answer = slow.await.unwrap();
        store.heal();
        assert_eq!(answer.status, 409, "{path}");
        assert_eq!(issued(&answer), None, "{path}");
        stack.flush().await;
        let tombstone = world.tombstone(&old).record;
        assert_eq!(
            (tombstone.facts, tombstone.credential),
            (record.facts, record.credential)
        );
        assert_signed_out(&world, &old).await;
    }
}

#[tokio::test(start_paused = true)]
async fn l04_touch_stored_after_end_revives_nothing() {
    let world = World::new();
    let store = FaultyStore::new(world.memory.clone());
    let stack = stack_over(&world.manager_over(store.clone()));
    let mut client = world.client_of(&stack);
    client.get("/login").await;
    let old = token(&client);
    world.clock.advance(minutes(1));
    let slow = world.hold(&client, "/?wait=before").await;
    store.delay(seconds(1));
    assert_eq!(world.finish(slow).await.status, 200);
    let key = crate::support::key(&old);
    world
        .manager
        .end_session(key, EndReason::SignedOut)
        .await
        .unwrap();
    stack.flush().await;
    store.heal();
    assert_signed_out(&world, &old).await;
}

#[tokio::test]
async fn n19_request_in_flight_during_login_changes_neither_session() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let old = token(&client);
    world.clock.advance(minutes(1));
    let slow = world.hold(&client, "/rotate?wait=before").await;
    client.get("/login").await;
    let before = world.record(&token(&client));
    let answer = world.finish(slow).await;
    assert_eq!(set_cookies(&answer), [""; 0]);
    assert_eq!(world.record(&token(&client)), before);
    assert_eq!(world.tombstone(&old).reason, EndReason::Superseded);
}

#[tokio::test]
async fn l04_no_later_request_revives_dead_session() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let old = token(&client);
    client.get("/logout").await;
    let tombstone = world.tombstone(&old);
    for path in [
        "/",
        "/extend",
        "/rotate",
        "/reauthenticate",
        "/login/x",
        "/fresh/x",
    ] {
        let mut again = world.client_with(&old);
        let answer = again.get(path).await;
        assert_ne!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(issued(&answer), None, "{path}");
    }
    // Signing out once more ends nothing and is no error (law L19).
    assert_eq!(world.client_with(&old).get("/logout").await.text(), "false");
    assert_eq!(world.tombstone(&old), tombstone);
    assert_signed_out(&world, &old).await;
}

#[tokio::test]
async fn n18_earlier_slow_request_does_not_move_activity_back() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(1));
    let slow = world.hold(&client, "/?wait=before").await;
    world.clock.advance(minutes(4));
    client.get("/").await;
    let later = world.facts(&token(&client));
    assert_eq!(later.last_active_at, world.clock.now());
    world.finish(slow).await;
    assert_eq!(world.facts(&token(&client)), later);
}

#[tokio::test]
async fn n40_upload_admitted_in_time_finishes_and_next_is_refused() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(14));
    let upload = world.hold(&client, "/?wait=before").await;
    world.clock.advance(minutes(2));
    let answer = world.finish(upload).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "alice")
    );
    assert_eq!(outcome(&client.get("/").await), "idle_timeout");
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn n40_request_at_deadline_never_reaches_handler() {
    let world = World::new();
    let client = world.signed_in().await;
    world.clock.advance(minutes(15) - Duration::from_millis(1));
    let in_time = world.hold(&client, "/?wait=before").await;
    world.clock.advance(Duration::from_millis(1));
    let late = client.clone().get("/rotate?wait=before").await;
    assert_eq!(late.reason().as_deref(), Some("idle_timeout"));
    assert_eq!(world.events.count(EventKind::SessionRotated), 0);
    assert_eq!(world.finish(in_time).await.status, 200);
}
