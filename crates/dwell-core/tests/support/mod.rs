//! What the tests of the core share: a world with a clock that is moved by
//! hand, and futures that are ready at once.

#![allow(dead_code, reason = "each test file uses its part")]

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use dwell_core::engine::Touch;
use dwell_core::store::{Created, DuePolicy, Lookup, SessionStore};
use dwell_core::{
    Credential, EndReason, Event, EventKind, Facts, ManualClock, PolicyId, PolicySet, Resolved,
    SessionKey, SessionManager, SessionRecord, SessionState, Timeouts, Timestamp, Verdict,
    VerifierHash, engine, hours, minutes,
};
use dwell_memory::MemoryStore;

/// Runs a future that a store in memory has nothing to wait for in.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}

/// A store, policies, and everything that observers saw.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: MemoryStore,
    pub(crate) manager: SessionManager,
    events: Arc<Mutex<Vec<Event>>>,
}

impl World {
    pub(crate) fn new(policies: PolicySet) -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::with_clock(clock.clone());
        Self::over(clock, store, policies)
    }

    pub(crate) fn over(clock: ManualClock, store: MemoryStore, policies: PolicySet) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let manager = SessionManager::builder(store.clone(), policies)
            .observer(move |event: &Event| seen.lock().unwrap().push(event.clone()))
            .build();
        Self {
            clock,
            store,
            manager,
            events,
        }
    }

    pub(crate) fn policies(&self) -> Arc<PolicySet> {
        self.manager.policies().current()
    }

    pub(crate) fn due_policy(&self) -> DuePolicy {
        DuePolicy::new(self.policies())
    }

    /// A record that opens now, not kept yet.
    pub(crate) fn record(&self, key: u8, subject: &str) -> SessionRecord {
        let policies = self.policies();
        let network = policies.find_network(None);
        let now = dwell_core::Clock::now(&self.clock);
        SessionRecord {
            key: SessionKey::from_bytes([key; 16]),
            subject: subject.into(),
            facts: engine::opening_facts(&policies, PolicyId::DEFAULT, network, now),
            strength: None,
            credential: Credential::new(VerifierHash::from_bits(u128::from(key) + 1)),
        }
    }

    /// Keeps a session that starts now.
    pub(crate) fn start(&self, key: u8, subject: &str) -> SessionRecord {
        let record = self.record(key, subject);
        let created = now(self.store.create(record.clone(), None, self.due_policy())).unwrap();
        assert!(matches!(created, Created::Created { .. }));
        record
    }

    /// The session as the store has it.
    pub(crate) fn find(&self, key: SessionKey) -> Option<SessionRecord> {
        match now(self.store.load(key)).unwrap().state {
            Lookup::Found(record) => Some(record),
            Lookup::Ended(_) | Lookup::Missing => None,
        }
    }

    /// A handle as the session layer makes it for a request with no session.
    pub(crate) fn anonymous(&self) -> SessionState {
        SessionState::new(self.manager.clone(), self.policies(), Resolved::Nothing)
    }

    pub(crate) fn reap(&self) {
        while now(self.manager.reap(100)).unwrap() {}
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// The ends that were reported.
    pub(crate) fn ends(&self) -> Vec<Event> {
        let is_end = |e: &Event| {
            matches!(
                e.event,
                EventKind::SessionExpired | EventKind::SessionLogout
            )
        };
        self.events().into_iter().filter(is_end).collect()
    }
}

/// A world of a quarter of an hour and eight hours.
pub(crate) fn world() -> World {
    World::new(
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap(),
    )
}

/// Why a session that nobody uses has ended at this instant, if it has.
pub(crate) fn ends(world: &World, facts: &Facts, at: Timestamp) -> Option<EndReason> {
    match world.due_policy().verdict(facts, at) {
        Verdict::Ended(reason) => Some(reason),
        _ => None,
    }
}

/// Activity at this instant, by the limits of [`world`].
pub(crate) fn touch_at(record: &SessionRecord, at: Timestamp) -> Touch {
    Touch {
        at,
        network: record.facts.network,
        idle_deadline: at + minutes(15),
    }
}

/// A fact in milliseconds after another.
pub(crate) fn after(at: Timestamp, millis: u64) -> Timestamp {
    at + std::time::Duration::from_millis(millis)
}
