//! How an owner ends its sessions, and that it alone starts them.

use std::convert::Infallible;

use dwell_core::{CommandError, EndReason, NewSession, minutes};
use dwell_tower::rejection::session_state;
use http::{Request, Response};
use tower::{Layer, service_fn};

use super::{adopting, ask, end, is_ok, login, send};
use crate::support::{App, Body, World, outcome, policies};

#[tokio::test]
async fn n103_owner_ends_session_with_true_reason() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let session = login(&world, name, "alice");
        assert!(is_ok(&send(&world, &manager, &session).await));
        assert!(end(&manager, name, "alice", EndReason::IdpLogout).await);
        assert!(
            !end(&manager, name, "alice", EndReason::SignedOut).await,
            "once"
        );
        assert_eq!(
            outcome(&send(&world, &manager, &session).await),
            "idp_logout"
        );
    }
    assert_eq!(world.events.ends(), [EndReason::IdpLogout; 2]);
}

#[tokio::test]
async fn n103_owner_ends_session_that_was_never_adopted() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let session = login(&world, name, "alice");
        assert!(!end(&manager, name, "alice", EndReason::SignedOut).await);
        assert_eq!(
            outcome(&send(&world, &manager, &session).await),
            "signed_out"
        );
        assert!(!end(&manager, "", "alice", EndReason::SignedOut).await);
    }
    assert_eq!(world.events.ends(), [], "nothing was live");
}

#[tokio::test]
async fn n103_login_beside_adopted_source_leaves_no_orphan() {
    let world = World::new();
    for (_, manager) in world.managers() {
        let login = async |request: Request<_>| -> Result<Response<Body>, Infallible> {
            let (parts, _) = request.into_parts();
            let state = session_state(&parts).unwrap();
            let started = state.start(NewSession::new("alice")).await;
            assert!(
                matches!(started, Err(CommandError::AdoptedSession)),
                "{started:?}"
            );
            Ok(Response::new(Body::default()))
        };
        let app = adopting(&manager).layer(service_fn(login));
        assert!(is_ok(&ask(App::new(app), None).await));
    }
    assert_eq!(world.memory.len(), 0);
}

#[tokio::test]
async fn n103_owner_is_told_of_each_end_with_its_reference() {
    let world = World::new();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let manager = world.stranger(world.memory.clone(), policies());
    let manager = manager.on_owner_end(move |end| {
        let tell = tell.clone();
        async move { tell.send(end).unwrap() }
    });
    let manager = manager.build();
    let [one, two, silent, long] = ["one", "two", "silent", "long"].map(|sid| {
        let session = login(&world, sid, "alice");
        match sid {
            "silent" => session,
            "long" => session.with_reference("x".repeat(513)),
            sid => session.with_reference(sid),
        }
    });
    for session in [&one, &two, &silent, &long] {
        assert!(is_ok(&send(&world, &manager, session).await));
    }
    assert!(end(&manager, "one", "alice", EndReason::SignedOut).await);
    assert!(!end(&manager, "one", "alice", EndReason::SignedOut).await);
    let end = told.recv().await.unwrap();
    assert_eq!(end.reference, "one");
    assert_eq!(
        (end.subject.as_str(), end.reason),
        ("alice", EndReason::SignedOut)
    );
    let shown = format!("{end:?}");
    assert!(!shown.contains("one"), "{shown}");
    world.clock.advance(minutes(15));
    manager.reap(100).await.unwrap();
    let end = told.recv().await.unwrap();
    assert_eq!(
        (&*end.reference, end.reason),
        ("two", EndReason::IdleTimeout)
    );
    assert!(told.try_recv().is_err(), "the others have no reference");
}

/// A callback that panics spoils neither the end nor the request.
#[tokio::test]
async fn n103_owner_that_panics_spoils_no_end() {
    let world = World::new();
    let manager = world.stranger(world.memory.clone(), policies());
    let manager = manager.on_owner_end(async |_| panic!("told to panic"));
    let manager = manager.build();
    let session = login(&world, "sid", "alice").with_reference("sid");
    assert!(is_ok(&send(&world, &manager, &session).await));
    assert!(end(&manager, "sid", "alice", EndReason::Revoked).await);
    assert_eq!(outcome(&send(&world, &manager, &session).await), "revoked");
}
