//! The time left in answers. Only activity moves it.

use std::time::Duration;

use dwell_core::{Clock, Facts, Policy, PolicySet, Timestamp, as_millis, hours, minutes, seconds};
use dwell_testkit::{FaultyStore, TestResponse};

use crate::support::{Client, World, get_with, left, stack_over, token, verdict};

/// Returns what an answer must report now of a session with these facts.
fn recorded(world: &World, client: &Client) -> (u64, u64) {
    let facts = world.facts(&token(client));
    let now = world.clock.now();
    let whole = |at: Timestamp| as_millis(at - now) / 1_000;
    (whole(facts.idle_deadline), whole(facts.absolute_deadline))
}

fn deadlines(facts: &Facts) -> (Timestamp, Timestamp, Timestamp) {
    (
        facts.last_active_at,
        facts.idle_deadline,
        facts.absolute_deadline,
    )
}

#[tokio::test]
async fn n07_every_rewrite_keeps_both_deadlines() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let opened = deadlines(&world.facts(&token(&client)));
    let counts = |client: &Client| {
        let facts = world.facts(&token(client));
        (facts.version, facts.failures)
    };
    let mut versions = vec![counts(&client)];
    let writes = [
        // The rotation, and the confirmation of the successor.
        "/passive/rotate",
        "/passive",
        "/passive/rotate",
        "/passive/rotate",
        "/passive",
        // A failed re-authentication, and its count.
        "/reauthenticate?fail=1",
        "/passive/reauthenticate?fail=1",
    ];
    for (minute, path) in (1..).zip(writes) {
        world.clock.advance(minutes(1));
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            left(&answer),
            (900 - 60 * minute, 28_800 - 60 * minute),
            "{path}"
        );
        let facts = world.facts(&token(&client));
        assert_eq!(deadlines(&facts), opened, "{path}");
        versions.push(counts(&client));
    }
    versions.dedup();
    assert_eq!(
        versions.len(),
        1 + writes.len(),
        "each was a write: {versions:?}"
    );
}

#[tokio::test]
async fn n07_replacing_lost_token_keeps_both_deadlines() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let opened = deadlines(&world.facts(&token(&client)));
    client.clone().get("/passive/rotate").await;
    world.clock.advance(minutes(1));
    let old = token(&client);
    let answer = client.get("/passive").await;
    assert_ne!(token(&client), old);
    assert_eq!(left(&answer), (840, 28_740));
    assert_eq!(deadlines(&world.facts(&old)), opened);
}

#[tokio::test]
async fn l03_activity_extension_and_authentication_keep_deadline() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let absolute = world.facts(&token(&client)).absolute_deadline;
    let paths = [
        "/",
        "/extend",
        "/rotate",
        "/reauthenticate",
        "/active/x",
        "/reauthenticate",
    ];
    for minute in 1..480 {
        world.clock.advance(minutes(1));
        let path = paths[minute % paths.len()];
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            left(&answer).1,
            28_800 - 60 * u64::try_from(minute).unwrap(),
            "{path}"
        );
        assert_eq!(world.facts(&token(&client)).absolute_deadline, absolute);
    }
    world.clock.advance(minutes(1));
    assert_eq!(verdict(&mut client).await, "absolute_timeout");
}

#[tokio::test]
async fn n15_reported_time_is_recorded_time() {
    let world = World::new();
    let mut client = world.signed_in().await;
    // Steps inside, at and beyond the granularity of 15 seconds.
    for (step, idle) in [
        (5, 895),
        (9, 886),
        (1, 900),
        (14, 886),
        (1, 900),
        (100, 900),
        (1, 899),
    ] {
        world.clock.advance(seconds(step));
        let answer = client.get("/").await;
        assert_eq!(left(&answer).0, idle, "after {step} s");
        assert_eq!(left(&answer), recorded(&world, &client), "after {step} s");
        let again = client.get("/passive").await;
        assert_eq!(
            left(&again),
            left(&answer),
            "the next answer reports the same"
        );
    }
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(left(&client.get("/").await).0, 898, "rounded down");
}

#[tokio::test]
async fn n15_command_reports_recorded_time() {
    for path in ["/rotate", "/extend", "/reauthenticate", "/login"] {
        for path in [
            path.to_owned(),
            format!("/passive{path}"),
            format!("/active{path}"),
        ] {
            let world = World::new();
            let mut client = world.signed_in().await;
            world.clock.advance(minutes(2));
            let answer = client.get(&path).await;
            if answer.status == 200 {
                assert_eq!(left(&answer), recorded(&world, &client), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn n15_replacement_of_lost_token_reports_recorded_time() {
    let world = World::new();
    let mut client = world.signed_in().await;
    client.clone().get("/passive/rotate").await;
    world.clock.advance(minutes(2));
    let answer = client.get("/").await;
    assert_eq!(left(&answer), recorded(&world, &client));
    let confirming = client.get("/").await;
    assert_eq!(left(&confirming), recorded(&world, &client));
}

#[tokio::test]
async fn n15_slow_answer_reports_time_left_when_sent() {
    let world = World::new();
    let client = world.signed_in().await;
    world.clock.advance(minutes(1));
    let slow = world.hold(&client, "/?wait=before").await;
    world.clock.advance(minutes(4));
    let answer = world.finish(slow).await;
    assert_eq!(left(&answer), recorded(&world, &client));
}

#[tokio::test]
async fn n15_user_has_stated_idle_time_less_one_granularity_at_most() {
    let world = World::new();
    let mut client = world.signed_in().await;
    // The last activity is just within the granularity, so it is not recorded.
    world.clock.advance(Duration::from_millis(14_999));
    assert_eq!(left(&client.get("/").await).0, 885);
    world.clock.advance(Duration::from_millis(885_000));
    assert_eq!(
        verdict(&mut client).await,
        "ok",
        "one millisecond before the deadline"
    );
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(verdict(&mut client).await, "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn n15_reported_time_holds_in_remote_store() {
    let world = World::new();
    let store = FaultyStore::new(world.memory.clone());
    let stack = stack_over(&world.manager_over(store.clone()));
    let mut client = world.client_of(&stack);
    client.get("/login").await;
    store.delay(Duration::from_millis(3));
    for step in [20, 5, 60, 14] {
        world.clock.advance(seconds(step));
        let answer = client.get("/").await;
        stack.flush().await;
        assert_eq!(left(&answer), recorded(&world, &client), "after {step} s");
    }
}

fn tells(answer: &TestResponse) -> Option<&str> {
    answer.header("session-timeout")
}

#[tokio::test]
async fn every_answer_to_live_session_reports_time_left() {
    let world = World::new();
    let mut client = world.client();
    let answer = client.get("/login").await;
    assert_eq!(tells(&answer), Some("idle=900, absolute=28800, warn=60"));
    let long_ago = "/login?authenticated_ago=600";
    assert_eq!(left(&client.get(long_ago).await), (900, 28_800));
    for path in [
        "/",
        "/passive",
        "/rotate",
        "/extend",
        "/?status=404",
        "/?status=500",
    ] {
        assert_eq!(left(&client.get(path).await), (900, 28_800), "{path}");
    }
    let refused = client.get("/fresh/transfer").await;
    assert_eq!(refused.reason().as_deref(), Some("step_up_required"));
    assert_eq!(left(&refused), (900, 28_800));
    let redirected = get_with(&mut client, "/fresh/transfer", &[("accept", "text/html")]).await;
    assert_eq!(
        (redirected.status.as_u16(), left(&redirected)),
        (303, (900, 28_800))
    );
    // An area does not change when the session ends.
    let admin = client.get("/admin/users").await;
    assert_eq!(left(&admin), (900, 28_800));
}

#[tokio::test]
async fn no_other_answer_reports_time() {
    let world = World::new();
    let mut nobody = world.client();
    assert_eq!(tells(&nobody.get("/").await), None);
    assert_eq!(tells(&nobody.get("/reauthenticate").await), None);
    let mut client = world.signed_in().await;
    let old = token(&client);
    assert_eq!(tells(&client.get("/logout").await), None);
    let mut holder = world.client_with(&old);
    assert_eq!(tells(&holder.clone().get("/").await), None);
    // Exempt, so it is served.
    let served = holder.get("/reauthenticate").await;
    assert_eq!((served.status.as_u16(), tells(&served)), (409, None));

    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    assert_eq!(tells(&client.clone().get("/reauthenticate").await), None);
    assert_eq!(tells(&client.get("/").await), None);

    let store = FaultyStore::new(world.memory.clone());
    let mut away = world.client_of(&stack_over(&world.manager_over(store.clone())));
    away.get("/login").await;
    store.fail();
    let answer = away.get("/").await;
    assert_eq!((answer.status.as_u16(), tells(&answer)), (503, None));
}

#[tokio::test]
async fn n56_warning_is_at_most_half_of_idle_timeout_in_force() {
    let default = Policy::named("default")
        .idle(hours(8))
        .absolute(hours(8))
        .warn(minutes(2));
    let set = PolicySet::builder(default).organization_idle(minutes(1));
    let world = World::with(set.build().unwrap());
    let mut client = world.signed_in().await;
    let answer = client.get("/").await;
    assert_eq!(tells(&answer), Some("idle=60, absolute=28800, warn=30"));
}

#[tokio::test]
async fn n56_active_person_stays_whatever_ceiling_cuts_policy() {
    for granularity in [None, Some(minutes(10))] {
        let default = Policy::named("default").idle(hours(8)).absolute(hours(8));
        let default = match granularity {
            None => default,
            Some(granularity) => default.granularity(granularity),
        };
        let set = PolicySet::builder(default).organization_idle(minutes(1));
        let world = World::with(set.build().unwrap());
        let mut client = world.signed_in().await;
        for _ in 0..20 {
            world.clock.advance(seconds(20));
            assert_eq!(client.get("/").await.status, 200, "{granularity:?}");
        }
    }
}
