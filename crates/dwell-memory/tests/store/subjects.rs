//! The sessions of a subject, and its session limit.

use dwell_core::store::{Created, SessionStore, TouchOutcome};
use dwell_core::{EndReason, OnLimit, Selection, SessionLimit, minutes};

use crate::touch;
use dwell_test_support::{World, now};

#[test]
fn subjects_list_only_their_sessions() {
    let world = World::default();
    let (a, b, c) = (
        world.start(1, "alice"),
        world.start(2, "alice"),
        world.start(3, "bob"),
    );
    let keys = |subject: &str| {
        let mut keys: Vec<_> = now(world.memory.list(subject.into()))
            .unwrap()
            .iter()
            .map(|r| r.key)
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(keys("alice"), [a.key, b.key]);
    assert_eq!(keys("bob"), [c.key]);
    assert_eq!(
        now(world.manager.end_sessions(
            &"alice".into(),
            Selection::AllBut(b.key),
            EndReason::Revoked
        ))
        .unwrap(),
        1
    );
    assert_eq!(keys("alice"), [b.key]);
    assert_eq!(
        now(world
            .manager
            .end_sessions(&"alice".into(), Selection::All, EndReason::Revoked))
        .unwrap(),
        1
    );
    assert!(keys("alice").is_empty() && keys("bob") == [c.key]);
}

#[test]
fn session_limit_is_enforced() {
    let refuse = SessionLimit {
        max: 2,
        on_limit: OnLimit::RefuseNew,
    };
    let oldest = SessionLimit {
        max: 2,
        on_limit: OnLimit::EndOldest,
    };
    let world = World::default();
    let first = world.start(1, "alice");
    world.clock.advance(minutes(1));
    let second = world.start(2, "alice");
    world.clock.advance(minutes(1));
    // The first session was active last.
    assert_eq!(touch(&world, &first), TouchOutcome::Recorded);
    let third = world.opened(3, "alice");
    let create = |limit: SessionLimit| {
        now(world
            .memory
            .create(third.clone(), Some(limit.into()), world.due_policy()))
        .unwrap()
    };
    assert!(matches!(create(refuse), Created::LimitReached));
    assert!(world.find(third.key).is_none());
    let Created::Created { ended } = create(oldest) else {
        panic!("a session must make room")
    };
    let made_room: Vec<_> = ended.iter().map(|e| (e.record.key, e.reason)).collect();
    assert_eq!(made_room, [(second.key, EndReason::Superseded)]);
    assert!(world.find(first.key).is_some() && world.find(third.key).is_some());
    // Sessions that have run out do not count.
    world.clock.advance(minutes(15));
    let fourth = world.opened(4, "alice");
    let created = now(world
        .memory
        .create(fourth, Some(refuse.into()), world.due_policy()))
    .unwrap();
    assert!(matches!(&created, Created::Created { ended } if ended.is_empty()));
}
