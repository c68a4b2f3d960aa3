//! The store in memory: narrow writes, one winner, nothing left behind.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dwell_core::engine::Activation;
use dwell_core::store::{
    Created, End, Judge, Lookup, Rotation, SessionStore, Touched, Update, Updated,
};
use dwell_core::{
    EndReason, EventKind, ForeignSession, ManualClock, MemoryStore, NewSession, OnIdle, OnLimit,
    Policy, PolicySet, SessionKey, SessionLimit, SessionRecord, Timestamp, Token, TokenCheck,
    hours, minutes, seconds,
};
use support::{World, now};

fn world() -> World {
    World::new(PolicySet::simple(minutes(15), hours(8)).unwrap())
}

fn activation(record: &SessionRecord, at: Timestamp) -> Activation {
    Activation {
        at,
        network: record.facts.network,
        idle_deadline: at + minutes(15),
    }
}

fn touch(world: &World, record: &SessionRecord) -> Touched {
    let at = dwell_core::Clock::now(&world.clock);
    now(world.store.touch(record.key, activation(record, at))).unwrap()
}

fn end(world: &World, record: &SessionRecord, reason: EndReason) -> bool {
    now(world.manager.end_session(record.key, reason)).unwrap()
}

#[test]
fn l04_the_dead_stay_dead() {
    let world = world();
    let record = world.start(1, "alice");
    assert!(end(&world, &record, EndReason::SignedOut));
    world.clock.advance(seconds(30));
    assert_eq!(touch(&world, &record), Touched::Gone);
    let rotation = Rotation {
        check: TokenCheck::from_bits(9),
        presented: record.credential.check,
        at: record.facts.created_at,
    };
    let updates = [
        Update::Confirm,
        Update::FailReauthentication,
        Update::Lock {
            at: record.facts.created_at,
        },
        Update::Rotate(rotation),
        Update::Reauthenticate {
            strength: None,
            activation: activation(&record, record.facts.created_at),
            rotation: Some(rotation),
        },
    ];
    for update in updates {
        let updated = now(world.store.update(record.key, 0, update)).unwrap();
        assert!(matches!(updated, Updated::Gone));
    }
    let again = now(world.store.create(record.clone(), None, world.judge())).unwrap();
    assert!(
        matches!(again, Created::Exists),
        "nor does a key come back to life"
    );
    assert!(world.find(record.key).is_none());
}

#[test]
fn l04_a_touch_is_narrow_and_undoes_no_concurrent_update() {
    let world = world();
    let record = world.start(1, "alice");
    world.clock.advance(minutes(1));
    let rotation = Rotation {
        check: TokenCheck::from_bits(9),
        presented: record.credential.check,
        at: dwell_core::Clock::now(&world.clock),
    };
    // A request that loaded the session before the rotation touches after it.
    now(world.store.update(record.key, 0, Update::Rotate(rotation))).unwrap();
    assert_eq!(touch(&world, &record), Touched::Recorded);
    let kept = world.find(record.key).unwrap();
    assert_eq!(kept.credential.check, TokenCheck::from_bits(9));
    assert_eq!(
        kept.credential.previous.unwrap().check,
        record.credential.check
    );
}

#[test]
fn n46_a_rotation_is_one_step_and_only_one_of_two_wins() {
    let world = world();
    let record = world.start(1, "alice");
    let rotate = |bits| {
        let update = Update::Rotate(Rotation {
            check: TokenCheck::from_bits(bits),
            presented: record.credential.check,
            at: record.facts.created_at,
        });
        now(world.store.update(record.key, 0, update)).unwrap()
    };
    assert!(matches!(rotate(8), Updated::Applied(_)));
    assert!(matches!(rotate(9), Updated::Conflict));
    let kept = world.find(record.key).unwrap();
    assert_eq!(kept.credential.check, TokenCheck::from_bits(8));
    assert!(!kept.credential.confirmed);
}

#[test]
fn l12_each_end_is_reported_once_whoever_comes_first() {
    let world = world();
    let a = world.start(1, "alice");
    let b = world.start(2, "alice");
    assert!(end(&world, &a, EndReason::SignedOut));
    assert!(!end(&world, &a, EndReason::Revoked));
    world.clock.advance(minutes(15));
    world.reap();
    world.reap();
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
fn l12_an_end_has_a_witness_even_when_no_request_ever_comes_again() {
    let world = world();
    for key in 0..200 {
        world.start(key, &format!("subject {}", key % 7));
        world.clock.advance(seconds(1));
    }
    world.clock.advance(minutes(15));
    world.reap();
    assert_eq!(world.ends().len(), 200);
    for event in world.ends() {
        assert_eq!(event.reason, Some(EndReason::IdleTimeout));
        assert!(event.idle_ms.unwrap() >= 900_000);
    }
}

#[test]
fn l12_a_touched_session_is_looked_at_again_and_not_ended() {
    let world = world();
    let record = world.start(1, "alice");
    for _ in 0..20 {
        world.clock.advance(minutes(10));
        assert_eq!(touch(&world, &record), Touched::Recorded);
        world.reap();
        assert!(world.find(record.key).is_some());
    }
    world.clock.advance(minutes(14));
    world.reap();
    assert!(world.find(record.key).is_some());
    world.clock.advance(minutes(1) + seconds(1));
    world.reap();
    assert!(world.find(record.key).is_none());
    assert_eq!(world.ends().len(), 1);
}

#[test]
fn l13_expired_is_not_unknown_for_the_tombstones_lifetime() {
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
    let set = PolicySet::simple(minutes(15), hours(8)).unwrap();
    let world = World::over(clock, store, set);
    let record = world.start(1, "alice");
    world.clock.advance(minutes(15));
    world.reap();
    let state = || now(world.store.load(record.key)).unwrap().state;
    let Lookup::Ended(ended) = state() else {
        panic!("no tombstone")
    };
    assert_eq!(ended.reason, EndReason::IdleTimeout);
    assert_eq!(ended.record.credential.check, record.credential.check);
    world.clock.advance(hours(1) - seconds(1));
    world.reap();
    assert!(matches!(state(), Lookup::Ended(_)));
    world.clock.advance(seconds(2));
    world.reap();
    assert!(matches!(state(), Lookup::Missing));
    assert!(world.store.is_empty(), "and it really leaves memory");
}

#[test]
fn n22_reaping_takes_bounded_batches_and_says_when_more_is_due() {
    let world = world();
    for key in 0..100 {
        world.start(key, "alice");
    }
    world.clock.advance(minutes(15));
    let pass = || now(world.store.reap(world.judge(), 30)).unwrap();
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
fn n21_the_record_carries_its_own_deadline() {
    // A looser policy judges a session that ran out under a stricter one
    // before anybody saw it.
    let world = world();
    let record = world.start(1, "alice");
    world
        .manager
        .policies()
        .replace(PolicySet::simple(hours(4), hours(8)).unwrap());
    world.clock.advance(minutes(15));
    assert_eq!(touch(&world, &record), Touched::Gone);
    world.reap();
    assert_eq!(world.ends()[0].reason, Some(EndReason::IdleTimeout));
}

#[test]
fn l06_a_stricter_policy_reaches_sessions_that_nobody_uses() {
    let world = world();
    world.start(1, "alice");
    world.reap();
    world
        .manager
        .policies()
        .replace(PolicySet::simple(minutes(1), hours(8)).unwrap());
    world.clock.advance(seconds(59));
    world.reap();
    assert!(world.ends().is_empty());
    world.clock.advance(seconds(2));
    world.reap();
    assert_eq!(world.ends().len(), 1);
}

#[test]
fn n30_a_relaxed_policy_revives_nobody_and_moves_no_absolute_deadline() {
    let world = World::new(PolicySet::simple(minutes(15), hours(1)).unwrap());
    let record = world.start(1, "alice");
    world
        .manager
        .policies()
        .replace(PolicySet::simple(minutes(30), hours(8)).unwrap());
    for _ in 0..5 {
        world.clock.advance(minutes(10));
        assert_eq!(touch(&world, &record), Touched::Recorded);
    }
    world.clock.advance(minutes(10));
    assert_eq!(touch(&world, &record), Touched::Gone);
    world.reap();
    assert_eq!(world.ends()[0].reason, Some(EndReason::AbsoluteTimeout));
}

#[test]
fn l03_nothing_moves_the_absolute_deadline() {
    let world = world();
    let record = world.start(1, "alice");
    let deadline = record.facts.absolute_deadline;
    world.clock.advance(minutes(5));
    let at = dwell_core::Clock::now(&world.clock);
    assert_eq!(touch(&world, &record), Touched::Recorded);
    let rotation = Rotation {
        check: TokenCheck::from_bits(9),
        presented: record.credential.check,
        at,
    };
    let again = Update::Reauthenticate {
        strength: None,
        activation: activation(&record, at),
        rotation: Some(rotation),
    };
    for update in [Update::Rotate(rotation), again, Update::Confirm] {
        let version = world.find(record.key).unwrap().facts.version;
        let updated = now(world.store.update(record.key, version, update)).unwrap();
        assert!(matches!(updated, Updated::Applied(_)));
        assert_eq!(
            world.find(record.key).unwrap().facts.absolute_deadline,
            deadline
        );
    }
}

#[test]
fn l11_the_stores_clock_judges_and_a_skewed_node_changes_nothing() {
    // Two nodes on one store: what they share is the store's clock, and no
    // other clock is asked.
    let world = world();
    let record = world.start(1, "alice");
    let other = World::over(
        ManualClock::at(Timestamp::from_millis(1)),
        world.store.clone(),
        PolicySet::simple(minutes(15), hours(8)).unwrap(),
    );
    world.clock.advance(minutes(14));
    assert_eq!(
        now(other.store.now()).unwrap(),
        dwell_core::Clock::now(&world.clock)
    );
    other.reap();
    assert!(other.ends().is_empty());
    world.clock.advance(minutes(1));
    other.reap();
    world.reap();
    assert_eq!(other.ends().len(), 1);
    assert!(world.ends().is_empty(), "one end, one event, on one node");
    assert!(world.find(record.key).is_none());
}

#[test]
fn n20_two_nodes_and_the_reaper_at_the_deadline_make_one_end() {
    let world = world();
    let record = world.start(1, "alice");
    world.clock.advance(minutes(15));
    assert!(end(&world, &record, EndReason::IdleTimeout));
    world.reap();
    assert!(!end(&world, &record, EndReason::IdleTimeout));
    assert_eq!(world.ends().len(), 1);
}

#[test]
fn n50_an_unknown_key_creates_nothing() {
    let world = world();
    let stranger = SessionKey::from_bytes([9; 16]);
    assert!(matches!(
        now(world.store.load(stranger)).unwrap().state,
        Lookup::Missing
    ));
    let record = world.record(9, "nobody");
    assert_eq!(touch(&world, &record), Touched::Gone);
    assert!(!end(&world, &record, EndReason::Revoked));
    assert!(world.store.is_empty());
}

#[test]
fn subjects_find_their_sessions_and_no_others() {
    let world = world();
    let (a, b, c) = (
        world.start(1, "alice"),
        world.start(2, "alice"),
        world.start(3, "bob"),
    );
    let keys = |subject: &str| {
        let mut keys: Vec<_> = now(world.store.list(subject.into()))
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
        now(world
            .manager
            .end_subject(&"alice".into(), Some(b.key), EndReason::Revoked))
        .unwrap(),
        1
    );
    assert_eq!(keys("alice"), [b.key]);
    assert_eq!(
        now(world
            .manager
            .end_subject(&"alice".into(), None, EndReason::Revoked))
        .unwrap(),
        1
    );
    assert!(keys("alice").is_empty() && keys("bob") == [c.key]);
}

#[test]
fn a_subject_may_have_so_many_sessions() {
    let refuse = SessionLimit {
        max: 2,
        on_limit: OnLimit::RefuseNew,
    };
    let oldest = SessionLimit {
        max: 2,
        on_limit: OnLimit::EndOldest,
    };
    let world = world();
    let first = world.start(1, "alice");
    world.clock.advance(minutes(1));
    let second = world.start(2, "alice");
    world.clock.advance(minutes(1));
    // The first was active last.
    assert_eq!(touch(&world, &first), Touched::Recorded);
    let third = world.record(3, "alice");
    let create = |limit| {
        now(world
            .store
            .create(third.clone(), Some(limit), world.judge()))
        .unwrap()
    };
    assert!(matches!(create(refuse), Created::LimitReached));
    assert!(world.find(third.key).is_none());
    let Created::Created { ended: Some(ended) } = create(oldest) else {
        panic!("somebody must make room")
    };
    assert_eq!(
        (ended.record.key, ended.reason),
        (second.key, EndReason::Superseded)
    );
    assert!(world.find(first.key).is_some() && world.find(third.key).is_some());
    // Sessions that have run out do not count.
    world.clock.advance(minutes(15));
    let fourth = world.record(4, "alice");
    let created = now(world.store.create(fourth, Some(refuse), world.judge())).unwrap();
    assert!(matches!(created, Created::Created { ended: None }));
}

#[test]
fn an_idle_session_is_locked_once_and_ends_after_its_period() {
    let policy = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let policy = policy.on_idle(OnIdle::Lock).lock_period(minutes(30));
    let world = World::new(PolicySet::builder(policy).build().unwrap());
    let record = world.start(1, "alice");
    world.clock.advance(minutes(15));
    world.reap();
    world.reap();
    let locked = |e: &&dwell_core::Event| e.event == EventKind::SessionLocked;
    assert_eq!(world.events().iter().filter(locked).count(), 1);
    assert!(world.find(record.key).unwrap().facts.locked_at.is_some());
    assert_eq!(
        touch(&world, &record),
        Touched::Gone,
        "activity opens no lock"
    );
    world.clock.advance(minutes(30) + seconds(1));
    world.reap();
    assert_eq!(world.ends()[0].reason, Some(EndReason::IdleTimeout));
}

#[test]
fn l06_a_relaxed_policy_opens_no_lock() {
    let lock = |idle| {
        let policy = Policy::named("default").idle(idle).absolute(hours(8));
        PolicySet::builder(policy.on_idle(OnIdle::Lock))
            .build()
            .unwrap()
    };
    let world = World::new(lock(minutes(15)));
    let record = world.start(1, "alice");
    world.clock.advance(minutes(16));
    world.reap();
    world.manager.policies().replace(lock(hours(2)));
    let facts = world.find(record.key).unwrap().facts;
    let verdict = world
        .judge()
        .verdict(&facts, dwell_core::Clock::now(&world.clock));
    assert!(matches!(verdict, dwell_core::Verdict::Locked { .. }));
}

#[test]
fn a_foreign_session_is_adopted_once_and_stays_dead() {
    let world = world();
    let adopt = || {
        let foreign = ForeignSession::new("sid-1", "alice");
        let network = world.policies().find_network(None);
        now(world.manager.adopt(foreign, network)).unwrap().state
    };
    let Lookup::Found(record) = adopt() else {
        panic!("not adopted")
    };
    world.clock.advance(minutes(1));
    let Lookup::Found(again) = adopt() else {
        panic!("lost")
    };
    assert_eq!(again, record, "adopted on first sight only");
    assert!(end(&world, &record, EndReason::Revoked));
    world.clock.advance(hours(7));
    world.reap();
    assert!(matches!(adopt(), Lookup::Ended(_)));
}

#[test]
fn the_tombstone_of_a_foreign_session_outlives_its_absolute_deadline() {
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock_and_tombstones(clock.clone(), seconds(1));
    let world = World::over(
        clock,
        store,
        PolicySet::simple(minutes(15), hours(8)).unwrap(),
    );
    let foreign = || ForeignSession::new("sid-1", "alice");
    let network = world.policies().find_network(None);
    let adopt = || now(world.manager.adopt(foreign(), network)).unwrap().state;
    let Lookup::Found(record) = adopt() else {
        panic!("not adopted")
    };
    assert!(end(&world, &record, EndReason::Revoked));
    world.clock.advance(hours(7));
    world.reap();
    assert!(matches!(adopt(), Lookup::Ended(_)));
}

#[test]
fn n14_a_foreign_session_issued_in_the_future_is_refused() {
    let world = world();
    let ahead = dwell_core::Clock::now(&world.clock) + minutes(10);
    let foreign = ForeignSession::new("sid-1", "alice").with_issued_at(ahead);
    let network = world.policies().find_network(None);
    let Lookup::Found(record) = now(world.manager.adopt(foreign, network)).unwrap().state else {
        panic!("not adopted")
    };
    let verdict = world
        .judge()
        .verdict(&record.facts, dwell_core::Clock::now(&world.clock));
    assert!(matches!(verdict, dwell_core::Verdict::Ended(_)));
}

#[test]
fn the_end_hook_is_called_once_for_every_end() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock(clock.clone());
    let set = PolicySet::simple(minutes(15), hours(8)).unwrap();
    let manager = dwell_core::SessionManager::builder(store, set)
        .on_end(|_| panic!("a hook that panics stops nothing"))
        .on_end(|_| {
            CALLS.fetch_add(1, Ordering::SeqCst);
        })
        .build();
    let policies = manager.policies().current();
    let start = || {
        let handle = dwell_core::SessionHandle::new(
            manager.clone(),
            policies.clone(),
            dwell_core::Presented::Nothing,
        );
        now(handle.start(NewSession::new("alice"))).unwrap()
    };
    let (a, _b) = (start(), start());
    assert!(now(manager.end_session(a.key(), EndReason::Revoked)).unwrap());
    clock.advance(minutes(16));
    while now(manager.reap(10)).unwrap() {}
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
}

#[test]
fn l09_the_store_never_sees_a_token() {
    let world = world();
    let token: Token = now(world.anonymous().start(NewSession::new("alice"))).unwrap();
    let record = world.find(token.key()).unwrap();
    let seen = format!(
        "{:?} {:?} {:02x?}",
        world.store,
        record,
        record.key.as_bytes()
    );
    let (selector, verifier) = token.expose().split_at(22);
    assert!(!seen.contains(selector) && !seen.contains(verifier));
}

#[test]
fn a_million_touches_leave_the_schedule_as_it_was() {
    let world = world();
    let record = world.start(1, "alice");
    for _ in 0..100_000 {
        world.clock.advance(Duration::from_millis(100));
        assert_eq!(touch(&world, &record), Touched::Recorded);
    }
    // One entry, looked at once for every idle timeout that passed.
    let mut looks = 0;
    while now(world.store.reap(world.judge(), 1)).unwrap().more {
        looks += 1;
    }
    assert!(looks <= 2, "{looks}");
}

#[test]
fn ending_something_that_another_policy_judges_needs_no_judge() {
    let world = world();
    let record = world.start(1, "alice");
    let end = End {
        reason: EndReason::Superseded,
        replaced: true,
    };
    let ended = now(world.store.end(record.key, end)).unwrap().unwrap();
    assert!(ended.replaced);
    let Lookup::Ended(tombstone) = now(world.store.load(record.key)).unwrap().state else {
        panic!("no tombstone")
    };
    assert!(tombstone.replaced);
    let _: Judge = world.judge();
}
