//! Tokens change at logins and re-authentications; old ones stay good for a grace.

use dwell_core::{
    Clock, EndReason, EventKind, Policy, PolicySet, as_millis, hours, minutes, seconds,
};

use crate::support::{World, get_with, key, left, set_cookies, token, verdict};

#[tokio::test]
async fn l10_login_and_reauthentication_change_token() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let first = token(&client);
    let answer = client.get("/reauthenticate").await;
    assert_eq!(
        (answer.status.as_u16(), set_cookies(&answer).len()),
        (200, 1)
    );
    let second = token(&client);
    assert_ne!(first, second);
    assert_eq!(key(&first), key(&second), "it is the same session");
    client.get("/login").await;
    let third = token(&client);
    assert_ne!(key(&third), key(&second), "a login is another session");
    assert_eq!(verdict(&mut client).await, "ok");
}

#[tokio::test]
async fn l10_old_token_serves_parallel_requests_within_grace() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut parallel = client.clone();
    client.get("/rotate").await;
    assert_eq!(verdict(&mut client).await, "ok");
    assert_eq!(verdict(&mut parallel).await, "ok");
    world.clock.advance(std::time::Duration::from_millis(9_999));
    assert_eq!(verdict(&mut parallel).await, "ok");
    assert_eq!(verdict(&mut client).await, "ok");
    assert_eq!(world.events.ends(), []);
}

#[tokio::test]
async fn l10_old_token_after_use_of_successor_ends_session() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut thief = client.clone();
    let reference = world.events.events()[0].session;
    client.get("/rotate").await;
    assert_eq!(verdict(&mut client).await, "ok");
    world.clock.advance(seconds(10));
    assert_eq!(verdict(&mut client).await, "ok");
    world.events.clear();

    let answer = thief.clone().get("/passive").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.reason().as_deref(), Some("token_reuse"));
    let expired: Vec<_> = world.events.events();
    let expired: Vec<_> = expired
        .iter()
        .filter(|event| event.event == EventKind::SessionExpired)
        .collect();
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].reason, Some(EndReason::TokenReuse));
    assert_eq!((expired[0].session, reference.is_some()), (reference, true));

    assert_eq!(verdict(&mut client).await, "token_reuse");
    assert_eq!(verdict(&mut thief).await, "token_reuse");
    assert_eq!(world.events.ends(), [EndReason::TokenReuse]);
}

#[tokio::test]
async fn l10_token_whose_successor_was_never_seen_stays_good() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let old = token(&client);
    // The answer with the successor never arrives.
    client.clone().get("/rotate").await;
    world.clock.advance(minutes(1));
    let answer = client.get("/passive").await;
    assert_eq!(answer.status, 200);
    let new = token(&client);
    assert_ne!(new, old, "it gets another successor");
    assert_eq!(key(&new), key(&old));
    assert_eq!(world.events.count(EventKind::SessionRotated), 2);

    // From here on it is like any rotation.
    assert_eq!(verdict(&mut client).await, "ok");
    world.clock.advance(seconds(10));
    assert_eq!(verdict(&mut client).await, "ok");
    assert_eq!(world.events.ends(), []);
    assert_eq!(verdict(&mut world.client_with(&old)).await, "token_reuse");
    assert_eq!(world.events.ends(), [EndReason::TokenReuse]);
}

#[tokio::test]
async fn l10_lost_answers_in_row_lock_nobody_out() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for _ in 0..5 {
        client.clone().get("/rotate").await;
        // Within the grace and after it.
        client.clone().get("/rotate").await;
        world.clock.advance(seconds(11));
        assert_eq!(verdict(&mut client.clone()).await, "ok");
        world.clock.advance(seconds(11));
    }
    assert_eq!(verdict(&mut client).await, "ok");
    world.clock.advance(seconds(11));
    assert_eq!(verdict(&mut client).await, "ok");
    assert_eq!(world.events.ends(), []);
}

#[tokio::test]
async fn l10_token_two_generations_old_ends_session_after_grace() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut oldest = client.clone();
    for _ in 0..2 {
        client.get("/rotate").await;
        assert_eq!(verdict(&mut client).await, "ok");
        world.clock.advance(seconds(4));
    }
    // A parallel request may be two rotations old: it is only refused.
    assert_eq!(verdict(&mut oldest).await, "session_required");
    assert_eq!(verdict(&mut client).await, "ok");
    assert_eq!(world.events.ends(), []);

    world.clock.advance(seconds(6));
    assert_eq!(oldest.get("/passive").await.status, 401);
    assert_eq!(world.events.ends(), [EndReason::TokenReuse]);
    assert_eq!(verdict(&mut client).await, "token_reuse");
}

#[tokio::test]
async fn l10_successor_counts_as_used_even_if_its_request_fails() {
    let failed = "/reauthenticate?fail=1";
    for path in ["/", "/?status=500", "/otp/x", "/admin/x", "/extend", failed] {
        let world = World::new();
        let mut client = world.signed_in().await;
        world.clock.advance(minutes(6));
        client.get("/").await;
        let mut thief = client.clone();
        client.get("/rotate").await;
        client.get(path).await;
        world.clock.advance(seconds(10));
        assert_eq!(verdict(&mut thief).await, "token_reuse", "{path}");
        assert_eq!(world.events.ends(), [EndReason::TokenReuse], "{path}");
    }
}

#[tokio::test]
async fn n47_old_token_within_grace_gets_no_cookie() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut parallel = client.clone();
    client.get("/rotate").await;
    for path in ["/passive", "/", "/?status=500"] {
        let answer = parallel.get(path).await;
        assert_eq!(set_cookies(&answer), [""; 0], "{path}");
    }
}

#[tokio::test]
async fn n47_answer_to_old_token_keeps_cookie_of_new_login() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut late = client.clone();
    client.get("/login").await;
    for path in ["/", "/passive", "/login/other"] {
        let answer = late.get(path).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.reason().as_deref(), Some("superseded"));
        assert_eq!(set_cookies(&answer), [""; 0], "{path}");
    }
    assert_eq!(verdict(&mut client).await, "ok");
}

#[tokio::test]
async fn n47_login_over_expired_session_protects_new_cookie() {
    for reaped in [false, true] {
        let world = World::new();
        let mut client = world.signed_in().await;
        let mut late = client.clone();
        world.clock.advance(minutes(15));
        if reaped {
            world.reap().await;
        }
        client.get("/login").await;
        let answer = late.get("/").await;
        assert_eq!(answer.status, 401);
        assert_eq!(set_cookies(&answer), [""; 0], "reaped: {reaped}");
        assert_eq!(verdict(&mut client).await, "ok");
    }
}

#[tokio::test]
async fn n47_dead_cookie_is_removed_when_no_fresh_one_exists() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut other = client.clone();
    client.get("/logout").await;
    let answer = other.get("/").await;
    assert_eq!(set_cookies(&answer).len(), 1);
    assert!(set_cookies(&answer)[0].contains("Max-Age=0"));
}

#[tokio::test]
async fn n47_late_sign_out_keeps_cookie_of_new_login() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let late = world.hold(&client, "/logout?wait=before").await;
    client.get("/login").await;
    let answer = world.finish(late).await;
    assert_eq!(set_cookies(&answer), [""; 0]);
    assert_eq!(verdict(&mut client).await, "ok");
}

#[tokio::test]
async fn n31_new_login_has_new_token_and_absolute_deadline() {
    let world = World::new();
    let mut first = world.signed_in().await;
    let opened = world.clock.now();
    for _ in 0..10 {
        world.clock.advance(minutes(10));
        first.get("/").await;
    }
    // The same user elsewhere: deadlines belong to the session.
    let mut second = world.signed_in().await;
    let age = as_millis(world.clock.now() - opened) / 1_000;
    assert_eq!(left(&first.get("/").await), (900, 8 * 3_600 - age));
    assert_eq!(left(&second.get("/").await), (900, 8 * 3_600));
    assert_ne!(key(&token(&first)), key(&token(&second)));

    // The same client again: the old session leaves nothing.
    let old = token(&first);
    let answer = first.get("/login").await;
    assert_eq!(left(&answer), (900, 8 * 3_600));
    assert_eq!(world.facts(&token(&first)).created_at, world.clock.now());
    assert_ne!(key(&token(&first)), key(&old));
    assert_eq!(verdict(&mut world.client_with(&old)).await, "superseded");
    assert_eq!(verdict(&mut second).await, "ok", "another device stays");
}

#[tokio::test]
async fn n31_login_takes_nothing_over_from_old_session() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let admin = Policy::named("admin").idle(minutes(5));
    let world = World::with(PolicySet::builder(default).policy(admin).build().unwrap());
    let mut client = world.client();
    client.get("/login?acr=aal3&policy=admin").await;
    assert_eq!(client.get("/strong/transfer").await.status, 200);
    client.get("/reauthenticate?fail=1").await;
    client.get("/login").await;
    let record = world.record(&token(&client));
    assert_eq!((record.authentication(), record.facts.failures), (None, 0));
    assert_eq!(record.facts.policy, dwell_core::PolicyId::DEFAULT);
    let refused = get_with(&mut client, "/strong/transfer", &[]).await;
    assert_eq!(refused.reason().as_deref(), Some("step_up_required"));
}
