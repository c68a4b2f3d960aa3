//! Ends: final, with one winner and one report each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dwell_core::store::{
    Created, End, Lookup, Rotation, SessionStore, TouchOutcome, Update, Updated,
};
use dwell_core::{
    EndReason, EventKind, ManualClock, NewSession, OpenPart, PolicySet, Timeouts, VerifierHash,
    hours, minutes, seconds,
};
use dwell_memory::MemoryStore;

use crate::{end, touch};
use dwell_test_support::{World, now, touch as touch_at};

#[test]
fn l04_ended_sessions_stay_ended() {
    let world = World::default();
    let record = world.start(1, "alice");
    assert!(end(&world, &record, EndReason::SignedOut));
    world.clock.advance(seconds(30));
    assert_eq!(touch(&world, &record), TouchOutcome::Gone);
    let rotation = Rotation {
        check: VerifierHash::from_bits(9),
        presented: record.credential.check,
        at: record.facts.created_at,
    };
    let updates = [
        Update::Confirm,
        Update::Lock {
            at: record.facts.created_at,
        },
        Update::Rotate(rotation),
        Update::Reauthenticate {
            open: OpenPart::new(),
            touch: touch_at(&record, record.facts.created_at),
            lock_period: Duration::ZERO,
            rotation: Some(rotation),
        },
    ];
    for update in updates {
        let updated = now(world.memory.update(record.key, 0, update)).unwrap();
        assert!(matches!(updated, Updated::Gone));
    }
    let again = now(world
        .memory
        .create(record.clone(), None, world.due_policy()))
    .unwrap();
    assert!(
        matches!(again, Created::Exists),
        "the key is not free either"
    );
    assert!(world.find(record.key).is_none());
}

#[test]
fn l12_each_end_is_reported_once() {
    let world = World::default();
    let a = world.start(1, "alice");
    let b = world.start(2, "alice");
    assert!(end(&world, &a, EndReason::SignedOut));
    assert!(!end(&world, &a, EndReason::Revoked));
    world.clock.advance(minutes(15));
    now(world.reap());
    now(world.reap());
    assert!(!end(&world, &b, EndReason::IdleTimeout));
    let ends: Vec<_> = world.ends().iter().map(|e| (e.event, e.reason)).collect();
    assert_eq!(
        ends,
        [
            (EventKind::SessionLogout, Some(EndReason::SignedOut)),
            (EventKind::SessionExpired, Some(EndReason::IdleTimeout)),
        ]
    );
}

#[test]
fn n20_two_nodes_and_reaper_make_one_end() {
    let world = World::default();
    let record = world.start(1, "alice");
    world.clock.advance(minutes(15));
    assert!(end(&world, &record, EndReason::IdleTimeout));
    now(world.reap());
    assert!(!end(&world, &record, EndReason::IdleTimeout));
    assert_eq!(world.ends().len(), 1);
}

#[test]
fn l13_expired_is_not_unknown_for_tombstone_lifetime() {
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
    let set = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })
    .unwrap();
    let world = World::over(clock, store, set);
    let record = world.start(1, "alice");
    world.clock.advance(minutes(15));
    now(world.reap());
    let state = || now(world.memory.load(record.key)).unwrap().state;
    let Lookup::Ended(ended) = state() else {
        panic!("no tombstone")
    };
    assert_eq!(ended.reason, EndReason::IdleTimeout);
    assert_eq!(ended.record.credential.check, record.credential.check);
    world.clock.advance(hours(1) - seconds(1));
    now(world.reap());
    assert!(matches!(state(), Lookup::Ended(_)));
    world.clock.advance(seconds(2));
    now(world.reap());
    assert!(matches!(state(), Lookup::Missing));
    assert!(world.memory.is_empty(), "the tombstone has left memory");
}

#[test]
fn end_hook_is_called_once_per_end() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock(clock.clone());
    let set = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })
    .unwrap();
    let manager = dwell_core::SessionManager::builder(store, set)
        .on_end(|_| panic!("a panicking hook changes nothing"))
        .on_end(|_| {
            CALLS.fetch_add(1, Ordering::SeqCst);
        })
        .build();
    let policies = manager.policies().current();
    let start = || {
        let state = dwell_core::SessionState::new(
            manager.clone(),
            policies.clone(),
            dwell_core::Resolved::Nothing,
        );
        now(state.start(NewSession::new("alice"))).unwrap()
    };
    let (a, _b) = (start(), start());
    assert!(now(manager.end_session(a.key(), EndReason::Revoked)).unwrap());
    clock.advance(minutes(16));
    while now(manager.reap(10)).unwrap() {}
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
}

#[test]
fn tombstone_records_successor() {
    let world = World::default();
    let record = world.start(1, "alice");
    let end = End {
        reason: EndReason::Superseded,
        replaced: true,
    };
    let ended = now(world.memory.end(record.key, end)).unwrap().unwrap();
    assert!(ended.replaced);
    let Lookup::Ended(tombstone) = now(world.memory.load(record.key)).unwrap().state else {
        panic!("no tombstone")
    };
    assert!(tombstone.replaced);
}
