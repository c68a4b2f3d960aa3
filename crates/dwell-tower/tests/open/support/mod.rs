//! What these tests share: sessions in one store and four ways to them, nodes with
//! given answers, and readers of connections.

#![allow(dead_code, reason = "each test file uses its part")]

mod feed;
mod node;
mod reader;

use std::ops::Deref;
use std::time::Duration;

use dwell_core::store::SessionStore;
use dwell_core::{Policy, PolicyBuilder, PolicySet, SessionManager, Timestamp, seconds};

use dwell_tower::open::{Lifeline, LifelineEvent};
use tokio::time::timeout;

pub(crate) use dwell_test_support::{
    App, Body, Log, RuntimeClock, SharedStore, default_policy, get, pass,
};
pub(crate) use feed::{Feed, OfLength, download, event_stream};
pub(crate) use node::{Node, with_answer};
pub(crate) use reader::{Ended, Reader};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = seconds(1);

/// Sessions, and the ways to them.
pub(crate) struct World {
    sessions: dwell_test_support::World<RuntimeClock>,
    /// The sessions in a store with a change feed. `store` has none.
    pub(crate) shared: SharedStore,
    /// Over the store in memory.
    pub(crate) local: SessionManager,
}

impl Deref for World {
    type Target = dwell_test_support::World<RuntimeClock>;

    fn deref(&self) -> &Self::Target {
        &self.sessions
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(dwell_test_support::policies())
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        let sessions = dwell_test_support::World::by(RuntimeClock::default(), policies);
        Self {
            shared: SharedStore::new(sessions.store.clone()).with_pulse(),
            local: sessions.manager.clone(),
            sessions,
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

    /// Nodes over every way to the sessions, with its name.
    pub(crate) fn nodes(&self) -> [(&'static str, Node); 3] {
        [
            ("in memory", self.node()),
            ("shared, with feed", self.node_over(self.shared.clone())),
            ("shared, without feed", self.node_over(self.store.clone())),
        ]
    }

    /// The manager of another process over the same sessions. It shares only the
    /// store.
    pub(crate) fn stranger(&self, store: impl SessionStore) -> SessionManager {
        self.stranger_with(store, dwell_test_support::policies())
    }

    pub(crate) fn stranger_with(
        &self,
        store: impl SessionStore,
        policies: PolicySet,
    ) -> SessionManager {
        self.sessions.stranger(store, policies).build()
    }
}

/// This policy, and `admin` with this idle timeout.
pub(crate) fn policies(default: PolicyBuilder, admin: Duration) -> PolicySet {
    let admin = Policy::named("admin").idle(admin);
    PolicySet::builder(default).policy(admin).build().unwrap()
}

/// Returns the idle deadline of the next event, or `None` if none comes in time.
pub(crate) async fn idle(line: &mut Lifeline, within: Duration) -> Option<Timestamp> {
    match timeout(within, line.next()).await {
        Err(_) => None,
        Ok(LifelineEvent::Alive(deadlines, _)) => Some(deadlines.idle),
        Ok(other) => panic!("the session is over: {other:?}"),
    }
}
