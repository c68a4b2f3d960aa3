//! What limits adopted sessions, and what later proofs of them state.

use std::convert::Infallible;

use dwell_core::{
    AdoptedSession, AuthenticationContext, EndReason, EventKind, OnLimit, Policy, PolicySet, hours,
    minutes, seconds,
};
use dwell_tower::rejection::session_state;
use http::{Request, Response};
use tower::{Layer, service_fn};

use super::{OWNER, adopting, ask, end, found, is_ok, login, poll, send};
use crate::support::{App, Body, World, default_policy, outcome};

fn limited(on_limit: OnLimit) -> World {
    World::with(
        PolicySet::builder(default_policy().session_limit(1, on_limit))
            .build()
            .unwrap(),
    )
}

#[tokio::test]
async fn n103_oldest_adopted_session_makes_room() {
    let world = limited(OnLimit::EndOldest);
    world.clock.advance(hours(1));
    for (name, manager) in world.managers() {
        let [one, two] = ["one", "two"].map(|n| login(&world, &format!("{name} {n}"), name));
        assert!(is_ok(&send(&world, &manager, &one).await));
        world.clock.advance(minutes(1));
        assert!(is_ok(&send(&world, &manager, &two).await));
        assert_eq!(outcome(&send(&world, &manager, &one).await), "superseded");
        // One that has run out already makes none end.
        let long_ago = world.now() - minutes(15);
        let stale = AdoptedSession::by_authentication(OWNER, long_ago, name);
        let stale = stale.with_issued_at(long_ago);
        assert_eq!(
            outcome(&send(&world, &manager, &stale).await),
            "idle_timeout"
        );
        assert!(is_ok(&send(&world, &manager, &two).await));
    }
    assert_eq!(world.events.count(EventKind::SessionCreated), 6);
}

#[tokio::test]
async fn n103_session_beyond_limit_is_refused() {
    let world = limited(OnLimit::RefuseNew);
    for (name, manager) in world.managers() {
        let [one, two] = ["one", "two"].map(|n| login(&world, &format!("{name} {n}"), name));
        assert!(is_ok(&send(&world, &manager, &one).await));
        let calls = world.probe.calls();
        let answer = send(&world, &manager, &two).await;
        assert_eq!(outcome(&answer), "session_required", "{name}");
        assert_eq!(world.probe.calls(), calls);
        assert!(end(&manager, &format!("{name} one"), name, EndReason::SignedOut).await);
        assert!(is_ok(&send(&world, &manager, &two).await));
    }
}

#[tokio::test]
async fn n103_session_is_adopted_under_named_policy() {
    let admin = Policy::named("admin").idle(minutes(5)).absolute(hours(1));
    let world = World::with(
        PolicySet::builder(default_policy())
            .policy(admin)
            .build()
            .unwrap(),
    );
    for (name, manager) in world.managers() {
        let session = login(&world, name, "alice");
        let answer = send(&world, &manager, &session.clone().with_policy("admin")).await;
        let left = answer.header("session-timeout");
        assert_eq!(left, Some("idle=300, absolute=3600, warn=60"), "{name}");
        let unknown = login(&world, &format!("{name} 2"), "alice").with_policy("other");
        assert_eq!(send(&world, &manager, &unknown).await.status, 500, "{name}");
    }
}

fn acr(class: &str) -> AuthenticationContext {
    AuthenticationContext::none().with_acr(class)
}

#[tokio::test]
async fn n103_newer_proof_is_heard_and_older_is_not() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let began = world.now();
        let first = login(&world, name, "alice")
            .with_issued_at(began)
            .with_authentication(acr("aal1"));
        assert!(is_ok(&send(&world, &manager, &first).await));
        world.clock.advance(minutes(10));
        let at = world.now();
        let second = login(&world, name, "alice")
            .with_issued_at(at)
            .with_authentication(acr("aal2"))
            .with_expires_at(at + hours(1));
        assert!(is_ok(&poll(&world, &manager, &second).await));
        let heard = found(&world, &first).await;
        assert_eq!(heard.facts.authenticated_at, at);
        assert_eq!(heard.authentication(), Some(acr("aal2")));
        assert_eq!(heard.facts.provider_deadline, Some(at + hours(1)));
        assert_eq!(heard.facts.absolute_deadline, began + hours(8), "it stays");
        assert_eq!(
            heard.facts.idle_deadline,
            began + minutes(15),
            "it is no activity"
        );
        // The first token is still around.
        assert!(is_ok(&poll(&world, &manager, &first).await));
        assert_eq!(found(&world, &first).await, heard);
        // A later one may tighten what its owner allows.
        let third = second
            .with_issued_at(at + seconds(1))
            .with_expires_at(at + minutes(2));
        assert!(is_ok(&poll(&world, &manager, &third).await));
        world.clock.advance(minutes(2));
        assert_eq!(
            outcome(&send(&world, &manager, &third).await),
            "idp_session_expired"
        );
    }
    assert_eq!(world.events.count(EventKind::StepUpSucceeded), 2);
}

#[tokio::test]
async fn n103_owner_states_no_expiry_beyond_policy() {
    let world = World::new();
    let session = login(&world, "sid", "alice").with_expires_at(world.now() + hours(24));
    let answer = send(&world, &world.local, &session).await;
    let left = answer.header("session-timeout");
    assert_eq!(left, Some("idle=900, absolute=28800, warn=60"));
}

#[tokio::test]
async fn n103_proof_from_future_states_nothing() {
    let world = World::new();
    let session = login(&world, "sid", "alice").with_issued_at(world.now());
    assert!(is_ok(&send(&world, &world.local, &session).await));
    let before = found(&world, &session).await;
    for proof in [
        session.clone().with_issued_at(world.now() + minutes(2)),
        session
            .clone()
            .with_issued_at(world.now() + seconds(1))
            .with_authenticated_at(world.now() + minutes(2)),
        AdoptedSession::new(OWNER, "sid", "alice").with_authenticated_at(world.now() + hours(1)),
    ] {
        let proof = proof.with_authentication(acr("aal3"));
        assert!(is_ok(&send(&world, &world.local, &proof).await));
        assert_eq!(found(&world, &session).await, before);
    }
}

/// What a handler recorded by `reauthenticated` is later than the token's `auth_time`.
#[tokio::test]
async fn n103_refreshed_token_takes_no_step_up_away() {
    let world = World::new();
    let session = login(&world, "sid", "alice")
        .with_issued_at(world.now())
        .with_authentication(acr("aal1"));
    let step_up = async |request: Request<_>| -> Result<Response<Body>, Infallible> {
        let (parts, _) = request.into_parts();
        let state = session_state(&parts).unwrap();
        state.reauthenticated(acr("aal2")).await.unwrap();
        Ok(Response::new(Body::default()))
    };
    world.clock.advance(minutes(5));
    let app = adopting(&world.local).layer(service_fn(step_up));
    assert!(is_ok(&ask(App::new(app), Some(&session)).await));
    let stepped_up = found(&world, &session).await;
    let refreshed = session.clone().with_issued_at(world.now() + seconds(1));
    assert!(is_ok(&send(&world, &world.local, &refreshed).await));
    let after = found(&world, &session).await;
    assert_eq!(after.authentication(), Some(acr("aal2")));
    assert_eq!(
        after.facts.authenticated_at,
        stepped_up.facts.authenticated_at
    );
}
