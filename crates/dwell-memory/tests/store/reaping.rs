//! Reaping: sessions end and lock without requests, in bounded batches.

use dwell_core::store::{SessionStore, TouchOutcome};
use dwell_core::{
    EndReason, EventKind, OnIdle, Policy, PolicySet, Timeouts, hours, minutes, seconds,
};

use crate::touch;
use dwell_test_support::{World, now};

#[test]
fn l12_sessions_without_requests_end_and_are_reported() {
    let world = World::default();
    for key in 0..200 {
        world.start(key, &format!("subject {}", key % 7));
        world.clock.advance(seconds(1));
    }
    world.clock.advance(minutes(15));
    now(world.reap());
    assert_eq!(world.ends().len(), 200);
    for event in world.ends() {
        assert_eq!(event.reason, Some(EndReason::IdleTimeout));
        assert!(event.idle_ms.unwrap() >= 900_000);
    }
}

#[test]
fn l12_touched_session_is_not_reaped() {
    let world = World::default();
    let record = world.start(1, "alice");
    for _ in 0..20 {
        world.clock.advance(minutes(10));
        assert_eq!(touch(&world, &record), TouchOutcome::Recorded);
        now(world.reap());
        assert!(world.find(record.key).is_some());
    }
    world.clock.advance(minutes(14));
    now(world.reap());
    assert!(world.find(record.key).is_some());
    world.clock.advance(minutes(1) + seconds(1));
    now(world.reap());
    assert!(world.find(record.key).is_none());
    assert_eq!(world.ends().len(), 1);
}

#[test]
fn n22_reaping_batches_are_bounded_and_say_if_more_is_due() {
    let world = World::default();
    for key in 0..100 {
        world.start(key, "alice");
    }
    world.clock.advance(minutes(15));
    let pass = || now(world.memory.reap(world.due_policy(), 30)).unwrap();
    let mut ended = 0;
    let mut passes = 0;
    loop {
        let reaped = pass();
        assert!(reaped.ended.len() <= 30);
        ended += reaped.ended.len();
        passes += 1;
        if !reaped.more {
            break;
        }
    }
    assert_eq!(ended, 100);
    assert!((4..=10).contains(&passes), "{passes}");
    assert!(pass().ended.is_empty());
}

#[test]
fn n21_record_carries_its_own_deadline() {
    // A session ran out under a strict policy, unnoticed, before a looser one
    // came into force.
    let world = World::default();
    let record = world.start(1, "alice");
    world.manager.policies().replace(
        PolicySet::simple(Timeouts {
            idle: hours(4),
            absolute: hours(8),
        })
        .unwrap(),
    );
    world.clock.advance(minutes(15));
    assert_eq!(touch(&world, &record), TouchOutcome::Gone);
    now(world.reap());
    assert_eq!(world.ends()[0].reason, Some(EndReason::IdleTimeout));
}

#[test]
fn l06_stricter_policy_reaches_unused_sessions() {
    let world = World::default();
    world.start(1, "alice");
    now(world.reap());
    world.manager.policies().replace(
        PolicySet::simple(Timeouts {
            idle: minutes(1),
            absolute: hours(8),
        })
        .unwrap(),
    );
    world.clock.advance(seconds(59));
    now(world.reap());
    assert!(world.ends().is_empty());
    world.clock.advance(seconds(2));
    now(world.reap());
    assert_eq!(world.ends().len(), 1);
}

#[test]
fn n30_relaxed_policy_revives_none_and_moves_no_absolute_end() {
    let world = World::with(
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(1),
        })
        .unwrap(),
    );
    let record = world.start(1, "alice");
    world.manager.policies().replace(
        PolicySet::simple(Timeouts {
            idle: minutes(30),
            absolute: hours(8),
        })
        .unwrap(),
    );
    for _ in 0..5 {
        world.clock.advance(minutes(10));
        assert_eq!(touch(&world, &record), TouchOutcome::Recorded);
    }
    world.clock.advance(minutes(10));
    assert_eq!(touch(&world, &record), TouchOutcome::Gone);
    now(world.reap());
    assert_eq!(world.ends()[0].reason, Some(EndReason::AbsoluteTimeout));
}

#[test]
fn idle_session_is_locked_once_then_ends() {
    let policy = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let policy = policy.on_idle(OnIdle::Lock).lock_period(minutes(30));
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let record = world.start(1, "alice");
    world.clock.advance(minutes(15));
    now(world.reap());
    now(world.reap());
    let locked = |e: &&dwell_core::Event| e.event == EventKind::SessionLocked;
    assert_eq!(world.events.events().iter().filter(locked).count(), 1);
    assert!(world.find(record.key).unwrap().facts.locked_at.is_some());
    assert_eq!(
        touch(&world, &record),
        TouchOutcome::Gone,
        "activity opens no locked session"
    );
    world.clock.advance(minutes(30) + seconds(1));
    now(world.reap());
    assert_eq!(world.ends()[0].reason, Some(EndReason::IdleTimeout));
}

#[test]
fn l06_relaxed_policy_opens_no_lock() {
    let lock = |idle| {
        let policy = Policy::named("default").idle(idle).absolute(hours(8));
        PolicySet::builder(policy.on_idle(OnIdle::Lock))
            .build()
            .unwrap()
    };
    let world = World::with(lock(minutes(15)));
    let record = world.start(1, "alice");
    world.clock.advance(minutes(16));
    now(world.reap());
    world.manager.policies().replace(lock(hours(2)));
    let facts = world.find(record.key).unwrap().facts;
    let verdict = world
        .due_policy()
        .verdict(&facts, dwell_core::Clock::now(&world.clock));
    assert!(matches!(verdict, dwell_core::Verdict::Locked { .. }));
}
