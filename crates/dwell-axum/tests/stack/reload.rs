//! Policies that change while the service runs.

use axum::Router;
use axum::routing::get;
use dwell_axum::*;

use crate::support::{World, document, outcome, policies, verdict};

fn simple(idle: u64, absolute: u64) -> PolicySet {
    PolicySet::simple(Timeouts {
        idle: minutes(idle),
        absolute: minutes(absolute),
    })
    .unwrap()
}

#[tokio::test]
async fn l06_stricter_policy_binds_live_session_at_next_request() {
    let world = World::with(simple(15, 480));
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(6));
    assert_eq!(verdict(&mut alice).await, "ok");
    world.replace_policies(simple(10, 480));
    let now = document(&alice.get("/session").await);
    assert_eq!(now["remaining_ms"], 4 * 60_000);
    assert_eq!(now["set_by"], "policy default");
    world.replace_policies(simple(6, 480));
    let answer = alice.get("/").await;
    assert_eq!(outcome(&answer), "401 idle_timeout");
}

#[tokio::test]
async fn l06_shorter_absolute_timeout_ends_older_sessions() {
    let world = World::with(simple(15, 480));
    let mut alice = world.alice(Router::new()).await;
    for _ in 0..6 {
        world.clock.advance(minutes(10));
        assert_eq!(alice.get("/").await.status, 200);
    }
    world.replace_policies(simple(15, 61));
    let now = document(&alice.get("/session").await);
    assert_eq!(
        (&now["ends_by"], &now["remaining_ms"]),
        (&"absolute_timeout".into(), &60_000.into())
    );
    world.replace_policies(simple(15, 60));
    assert_eq!(verdict(&mut alice).await, "401 absolute_timeout");
}

#[tokio::test]
async fn n30_relaxed_policy_revives_nothing() {
    let world = World::with(simple(15, 480));
    let mut asked = world.alice(Router::new()).await;
    let mut silent = world.alice(Router::new()).await;
    world.clock.advance(minutes(15));
    // One session's end is recorded, the other's is not yet.
    assert_eq!(verdict(&mut asked.clone()).await, "401 idle_timeout");
    world.replace_policies(simple(60, 960));
    assert_eq!(verdict(&mut asked).await, "401 idle_timeout");
    assert_eq!(verdict(&mut silent).await, "401 idle_timeout");
}

#[tokio::test]
async fn n30_tightened_then_relaxed_policy_revives_nothing() {
    let world = World::with(simple(15, 480));
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(6));
    world.replace_policies(simple(5, 480));
    world.reap().await;
    world.replace_policies(simple(15, 480));
    assert_eq!(verdict(&mut alice).await, "401 idle_timeout");
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn l06_longer_idle_timeout_applies_from_next_activity() {
    let world = World::with(simple(15, 480));
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(5));
    world.replace_policies(simple(60, 960));
    let now = document(&alice.get("/session").await);
    assert_eq!(now["set_by"], "recorded deadline");
    assert_eq!(now["remaining_ms"], 10 * 60_000);
    assert_eq!(alice.get("/").await.status, 200);
    let now = document(&alice.get("/session").await);
    assert_eq!(now["set_by"], "policy default");
    assert_eq!(now["remaining_ms"], 60 * 60_000);
    // The absolute deadline is the one set at the session's start.
    assert_eq!(now["absolute_deadline"], "2026-01-01T08:00:00.000Z");
}

#[tokio::test]
async fn l06_organization_ceiling_binds_live_sessions_and_is_named() {
    let world = World::with(simple(15, 480));
    let mut alice = world.alice(Router::new()).await;
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let capped = PolicySet::builder(default).organization_idle(minutes(10));
    world.replace_policies(capped.build().unwrap());
    let now = document(&alice.get("/session").await);
    assert_eq!(now["set_by"], "organization");
    assert_eq!(now["remaining_ms"], 10 * 60_000);
    world.clock.advance(minutes(10));
    assert_eq!(verdict(&mut alice).await, "401 idle_timeout");
}

#[tokio::test]
async fn l06_area_can_be_tightened_and_relaxed() {
    let route = get(async |_: Session| ()).layer((passive(), policy("admin")));
    let world = World::new();
    let mut alice = world.alice(Router::new().route("/admin", route)).await;
    let admin = |idle| {
        let default = Policy::named("default")
            .idle(minutes(15))
            .absolute(hours(8));
        let admin = Policy::named("admin")
            .idle(minutes(idle))
            .absolute(hours(1));
        PolicySet::builder(default).policy(admin).build().unwrap()
    };
    world.clock.advance(minutes(4));
    assert_eq!(outcome(&alice.get("/admin").await), "ok");
    world.replace_policies(admin(3));
    assert_eq!(outcome(&alice.get("/admin").await), "401 step_up_required");
    world.replace_policies(admin(5));
    assert_eq!(outcome(&alice.get("/admin").await), "ok");
    assert_eq!(verdict(&mut alice).await, "ok");
}

#[tokio::test]
async fn session_of_removed_policy_falls_under_default() {
    let start = async |login: LoginSession| {
        let new = NewSession::new("alice").with_policy("admin");
        login.start(new).await.map(|_| ())
    };
    let world = World::new();
    let routes = Router::new().route("/start", axum::routing::post(start));
    let mut alice = world.client(routes);
    assert_eq!(alice.post("/start", "").await.status, 200);
    world.replace_policies(
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap(),
    );
    let now = document(&alice.get("/session").await);
    assert_eq!(now["policy"], "default");
    // Five minutes are recorded, and nothing prolongs them.
    assert_eq!(now["remaining_ms"], 5 * 60_000);
    assert_eq!(now["set_by"], "recorded deadline");
    world.replace_policies(policies());
    assert_eq!(document(&alice.get("/session").await)["policy"], "admin");
}
