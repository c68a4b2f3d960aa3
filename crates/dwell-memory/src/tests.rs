//! Tests of the inside: nothing is left behind.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::MemoryStore;
use crate::sync::lock;
use dwell_core::engine::opening_facts;
use dwell_core::store::{Created, DuePolicy, Lookup, SessionStore, TOMBSTONES_PER_SUBJECT};
use dwell_core::{
    Clock, Credential, EndReason, ManualClock, OpenPart, PolicyId, PolicySet, SessionKey,
    SessionRecord, SubjectId, Timeouts, VerifierHash, hours, minutes, seconds,
};

pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}

struct World {
    clock: ManualClock,
    store: MemoryStore,
    policies: Arc<PolicySet>,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new();
        Self {
            store: MemoryStore::with_clock_and_tombstones(clock.clone(), seconds(1)),
            clock,
            policies: Arc::new(
                PolicySet::simple(Timeouts {
                    idle: minutes(15),
                    absolute: hours(8),
                })
                .unwrap(),
            ),
        }
    }

    fn create(&self, number: u32, subject: &SubjectId) {
        let network = self.policies.find_network(None);
        let at = self.clock.now();
        let record = SessionRecord {
            key: key(number),
            subject: subject.clone(),
            facts: opening_facts(&self.policies, PolicyId::DEFAULT, network, at),
            open: OpenPart::new(),
            credential: Credential::new(check(number)),
        };
        let due = DuePolicy::new(self.policies.clone());
        let created = now(self.store.create(record, None, due)).unwrap();
        assert!(matches!(created, Created::Created { .. }));
    }

    fn end_and_forget(&self, numbers: impl Iterator<Item = u32>) {
        for number in numbers {
            let end = EndReason::SignedOut.into();
            assert!(now(self.store.end(key(number), end)).unwrap().is_some());
            now(self.store.acknowledge(vec![key(number)])).unwrap();
        }
        self.clock.advance(seconds(2));
        let due = DuePolicy::new(self.policies.clone());
        let reaped = now(self.store.reap(due, usize::MAX)).unwrap();
        assert!(reaped.ended.is_empty() && !reaped.more);
    }

    fn is_there(&self, number: u32) -> bool {
        match now(self.store.load(key(number))).unwrap().state {
            Lookup::Found(found) => {
                assert_eq!(found.key, key(number));
                assert_eq!(found.credential.check, check(number));
                true
            }
            _ => false,
        }
    }
}

/// Never zero, which stands for adopted sessions.
fn check(number: u32) -> VerifierHash {
    VerifierHash::from_bits(u128::from(number) + 1)
}

fn key(number: u32) -> SessionKey {
    SessionKey::from_bytes(u128::from(number).to_be_bytes())
}

#[test]
fn emptied_store_holds_nothing() {
    const MANY: u32 = 5_000;
    let world = World::new();
    let inner = &world.store.0;
    for number in 0..MANY {
        world.create(number, &SubjectId::from(format!("{}", number % 999)));
    }
    world.end_and_forget(1..MANY);
    assert_eq!(world.store.len(), 1);
    assert!(world.is_there(0));
    assert_eq!(inner.subjects.len(), 1);
    world.end_and_forget(0..1);
    assert!(world.store.is_empty());
    assert_eq!(inner.subjects.len(), 0);
    // Entries of sessions that ended before they were due.
    world.clock.advance(hours(9));
    world.end_and_forget(0..0);
    assert!(inner.shards.iter().all(|shard| lock(shard).is_empty()));
}

#[test]
fn l22_surplus_tombstones_leave_nothing_behind() {
    let world = World::new();
    let inner = &world.store.0;
    let alice = SubjectId::from("alice");
    for number in 0..1_000 {
        world.create(number, &alice);
        let end = EndReason::SignedOut.into();
        now(world.store.end(key(number), end)).unwrap();
        now(world.store.acknowledge(vec![key(number)])).unwrap();
        now(world.store.acknowledge(vec![key(number)])).unwrap();
    }
    assert_eq!(world.store.len(), TOMBSTONES_PER_SUBJECT);
    assert_eq!(inner.subjects.len(), TOMBSTONES_PER_SUBJECT);
    world.end_and_forget(0..0);
    assert!(world.store.is_empty());
    assert_eq!(inner.subjects.len(), 0);
    world.clock.advance(hours(9));
    world.end_and_forget(0..0);
    assert!(inner.shards.iter().all(|shard| lock(shard).is_empty()));
}

#[test]
fn sessions_are_found_only_while_kept() {
    const LIVE: u32 = 3_000;
    let world = World::new();
    let subjects: Vec<SubjectId> = (0..7).map(|n| format!("subject {n}").into()).collect();
    let subject = |number: u32| &subjects[number as usize % subjects.len()];
    for number in 0..10 * LIVE {
        world.create(number, subject(number));
        if number % 500 == 499 && number >= LIVE {
            world.end_and_forget(number - 499 - (LIVE - 500)..=number - (LIVE - 500));
            let (first, end) = (number - (LIVE - 500) + 1, number + 1);
            assert!((first..end).all(|number| world.is_there(number)));
            assert!(!(first - 500..first).any(|number| world.is_there(number)));
        }
    }
    let left: Vec<u32> = (0..10 * LIVE).filter(|n| world.is_there(*n)).collect();
    assert_eq!(world.store.len(), left.len());
    for subject_of in &subjects {
        let mut listed: Vec<u128> = now(world.store.list(subject_of.clone()))
            .unwrap()
            .iter()
            .map(|record| record.credential.check.to_bits() - 1)
            .collect();
        listed.sort_unstable();
        let own = left.iter().filter(|number| subject(**number) == subject_of);
        assert_eq!(listed, own.map(|n| u128::from(*n)).collect::<Vec<_>>());
    }
}
