//! The record's open part: what commands change in it, and what they keep.

use std::time::Duration;

use dwell_core::engine::TokenState;
use dwell_core::store::{Lookup, SessionStore, Update, Updated};
use dwell_core::{
    AdoptedSession, AuthenticationContext, Clock, CommandError, NewSession, OpenPart, OpenPartFull,
    OpenTag, Resolved, ResolvedSession, SessionState, Token,
};

use dwell_test_support::{World, now, touch};

const NEWER: OpenTag = OpenTag::from_code(240);

fn strong() -> AuthenticationContext {
    AuthenticationContext::none()
        .with_acr("aal2")
        .with_amr(["pwd", "otp"])
}

fn too_long() -> AuthenticationContext {
    strong().with_acr("x".repeat(OpenPart::MAX_LEN))
}

/// A session with a fact of a newer version, and a request of it.
fn with_newer_fact(world: &World) -> (Token, SessionState) {
    let token = now(world.anonymous().start(NewSession::new("alice"))).unwrap();
    let record = world.find(token.key()).unwrap();
    let update = Update::Reauthenticate {
        open: OpenPart::new().with(NEWER, b"kept").unwrap(),
        touch: touch(&record, record.facts.created_at),
        lock_period: Duration::ZERO,
        rotation: None,
    };
    let version = record.facts.version;
    let Updated::Applied(record) = now(world.store.update(record.key, version, update)).unwrap()
    else {
        panic!("the update was not applied")
    };
    let session = ResolvedSession {
        record,
        now: world.clock.now(),
        presented: token.presented(),
        token_state: TokenState::Current { confirm: false },
    };
    let resolved = Resolved::Session(session);
    let state = SessionState::new(world.manager.clone(), world.policies(), resolved);
    state.decide();
    (token, state)
}

#[test]
fn authentication_is_recorded_at_login_and_again() {
    let world = World::default();
    let new = NewSession::new("alice").with_authentication(strong());
    let token = now(world.anonymous().start(new)).unwrap();
    let record = world.find(token.key()).unwrap();
    assert_eq!(record.authentication(), Some(strong()));

    let (token, state) = with_newer_fact(&world);
    now(state.reauthenticated(strong())).unwrap();
    let record = world.find(token.key()).unwrap();
    assert_eq!(record.authentication(), Some(strong()));
    assert_eq!(record.open.get(NEWER), Some(&b"kept"[..]));
    now(state.reauthenticated(AuthenticationContext::none())).unwrap();
    let record = world.find(token.key()).unwrap();
    assert_eq!(record.authentication(), None);
    assert_eq!(record.open.get(NEWER), Some(&b"kept"[..]));
}

#[test]
fn too_long_context_starts_no_session() {
    let world = World::default();
    let new = NewSession::new("alice").with_authentication(too_long());
    let refused = now(world.anonymous().start(new));
    assert!(matches!(
        refused,
        Err(CommandError::OpenPartFull(OpenPartFull))
    ));
    assert!(world.memory.is_empty(), "refused before the store");
    assert!(world.events.events().is_empty());
}

#[test]
fn too_long_context_changes_no_session() {
    let world = World::default();
    let (token, state) = with_newer_fact(&world);
    let before = world.find(token.key());
    let refused = now(state.reauthenticated(too_long()));
    assert!(matches!(
        refused,
        Err(CommandError::OpenPartFull(OpenPartFull))
    ));
    assert_eq!(world.find(token.key()), before);
}

#[test]
fn adopted_session_drops_too_long_context() {
    let world = World::default();
    let network = world.policies().find_network(None);
    let adopted = AdoptedSession::new("issuer", "sid-1", "alice").with_authentication(too_long());
    let loaded = now(world.manager.adopt(&adopted, network)).unwrap();
    let Lookup::Found(record) = loaded.state else {
        panic!("the session was not adopted")
    };
    assert_eq!(record.authentication(), None);
    let adopted = AdoptedSession::new("issuer", "sid-2", "alice").with_authentication(strong());
    let loaded = now(world.manager.adopt(&adopted, network)).unwrap();
    let Lookup::Found(record) = loaded.state else {
        panic!("the session was not adopted")
    };
    assert_eq!(record.authentication(), Some(strong()));
}
