//! How an owner ends its sessions, and that it alone starts them.

use std::convert::Infallible;

use dwell_core::{CommandError, EndReason, NewSession};
use dwell_tower::rejection::session_state;
use http::{Request, Response};
use tower::{Layer, service_fn};

use super::{adopting, ask, end, is_ok, login, send};
use crate::support::{App, Body, World, outcome};

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
