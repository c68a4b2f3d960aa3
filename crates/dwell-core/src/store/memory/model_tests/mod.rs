//! Every schedule of the races that matter, as far as random search finds
//! them. Run with `RUSTFLAGS="--cfg shuttle"`.

mod ends;
mod moves;

use std::sync::Arc;
use std::time::Duration;

use shuttle::{check_pct, check_random, thread};

use super::MemoryStore;
use super::tests::now;
use crate::clock::{Clock, ManualClock};
use crate::engine::{Activation, opening_facts};
use crate::id::PolicyId;
use crate::policy::{PolicySet, SessionLimit};
use crate::reason::EndReason;
use crate::record::{Credential, SessionRecord};
use crate::store::{Created, Judge, Lookup, SessionStore, Touched};
use crate::time::{hours, minutes, seconds};
use crate::token::{SessionKey, TokenCheck};

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
        Arc::new(PolicySet::simple(idle, hours(8)).unwrap())
    }

    fn judge(&self) -> Judge {
        Judge::new(self.policies.clone())
    }

    fn record(&self, key: u8) -> SessionRecord {
        let network = self.policies.find_network(None);
        let at = self.clock.now();
        SessionRecord {
            key: SessionKey::from_bytes([key; 16]),
            subject: "alice".into(),
            facts: opening_facts(&self.policies, PolicyId::DEFAULT, network, at),
            strength: None,
            credential: Credential::new(TokenCheck::from_bits(1)),
        }
    }

    fn create(&self, key: u8, limit: Option<SessionLimit>) -> Created {
        now(self
            .store
            .create(self.record(key), limit.map(Into::into), self.judge()))
        .unwrap()
    }

    fn touch(&self, record: &SessionRecord) -> Touched {
        let at = self.clock.now();
        let activation = Activation {
            at,
            network: record.facts.network,
            idle_deadline: at + minutes(15),
        };
        now(self.store.touch(record.key, activation)).unwrap()
    }

    fn end(&self, record: &SessionRecord, reason: EndReason) -> bool {
        now(self.store.end(record.key, reason.into()))
            .unwrap()
            .is_some()
    }

    fn reap(&self) -> usize {
        now(self.store.reap(self.judge(), 100)).unwrap().ended.len()
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
