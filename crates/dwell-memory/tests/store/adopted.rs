//! Sessions that another middleware owns.

use dwell_core::store::Lookup;
use dwell_core::{
    AdoptedSession, EndReason, ManualClock, PolicySet, Timeouts, hours, minutes, seconds,
};
use dwell_memory::MemoryStore;

use crate::end;
use dwell_test_support::{World, now};

#[test]
fn session_is_adopted_once_and_stays_ended() {
    let world = World::default();
    let adopt = || {
        let adopted = AdoptedSession::new("issuer", "sid-1", "alice");
        let network = world.policies().find_network(None);
        now(world.manager.adopt(&adopted, network)).unwrap().state
    };
    let Lookup::Found(record) = adopt() else {
        panic!("the session was not adopted")
    };
    world.clock.advance(minutes(1));
    let Lookup::Found(again) = adopt() else {
        panic!("lost")
    };
    assert_eq!(again, record, "adopted at the first request only");
    assert!(end(&world, &record, EndReason::Revoked));
    world.clock.advance(hours(7));
    now(world.reap());
    assert!(matches!(adopt(), Lookup::Ended(_)));
}

#[test]
fn tombstone_of_adopted_session_outlives_absolute_deadline() {
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock_and_tombstones(clock.clone(), seconds(1));
    let world = World::over(
        clock,
        store,
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap(),
    );
    let adopted = || AdoptedSession::new("issuer", "sid-1", "alice");
    let network = world.policies().find_network(None);
    let adopt = || now(world.manager.adopt(&adopted(), network)).unwrap().state;
    let Lookup::Found(record) = adopt() else {
        panic!("the session was not adopted")
    };
    assert!(end(&world, &record, EndReason::Revoked));
    world.clock.advance(hours(7));
    now(world.reap());
    assert!(matches!(adopt(), Lookup::Ended(_)));
}

#[test]
fn n14_adopted_session_issued_in_future_is_refused() {
    let world = World::default();
    let ahead = dwell_core::Clock::now(&world.clock) + minutes(10);
    let adopted = AdoptedSession::new("issuer", "sid-1", "alice").with_issued_at(ahead);
    let network = world.policies().find_network(None);
    let Lookup::Found(record) = now(world.manager.adopt(&adopted, network)).unwrap().state else {
        panic!("the session was not adopted")
    };
    let verdict = world
        .due_policy()
        .verdict(&record.facts, dwell_core::Clock::now(&world.clock));
    assert!(matches!(verdict, dwell_core::Verdict::Ended(_)));
}
