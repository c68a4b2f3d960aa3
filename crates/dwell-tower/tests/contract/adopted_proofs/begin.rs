//! Whose an adopted session is, and from when its timeouts run.

use dwell_core::{
    AdoptedSession, AuthenticationRequirement, EndReason, Policy, PolicySet, Selection, Timestamp,
    hours, minutes, seconds,
};
use dwell_memory::MemoryStore;
use dwell_testkit::TestClient;
use dwell_tower::idle::PolicyLayer;
use dwell_tower::step_up::StepUpLayer;

use super::{OWNER, adopting, around, ask, end, found, is_ok, login, poll, send};
use crate::support::{App, World, default_policy, outcome};

#[tokio::test]
async fn n98_other_subject_under_one_id_is_other_session() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let (alice, bob) = (login(&world, name, "alice"), login(&world, name, "bob"));
        assert!(is_ok(&send(&world, &manager, &alice).await));
        world.clock.advance(minutes(1));
        assert!(is_ok(&send(&world, &manager, &bob).await));
        assert_eq!(found(&world, &bob).await.subject.as_str(), "bob");
        let ended = manager
            .end_sessions(&"bob".into(), Selection::All, EndReason::Revoked)
            .await;
        assert_eq!(ended.unwrap(), 1, "all of bob are found");
        assert_eq!(outcome(&send(&world, &manager, &bob).await), "revoked");
        assert!(is_ok(&send(&world, &manager, &alice).await));
    }
}

#[tokio::test]
async fn n98_other_issuer_with_same_id_is_other_session() {
    let world = World::new();
    let ours = login(&world, "sid", "alice");
    let theirs = AdoptedSession::new("https://other.example", "sid", "alice");
    assert!(is_ok(&send(&world, &world.local, &ours).await));
    assert!(end(&world.local, "sid", "alice", EndReason::SignedOut).await);
    assert!(is_ok(&send(&world, &world.local, &theirs).await));
}

#[tokio::test]
async fn n99_missing_owner_is_500_and_no_login_is_not() {
    let world = World::new();
    let app = world.app_of(&adopting(&world.local));
    let bare = TestClient::new(app.clone()).get("/").await;
    assert_eq!(bare.status, 500);
    assert!(is_ok(&ask(app, None).await));
}

#[tokio::test]
async fn n100_refreshed_proofs_start_nothing_fresh() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let began = world.now();
        let login = login(&world, name, "alice");
        // A new token every minute, whose `iat` is new and whose `sid` is not.
        for minute in 0..15 {
            let at = began + minutes(minute);
            let proof = login.clone().with_issued_at(at);
            assert!(
                is_ok(&poll(&world, &manager, &proof).await),
                "{name}, minute {minute}"
            );
            world.clock.advance(minutes(1));
        }
        let proof = login.clone().with_issued_at(world.now());
        assert_eq!(
            outcome(&poll(&world, &manager, &proof).await),
            "idle_timeout"
        );
        assert_eq!(
            outcome(&send(&world, &manager, &proof).await),
            "idle_timeout"
        );
    }
}

#[tokio::test]
async fn n100_absolute_timeout_runs_from_authentication() {
    let world = World::new();
    world.clock.advance(hours(7));
    for (name, manager) in world.managers() {
        let began = world.now() - hours(7);
        let proof = AdoptedSession::by_authentication(OWNER, began, name);
        let proof = proof.with_issued_at(world.now());
        let answer = send(&world, &manager, &proof).await;
        let left = answer.header("session-timeout");
        assert_eq!(left, Some("idle=900, absolute=3600, warn=60"), "{name}");
        assert_eq!(found(&world, &proof).await.facts.authenticated_at, began);
    }
}

#[tokio::test]
async fn n101_first_idle_deadline_runs_from_issue() {
    let world = World::new();
    world.clock.advance(hours(1));
    for (name, manager) in world.managers() {
        let began = world.now() - hours(1);
        let proof = |ago| {
            AdoptedSession::new(OWNER, format!("{name} {ago:?}"), "alice")
                .with_authenticated_at(began)
                .with_issued_at(world.now() - ago)
        };
        let answer = poll(&world, &manager, &proof(minutes(10))).await;
        let left = answer.header("session-timeout").unwrap();
        assert!(left.starts_with("idle=300,"), "{name}: {left}");
        let answer = send(&world, &manager, &proof(minutes(15))).await;
        assert_eq!(outcome(&answer), "idle_timeout", "{name}");
    }
}

/// A store in memory forgets with its process. So a session that began before is not
/// adopted: it may have ended.
#[tokio::test]
async fn n101_restart_of_memory_store_revives_nothing() {
    let world = World::new();
    let before = login(&world, "before", "alice");
    let by_issue = AdoptedSession::new(OWNER, "iat", "alice").with_issued_at(world.now());
    assert!(is_ok(&send(&world, &world.local, &before).await));
    assert!(end(&world.local, "before", "alice", EndReason::SignedOut).await);
    world.clock.advance(minutes(1));
    let restarted = world.manager_over(MemoryStore::with_clock(world.clock.clone()));
    let refreshed = before.clone().with_issued_at(world.now());
    for proof in [&before, &refreshed, &by_issue] {
        for _ in 0..2 {
            let answer = send(&world, &restarted, proof).await;
            assert_eq!(outcome(&answer), "session_required");
        }
    }
    // Claims count whole seconds, rounded down.
    let at = Timestamp::from_seconds(world.now().as_millis() / 1_000);
    let after = AdoptedSession::by_authentication(OWNER, at, "alice");
    assert!(is_ok(&send(&world, &restarted, &after).await));
}

#[tokio::test]
async fn n101_tombstone_is_needed_no_longer_than_it_is_kept() {
    let world = World::new();
    let proof = login(&world, "sid", "alice");
    assert!(is_ok(&send(&world, &world.local, &proof).await));
    assert!(end(&world.local, "sid", "alice", EndReason::Revoked).await);
    // Over a day later the tombstone is gone, and the deadline has passed.
    world.clock.advance(hours(25));
    world.local.reap(100).await.unwrap();
    assert_eq!(world.memory.len(), 0);
    let proof = proof.with_issued_at(world.now());
    assert_eq!(
        outcome(&send(&world, &world.local, &proof).await),
        "absolute_timeout"
    );
}

#[tokio::test]
async fn n102_session_without_authentication_time_is_never_fresh() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let unstated = AdoptedSession::new(OWNER, name, "alice").with_issued_at(world.now());
        let privileged = |age| {
            let demand = StepUpLayer::new(AuthenticationRequirement::within(age));
            App::new(around(&world, &manager, &demand))
        };
        for age in [minutes(5), hours(100_000)] {
            let answer = ask(privileged(age), Some(&unstated)).await;
            assert_eq!(outcome(&answer), "step_up_required", "{name}");
        }
        // Its owner states it later.
        let stated = unstated.clone().with_authenticated_at(world.now());
        let stated = stated.with_issued_at(world.now() + seconds(1));
        assert!(
            is_ok(&ask(privileged(minutes(5)), Some(&stated)).await),
            "{name}"
        );
    }
}

#[tokio::test]
async fn n102_session_without_authentication_time_is_in_no_area() {
    let admin = Policy::named("admin").idle(minutes(5)).absolute(hours(1));
    let world = World::with(
        PolicySet::builder(default_policy())
            .policy(admin)
            .build()
            .unwrap(),
    );
    let unstated = AdoptedSession::new(OWNER, "sid", "alice");
    let app = App::new(around(&world, &world.local, &PolicyLayer::new("admin")));
    let answer = ask(app.clone(), Some(&unstated)).await;
    assert_eq!(outcome(&answer), "step_up_required");
    assert!(is_ok(
        &ask(app, Some(&login(&world, "other", "alice"))).await
    ));
}
