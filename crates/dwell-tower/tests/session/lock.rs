//! `on_idle = "lock"`: an idle session waits for its subject, for a while.

use std::time::Duration;

use dwell_core::{Clock, EndReason, EventKind, OnIdle, Policy, PolicySet, hours, minutes, seconds};
use dwell_testkit::FaultyStore;

use crate::support::{World, issued, key, left, outcome, set_cookies, stack_over, token, verdict};

/// Sessions lock after 15 minutes, end 30 minutes later, and end after an hour at
/// the latest.
fn world() -> World {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(1));
    let locking = default.on_idle(OnIdle::Lock).lock_period(minutes(30));
    World::with(PolicySet::builder(locking).build().unwrap())
}

#[tokio::test]
async fn locked_session_is_locked_everywhere_and_keeps_its_cookie() {
    let world = world();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15) - Duration::from_millis(1));
    assert_eq!(verdict(&mut client).await, "ok");
    world.clock.advance(Duration::from_millis(1));
    for path in [
        "/",
        "/passive",
        "/active/x",
        "/fresh/x",
        "/extend",
        "/rotate",
    ] {
        let answer = client.get(path).await;
        assert_eq!(outcome(&answer), "session_locked", "{path}");
        assert_eq!(set_cookies(&answer), [""; 0], "{path}");
        assert_eq!(answer.header("session-timeout"), None, "{path}");
    }
    assert_eq!(world.events.ends(), []);
    assert_eq!(world.events.count(EventKind::SessionLocked), 1);
}

#[tokio::test]
async fn reaper_and_request_lock_with_one_event() {
    for reaper_first in [true, false] {
        let world = world();
        let mut client = world.signed_in().await;
        let locked_from = world.clock.now() + minutes(15);
        world.clock.advance(minutes(16));
        for turn in 0..4 {
            if (turn % 2 == 0) == reaper_first {
                world.reap().await;
            } else {
                assert_eq!(verdict(&mut client).await, "session_locked");
            }
        }
        assert_eq!(world.events.count(EventKind::SessionLocked), 1);
        assert_eq!(world.facts(&token(&client)).locked_at, Some(locked_from));
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_lock_with_one_event() {
    let world = world();
    let client = world.signed_in().await;
    world.clock.advance(minutes(15));
    let store = FaultyStore::new(world.memory.clone());
    store.delay(seconds(1));
    let node = stack_over(&world.manager_over(store));
    let mut requests = Vec::new();
    for _ in 0..3 {
        let mut request = world.client_of(&node);
        request.set_cookie(crate::support::COOKIE, &token(&client));
        requests.push(tokio::spawn(
            async move { outcome(&request.get("/").await) },
        ));
    }
    for request in requests {
        assert_eq!(request.await.unwrap(), "session_locked");
    }
    assert_eq!(world.events.count(EventKind::SessionLocked), 1);
}

#[tokio::test]
async fn subject_opens_lock_within_same_absolute_deadline() {
    let world = world();
    let mut client = world.signed_in().await;
    let locked = token(&client);
    world.clock.advance(minutes(20));
    assert_eq!(verdict(&mut client).await, "session_locked");
    let answer = client.get("/reauthenticate").await;
    assert_eq!((answer.status.as_u16(), left(&answer)), (200, (900, 2_400)));
    assert_ne!(token(&client), locked, "with a new token");
    assert_eq!(key(&token(&client)), key(&locked), "of the same session");
    assert_eq!(verdict(&mut client).await, "ok");
    assert_eq!(outcome(&client.get("/fresh/x").await), "ok");
    assert_eq!(world.events.count(EventKind::SessionUnlocked), 1);
    assert_eq!(world.events.count(EventKind::StepUpSucceeded), 1);

    // And again.
    world.clock.advance(minutes(15));
    assert_eq!(verdict(&mut client).await, "session_locked");
    client.get("/reauthenticate").await;
    assert_eq!(left(&client.get("/passive").await), (900, 1_500));
}

#[tokio::test]
async fn l19_locked_session_can_be_signed_out() {
    let world = world();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    assert_eq!(verdict(&mut client).await, "session_locked");
    let answer = client.get("/logout").await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (200, "true"));
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
    assert_eq!(verdict(&mut client).await, "session_required");
}

#[tokio::test]
async fn only_authentication_opens_lock() {
    let world = world();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    assert_eq!(outcome(&client.get("/").await), "session_locked");
    let before = world.record(&token(&client));
    for path in ["/extend", "/rotate", "/end-others", "/open"] {
        client.get(path).await;
        assert_eq!(world.record(&token(&client)), before, "{path}");
        assert_eq!(verdict(&mut client).await, "session_locked", "{path}");
    }
}

#[tokio::test]
async fn lock_ends_after_its_period() {
    let world = world();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(45) - Duration::from_millis(1));
    assert_eq!(verdict(&mut client).await, "session_locked");
    world.clock.advance(Duration::from_millis(1));
    let mut late = client.clone();
    let answer = late.get("/reauthenticate").await;
    assert_eq!(answer.status, 409, "also too late for its subject");
    assert_eq!(verdict(&mut client).await, "idle_timeout");
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn reaper_ends_unopened_lock() {
    let world = world();
    world.signed_in().await;
    for _ in 0..5 {
        world.clock.advance(minutes(15));
        world.reap().await;
    }
    let kinds = [
        EventKind::SessionCreated,
        EventKind::SessionLocked,
        EventKind::SessionExpired,
    ];
    assert_eq!(world.events.kinds(), kinds);
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn no_lock_outlasts_absolute_deadline() {
    for tries_first in [true, false] {
        let world = world();
        let mut client = world.signed_in().await;
        for _ in 0..4 {
            world.clock.advance(minutes(10));
            client.get("/").await;
        }
        world.clock.advance(minutes(20) - Duration::from_millis(1));
        assert_eq!(verdict(&mut client).await, "session_locked");
        world.clock.advance(Duration::from_millis(1));
        if tries_first {
            let answer = client.clone().get("/reauthenticate").await;
            assert_eq!((answer.status.as_u16(), issued(&answer)), (409, None));
        }
        assert_eq!(outcome(&client.get("/").await), "absolute_timeout");
        assert_eq!(world.events.ends(), [EndReason::AbsoluteTimeout]);
    }
}

#[tokio::test]
async fn login_of_another_subject_takes_nothing_over() {
    for subject in ["bob", "alice"] {
        let world = world();
        let mut client = world.client();
        client.get("/login?acr=aal3").await;
        let locked = token(&client);
        world.clock.advance(minutes(15));
        assert_eq!(verdict(&mut client).await, "session_locked");
        client.get(&format!("/login?subject={subject}")).await;
        let record = world.record(&token(&client));
        assert_ne!(key(&token(&client)), key(&locked));
        assert_eq!(record.subject.as_str(), subject);
        assert_eq!(
            (record.authentication(), record.facts.created_at),
            (None, world.clock.now())
        );
        assert_eq!(client.get("/").await.text(), subject);
        // The locked session is over.
        assert_eq!(verdict(&mut world.client_with(&locked)).await, "superseded");
        assert_eq!(world.events.ends(), [EndReason::Superseded]);
        assert_eq!(world.events.count(EventKind::SessionUnlocked), 0);
    }
}

#[tokio::test]
async fn authentication_of_another_subject_opens_nothing() {
    let world = world();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    for subject in ["bob", "alice"] {
        let mut other = world.client();
        other.get(&format!("/login?subject={subject}")).await;
        assert_eq!(other.get("/reauthenticate").await.status, 200);
        assert_eq!(verdict(&mut client).await, "session_locked", "{subject}");
    }
}

#[tokio::test]
async fn guessing_ends_locked_session() {
    let world = world();
    let mut client = world.signed_in().await;
    let mut holder = client.clone();
    world.clock.advance(minutes(15));
    for _ in 0..4 {
        assert_eq!(client.get("/reauthenticate?fail=1").await.text(), "false");
        assert_eq!(verdict(&mut client).await, "session_locked");
    }
    assert_eq!(client.get("/reauthenticate?fail=1").await.text(), "true");
    assert_eq!(verdict(&mut holder).await, "reauthentication_failed");
    assert_eq!(world.events.ends(), [EndReason::ReauthenticationFailed]);
}

#[tokio::test]
async fn copied_token_is_detected_while_locked() {
    let world = world();
    let mut client = world.signed_in().await;
    let mut thief = client.clone();
    client.get("/rotate").await;
    assert_eq!(verdict(&mut client).await, "ok");
    world.clock.advance(minutes(20));
    assert_eq!(outcome(&thief.get("/").await), "token_reuse");
    assert_eq!(verdict(&mut client).await, "token_reuse");
}

#[tokio::test]
async fn successor_first_shown_to_lock_counts_as_used() {
    let world = world();
    let mut client = world.signed_in().await;
    let mut thief = client.clone();
    client.get("/rotate").await;
    world.clock.advance(minutes(20));
    assert_eq!(verdict(&mut client).await, "session_locked");
    assert_eq!(verdict(&mut thief).await, "token_reuse");
    assert_eq!(world.events.ends(), [EndReason::TokenReuse]);
}

#[tokio::test]
async fn token_with_lost_successor_still_opens_lock() {
    let world = world();
    let mut client = world.signed_in().await;
    client.clone().get("/rotate").await;
    world.clock.advance(minutes(20));
    assert_eq!(verdict(&mut client).await, "session_locked");
    assert_eq!(client.get("/reauthenticate").await.status, 200);
    for _ in 0..3 {
        assert_eq!(verdict(&mut client).await, "ok");
        world.clock.advance(seconds(11));
    }
}

#[tokio::test]
async fn locked_session_can_sign_out_on_exempt_path() {
    let world = world();
    let stack = world.stack().add_exempt_path("/open/");
    let mut client = crate::support::signed_in(world.client_of(&stack)).await;
    let mut holder = client.clone();
    world.clock.advance(minutes(15));
    let answer = client.get("/open/logout").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (200, "true")
    );
    assert!(set_cookies(&answer)[0].contains("Max-Age=0"));
    assert_eq!(verdict(&mut holder).await, "signed_out");
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
}
