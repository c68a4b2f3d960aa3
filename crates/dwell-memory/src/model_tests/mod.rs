//! Races under random schedules. Run with `RUSTFLAGS="--cfg shuttle"`.

mod ends;
mod moves;

use std::sync::Arc;
use std::time::Duration;

use shuttle::{check_pct, check_random, thread};

use crate::MemoryStore;
use crate::tests::now;
use dwell_core::engine::{Touch, opening_facts};
use dwell_core::store::{Created, DuePolicy, Lookup, SessionStore, TouchOutcome};
use dwell_core::{
    Clock, Credential, EndReason, ManualClock, OpenPart, PolicyId, PolicySet, SessionKey,
    SessionLimit, SessionRecord, Timeouts, VerifierHash, hours, minutes, seconds,
};

const ROUNDS: usize = 2_000;
const DEPTH: usize = 3;

fn check(model: impl Fn() + Clone + Send + Sync + 'static) {
    check_random(model.clone(), ROUNDS);
    check_pct(model, ROUNDS, DEPTH);
}

#[derive(Clone)]
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
            policies: Self::policies(minutes(15)),
        }
    }

    fn policies(idle: Duration) -> Arc<PolicySet> {
        Arc::new(
            PolicySet::simple(Timeouts {
                idle,
                absolute: hours(8),
            })
            .unwrap(),
        )
    }

    fn due_policy(&self) -> DuePolicy {
        DuePolicy::new(self.policies.clone())
    }

    fn record(&self, key: u8) -> SessionRecord {
        let network = self.policies.find_network(None);
        let at = self.clock.now();
        SessionRecord {
            key: SessionKey::from_bytes([key; 16]),
            subject: "alice".into(),
            facts: opening_facts(&self.policies, PolicyId::DEFAULT, network, at),
            open: OpenPart::new(),
            credential: Credential::new(VerifierHash::from_bits(1)),
        }
    }

    fn create(&self, key: u8, limit: Option<SessionLimit>) -> Created {
        now(self
            .store
            .create(self.record(key), limit.map(Into::into), self.due_policy()))
        .unwrap()
    }

    fn touch(&self, record: &SessionRecord) -> TouchOutcome {
        let at = self.clock.now();
        let touch = Touch {
            at,
            network: record.facts.network,
            idle_deadline: at + minutes(15),
            retried: false,
        };
        now(self.store.touch(record.key, touch)).unwrap()
    }

    fn end(&self, record: &SessionRecord, reason: EndReason) -> bool {
        now(self.store.end(record.key, reason.into()))
            .unwrap()
            .is_some()
    }

    fn reap(&self) -> usize {
        now(self.store.reap(self.due_policy(), 100))
            .unwrap()
            .ended
            .len()
    }

    fn load(&self, record: &SessionRecord) -> Lookup {
        now(self.store.load(record.key)).unwrap().state
    }

    fn live(&self, record: &SessionRecord) -> Option<SessionRecord> {
        match self.load(record) {
            Lookup::Found(record) => Some(record),
            _ => None,
        }
    }

    fn listed(&self) -> usize {
        now(self.store.list("alice".into())).unwrap().len()
    }
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}
