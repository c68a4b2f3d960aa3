//! Touches and updates: atomic, and by the store's clock.

use std::time::Duration;

use dwell_core::store::{Lookup, Rotation, SessionStore, TouchOutcome, Update, Updated};
use dwell_core::{
    EndReason, ManualClock, NewSession, PolicySet, SessionKey, Timeouts, Timestamp, Token,
    VerifierHash, hours, minutes,
};

use crate::{end, touch};
use dwell_test_support::{World, now, touch as touch_at};

#[test]
fn l04_touch_undoes_no_concurrent_update() {
    let world = World::default();
    let record = world.start(1, "alice");
    world.clock.advance(minutes(1));
    let rotation = Rotation {
        check: VerifierHash::from_bits(9),
        presented: record.credential.check,
        at: dwell_core::Clock::now(&world.clock),
    };
    // A request that loaded the session before the rotation touches after it.
    now(world.memory.update(record.key, 0, Update::Rotate(rotation))).unwrap();
    assert_eq!(touch(&world, &record), TouchOutcome::Recorded);
    let kept = world.find(record.key).unwrap();
    assert_eq!(kept.credential.check, VerifierHash::from_bits(9));
    assert_eq!(
        kept.credential.previous.unwrap().check,
        record.credential.check
    );
}

#[test]
fn n46_one_of_two_rotations_wins() {
    let world = World::default();
    let record = world.start(1, "alice");
    let rotate = |bits| {
        let update = Update::Rotate(Rotation {
            check: VerifierHash::from_bits(bits),
            presented: record.credential.check,
            at: record.facts.created_at,
        });
        now(world.memory.update(record.key, 0, update)).unwrap()
    };
    assert!(matches!(rotate(8), Updated::Applied(_)));
    assert!(matches!(rotate(9), Updated::Conflict));
    let kept = world.find(record.key).unwrap();
    assert_eq!(kept.credential.check, VerifierHash::from_bits(8));
    assert!(!kept.credential.confirmed);
}

#[test]
fn l03_nothing_moves_absolute_deadline() {
    let world = World::default();
    let record = world.start(1, "alice");
    let deadline = record.facts.absolute_deadline;
    world.clock.advance(minutes(5));
    let at = dwell_core::Clock::now(&world.clock);
    assert_eq!(touch(&world, &record), TouchOutcome::Recorded);
    let rotation = Rotation {
        check: VerifierHash::from_bits(9),
        presented: record.credential.check,
        at,
    };
    let again = Update::Reauthenticate {
        open: record.open.clone(),
        touch: touch_at(&record, at),
        lock_period: Duration::ZERO,
        rotation: Some(rotation),
    };
    for update in [Update::Rotate(rotation), again, Update::Confirm] {
        let version = world.find(record.key).unwrap().facts.version;
        let updated = now(world.memory.update(record.key, version, update)).unwrap();
        assert!(matches!(updated, Updated::Applied(_)));
        assert_eq!(
            world.find(record.key).unwrap().facts.absolute_deadline,
            deadline
        );
    }
}

#[test]
fn l11_store_clock_judges_despite_skewed_node() {
    // Two nodes on one store: only the store's clock counts.
    let world = World::default();
    let record = world.start(1, "alice");
    let other = World::over(
        ManualClock::at(Timestamp::from_millis(1)),
        world.memory.clone(),
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap(),
    );
    world.clock.advance(minutes(14));
    assert_eq!(
        now(other.store.now()).unwrap(),
        dwell_core::Clock::now(&world.clock)
    );
    now(other.reap());
    assert!(other.ends().is_empty());
    world.clock.advance(minutes(1));
    now(other.reap());
    now(world.reap());
    assert_eq!(other.ends().len(), 1);
    assert!(world.ends().is_empty(), "one end, one event, on one node");
    assert!(world.find(record.key).is_none());
}

#[test]
fn n50_unknown_key_creates_nothing() {
    let world = World::default();
    let stranger = SessionKey::from_bytes([9; 16]);
    assert!(matches!(
        now(world.memory.load(stranger)).unwrap().state,
        Lookup::Missing
    ));
    let record = world.opened(9, "mallory");
    assert_eq!(touch(&world, &record), TouchOutcome::Gone);
    assert!(!end(&world, &record, EndReason::Revoked));
    assert!(world.memory.is_empty());
}

#[test]
fn l09_store_never_sees_token() {
    let world = World::default();
    let token: Token = now(world.anonymous().start(NewSession::new("alice"))).unwrap();
    let record = world.find(token.key()).unwrap();
    let seen = format!(
        "{:?} {:?} {:02x?}",
        world.memory,
        record,
        record.key.as_bytes()
    );
    let (selector, verifier) = token.expose().split_at(22);
    assert!(!seen.contains(selector) && !seen.contains(verifier));
}

#[test]
fn many_touches_leave_schedule_unchanged() {
    let world = World::default();
    let record = world.start(1, "alice");
    for _ in 0..100_000 {
        world.clock.advance(Duration::from_millis(100));
        assert_eq!(touch(&world, &record), TouchOutcome::Recorded);
    }
    // One entry, looked at once per idle timeout.
    let mut looks = 0;
    while now(world.memory.reap(world.due_policy(), 1)).unwrap().more {
        looks += 1;
    }
    assert!(looks <= 2, "{looks}");
}
