//! What these tests share: sessions in one store, seen in four ways, nodes
//! that answer with what they are told to, and connections that are read.

#![allow(dead_code, reason = "each test file uses its part")]

mod feed;
mod node;
mod reader;

use std::time::Duration;

use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{
    Clock, NewSession, Policy, PolicyBuilder, PolicySet, Resolved, SessionManager, SessionRecord,
    SessionState, Timestamp, Token, hours, minutes, seconds,
};
use dwell_memory::MemoryStore;
use dwell_testkit::{FaultyStore, Recorder};

use dwell_tower::open::{Lifeline, LifelineEvent};
use tokio::time::timeout;

pub(crate) use crate::common::{Body, Log, RuntimeClock, SharedStore, pass};
pub(crate) use feed::{Feed, OfLength, download, event_stream};
pub(crate) use node::{Node, get, with_answer};
pub(crate) use reader::{Ended, Reader};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = seconds(1);

/// Sessions, and the ways to them.
pub(crate) struct World {
    pub(crate) clock: RuntimeClock,
    pub(crate) memory: MemoryStore,
    pub(crate) events: Recorder,
    /// The sessions behind something that can fail, and that tells nobody of
    /// changes.
    pub(crate) store: FaultyStore,
    /// The same, but it tells its nodes.
    pub(crate) shared: SharedStore,
    /// Over the store in memory.
    pub(crate) local: SessionManager,
}

impl World {
    /// 15 minutes idle and eight hours absolute, five minutes idle for the
    /// policy `admin`, a touch every 15 seconds.
    pub(crate) fn new() -> Self {
        Self::with(policies(default_policy(), minutes(5)))
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        let clock = RuntimeClock::new();
        let memory = MemoryStore::with_clock(clock.clone());
        let store = FaultyStore::new(memory.clone());
        let events = Recorder::new();
        let local = SessionManager::builder(memory.clone(), policies);
        Self {
            clock,
            memory,
            shared: SharedStore::new(store.clone()).with_pulse(),
            store,
            local: local.observer(events.clone()).build(),
            events,
        }
    }

    /// A node that has the sessions in its memory.
    pub(crate) fn node(&self) -> Node {
        Node::new(&self.local)
    }

    /// A node over another way to the sessions, with the same policies.
    pub(crate) fn node_over(&self, store: impl SessionStore) -> Node {
        Node::new(&self.local.map_store(|_| store))
    }

    /// Nodes over every way to the sessions, by how that tells of changes.
    pub(crate) fn nodes(&self) -> [(&'static str, Node); 3] {
        [
            ("in memory", self.node()),
            ("shared, tells", self.node_over(self.shared.clone())),
            ("shared, does not tell", self.node_over(self.store.clone())),
        ]
    }

    /// Another process's manager over the same sessions: nothing is shared
    /// with ours but the store.
    pub(crate) fn stranger(&self, store: impl SessionStore) -> SessionManager {
        self.stranger_with(store, policies(default_policy(), minutes(5)))
    }

    pub(crate) fn stranger_with(
        &self,
        store: impl SessionStore,
        policies: PolicySet,
    ) -> SessionManager {
        SessionManager::builder(store, policies)
            .observer(self.events.clone())
            .build()
    }

    /// A session of `alice`, past every store that could fail.
    pub(crate) async fn sign_in(&self) -> Token {
        self.sign_in_as(NewSession::new("alice")).await
    }

    pub(crate) async fn sign_in_as(&self, new: NewSession) -> Token {
        let policies = self.local.policies().current();
        let request = SessionState::new(self.local.clone(), policies, Resolved::Nothing);
        request.start(new).await.unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn record(&self, token: &Token) -> SessionRecord {
        let loaded = self.memory.load(token.key()).into_ready();
        let loaded = loaded.unwrap_or_else(|_| panic!("a store in memory answers at once"));
        match loaded.unwrap().state {
            Lookup::Found(record) => record,
            other => panic!("no session but {other:?}"),
        }
    }
}

/// 15 minutes and eight hours.
pub(crate) fn default_policy() -> PolicyBuilder {
    let policy = Policy::named("default").idle(minutes(15));
    policy.absolute(hours(8)).granularity(seconds(15))
}

/// This policy, and `admin` with so many idle.
pub(crate) fn policies(default: PolicyBuilder, admin: Duration) -> PolicySet {
    let admin = Policy::named("admin").idle(admin);
    PolicySet::builder(default).policy(admin).build().unwrap()
}

/// The next news, if there are any within so long: what the idle deadline is.
pub(crate) async fn idle(line: &mut Lifeline, within: Duration) -> Option<Timestamp> {
    match timeout(within, line.news()).await {
        Err(_) => None,
        Ok(LifelineEvent::Alive(deadlines, _)) => Some(deadlines.idle),
        Ok(other) => panic!("it is over: {other:?}"),
    }
}
