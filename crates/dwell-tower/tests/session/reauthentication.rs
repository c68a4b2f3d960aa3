//! Failed re-authentications: too many end the session.

use std::time::Duration;

use dwell_core::{
    EndReason, EventKind, Policy, PolicySet, SessionManager, hours, minutes, seconds,
};

use crate::support::{
    COOKIE, Client, World, issued, outcome, policies, set_cookies, signed_in, stack_over, token,
    verdict,
};

const FAIL: &str = "/reauthenticate?fail=1";

#[tokio::test]
async fn five_failures_in_row_end_session() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let mut other_tab = client.clone();
    for failure in 1..5 {
        let answer = client.get(FAIL).await;
        assert_eq!(answer.text(), "false", "failure {failure}");
        assert_eq!(set_cookies(&answer), [""; 0]);
        assert_eq!(verdict(&mut client).await, "ok", "failure {failure}");
    }
    let answer = client.get(FAIL).await;
    assert_eq!(answer.text(), "true");
    assert!(
        set_cookies(&answer)[0].contains("Max-Age=0"),
        "{:?}",
        set_cookies(&answer)
    );
    assert_eq!(answer.header("session-timeout"), None);
    assert_eq!(verdict(&mut other_tab).await, "reauthentication_failed");
    assert_eq!(world.events.ends(), [EndReason::ReauthenticationFailed]);
    assert_eq!(world.events.count(EventKind::StepUpFailed), 5);
}

#[tokio::test]
async fn success_in_between_restarts_count() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(client.get(FAIL).await.text(), "false");
        }
        client.get("/reauthenticate").await;
        assert_eq!(world.facts(&token(&client)).failures, 0);
    }
    assert_eq!(verdict(&mut client).await, "ok");
}

#[tokio::test]
async fn nothing_else_restarts_count() {
    let world = World::new();
    let mut client = world.signed_in().await;
    for _ in 0..4 {
        client.get(FAIL).await;
        for path in ["/", "/extend", "/rotate", "/passive"] {
            client.get(path).await;
        }
        world.clock.advance(minutes(2));
    }
    assert_eq!(client.get(FAIL).await.text(), "true");
    assert_eq!(world.events.ends(), [EndReason::ReauthenticationFailed]);
}

#[tokio::test]
async fn n09_failed_reauthentication_is_no_activity_with_any_status() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let opened = world.facts(&token(&client));
    world.clock.advance(minutes(6));
    for status in [200, 401, 422] {
        client.get(&format!("{FAIL}&status={status}")).await;
        let facts = world.facts(&token(&client));
        assert_eq!(facts.last_active_at, opened.last_active_at, "{status}");
        assert_eq!(facts.authenticated_at, opened.authenticated_at, "{status}");
        assert_eq!(facts.idle_deadline, opened.idle_deadline, "{status}");
    }
    assert_eq!(outcome(&client.get("/fresh/x").await), "step_up_required");
}

#[tokio::test]
async fn concurrent_failures_are_all_counted() {
    let world = World::new();
    let client = world.signed_in().await;
    let mut tries = Vec::new();
    for _ in 0..5 {
        let path = format!("{FAIL}&wait=before");
        tries.push(world.hold(&client, &path).await);
    }
    let mut last = Vec::new();
    for guess in tries {
        last.push(world.finish(guess).await.text());
    }
    assert_eq!(last, ["false", "false", "false", "false", "true"]);
    assert_eq!(world.events.ends(), [EndReason::ReauthenticationFailed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn n67_failures_at_once_end_session_once() {
    for path in [FAIL, "/reauthenticate?fail=1&begin=1"] {
        let world = World::new();
        let client = world.signed_in().await;
        // Not local, so that each command waits.
        let node = stack_over(&world.manager_over(world.store.clone()));
        let tries = (0..64).map(|_| {
            let mut guess = world.client_of(&node);
            guess.set_cookie(COOKIE, &token(&client));
            tokio::spawn(async move { guess.get(path).await })
        });
        let mut wrong = 0;
        for guess in tries.collect::<Vec<_>>() {
            let answer = guess.await.unwrap();
            match answer.text().as_str() {
                "false" => wrong += 1,
                "true" | "unchecked" | "the request has no live session" => {}
                other => assert_eq!(other, "the session has ended: reauthentication_failed"),
            }
        }
        assert_eq!(wrong, 4, "{path}");
        assert_eq!(world.events.ends(), [EndReason::ReauthenticationFailed]);
        let tombstone = world.tombstone(&client);
        assert_eq!(tombstone.reason, EndReason::ReauthenticationFailed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n67_right_factors_at_once_all_succeed() {
    let world = World::new();
    let client = world.signed_in().await;
    let node = stack_over(&world.manager_over(world.store.clone()));
    let tries = (0..16).map(|_| {
        let mut tab = world.client_of(&node);
        tab.set_cookie(COOKIE, &token(&client));
        tokio::spawn(async move { tab.get("/reauthenticate").await })
    });
    for tab in tries.collect::<Vec<_>>() {
        let answer = tab.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn n67_attempt_counts_before_its_factor_is_checked() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let failures = |client: &Client| world.facts(&token(client)).failures;
    // Clients that leave before the check.
    for attempt in 1..=4 {
        assert_eq!(client.get("/begin").await.text(), "true");
        assert_eq!(failures(&client), attempt);
    }
    client.get("/reauthenticate?begin=1").await;
    assert_eq!(failures(&client), 0, "a success starts the count again");
    for attempt in 1..=3 {
        let answer = client.get("/reauthenticate?begin=1&fail=1").await;
        assert_eq!(answer.text(), "false");
        assert_eq!(failures(&client), attempt, "and is not counted twice");
    }
    for _ in 0..2 {
        assert_eq!(client.get("/begin").await.text(), "true");
    }
    assert_eq!(client.get("/begin").await.text(), "false", "the sixth");
    assert_eq!(world.events.ends(), [EndReason::ReauthenticationFailed]);
    assert_eq!(world.events.count(EventKind::StepUpFailed), 4);
}

#[tokio::test]
async fn n67_attempt_in_lock_counts_and_unlocks() {
    let world = World::locking();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(20));
    assert_eq!(
        client.get("/reauthenticate?begin=1&fail=1").await.text(),
        "false"
    );
    let answer = client.get("/reauthenticate?begin=1").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(verdict(&mut client).await, "ok");
}

#[tokio::test]
async fn number_of_failures_can_be_set() {
    let world = World::new();
    let manager = SessionManager::builder(world.memory.clone(), policies())
        .max_failed_reauthentications(2)
        .build();
    let mut client = signed_in(world.client_of(&stack_over(&manager))).await;
    assert_eq!(client.get(FAIL).await.text(), "false");
    assert_eq!(client.get(FAIL).await.text(), "true");
}

#[tokio::test]
async fn ended_session_takes_no_authentication() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    for path in ["/reauthenticate", "/reauthenticate?acr=aal3"] {
        let mut holder = client.clone();
        let answer = holder.get(path).await;
        assert_eq!(answer.status, 409, "{path}: {}", answer.text());
    }
    assert_eq!(verdict(&mut client).await, "idle_timeout");
    assert_eq!(world.events.count(EventKind::StepUpSucceeded), 0);
}

/// The idle deadline passes while the factor is checked.
async fn overtaken(world: &World, from: Duration, step: Duration) {
    let client = world.signed_in().await;
    world.clock.advance(from);
    let held = world.hold(&client, "/reauthenticate?wait=before").await;
    world.clock.advance(step);
    let answer = world.finish(held).await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(answer.text(), "the session has ended: idle_timeout");
    assert_eq!(issued(&answer), None);
    assert_eq!(world.events.count(EventKind::StepUpSucceeded), 0);
    world.reap().await;
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn n69_authentication_finished_at_idle_deadline_fails() {
    let world = World::new();
    overtaken(&world, minutes(15) - seconds(1), seconds(1)).await;
}

#[tokio::test]
async fn n69_authentication_finished_at_end_of_lock_fails() {
    let world = World::locking();
    overtaken(&world, minutes(75) - seconds(1), seconds(1)).await;
}

#[tokio::test]
async fn n69_authentication_from_before_lock_outlasts_no_lock() {
    let world = World::locking();
    overtaken(&world, minutes(15) - seconds(1), hours(1) + seconds(1)).await;
}

#[tokio::test]
async fn n69_authentication_finished_in_lock_period_unlocks() {
    for began in [minutes(15) - seconds(1), minutes(20)] {
        let world = World::locking();
        let mut client = world.signed_in().await;
        world.clock.advance(began);
        let held = world.hold(&client, "/reauthenticate?wait=before").await;
        world.clock.advance(minutes(2));
        let answer = world.finish(held).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        client.set_cookie(COOKIE, &issued(&answer).unwrap());
        assert_eq!(verdict(&mut client).await, "ok", "{began:?}");
    }
}

#[tokio::test]
async fn n69_other_tabs_activity_leaves_time_to_authenticate() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15) - seconds(1));
    let held = world.hold(&client, "/reauthenticate?wait=before").await;
    assert_eq!(outcome(&client.get("/").await), "ok");
    world.clock.advance(minutes(1));
    assert_eq!(world.finish(held).await.status, 200);
}

#[tokio::test]
async fn n69_shorter_timeout_counts_while_factor_is_checked() {
    let world = World::new();
    let client = world.signed_in().await;
    let shorter = Policy::named("default").idle(minutes(5)).absolute(hours(8));
    let shorter = PolicySet::builder(shorter).build().unwrap();
    world.manager.policies().replace(shorter);
    world.clock.advance(minutes(5) - seconds(1));
    let held = world.hold(&client, "/reauthenticate?wait=before").await;
    world.clock.advance(seconds(1));
    assert_eq!(world.finish(held).await.status, 409);
}
