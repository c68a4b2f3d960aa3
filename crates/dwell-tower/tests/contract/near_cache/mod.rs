//! Copies of a shared store's sessions: they answer at once, and never what is
//! known to have changed.

mod changes;
mod conforms;
mod edges;
mod hits;
mod requests;
mod watches;

use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{EndReason, NetworkId, PolicySet, SessionKey, SessionRecord, Timestamp, Token};
use dwell_tower::NearCache;

use crate::support::{SharedStore, World};

const MS: Duration = Duration::from_millis(1);

/// A world, its store with watches, and a node that keeps copies.
struct Near {
    world: World,
    shared: SharedStore,
    cache: NearCache,
}

impl Near {
    fn new() -> Self {
        Self::around(World::new(), |cache| cache)
    }

    fn with(policies: PolicySet) -> Self {
        Self::around(World::with(policies), |cache| cache)
    }

    fn around(world: World, wrap: impl FnOnce(NearCache) -> NearCache) -> Self {
        let shared = SharedStore::new(world.store.clone());
        let cache = wrap(NearCache::new(shared.clone()).with_clock(world.clock.clone()));
        Self {
            world,
            shared,
            cache,
        }
    }

    /// Another node.
    fn other(&self) -> NearCache {
        NearCache::new(self.shared.clone()).with_clock(self.world.clock.clone())
    }

    /// Waits until the node watches and has received everything.
    async fn watch(&self) {
        let unknown = SessionKey::from_bytes([0; 16]);
        let _ = self.cache.load(unknown).await.unwrap();
        self.shared.watched(1).await;
        self.shared.pulse().await;
    }

    /// A session of which this node has a copy.
    async fn copied(&self) -> Token {
        let token = self.world.sign_in().await;
        self.watch().await;
        self.find(&token).await;
        assert!(self.answers(&token), "there is a copy");
        token
    }

    /// Whether a copy answers.
    fn answers(&self, token: &Token) -> bool {
        self.cache.load(token.key()).into_ready().is_ok()
    }

    async fn state(&self, token: &Token) -> Lookup {
        self.cache.load(token.key()).await.unwrap().state
    }

    async fn find(&self, token: &Token) -> SessionRecord {
        match self.state(token).await {
            Lookup::Found(record) => record,
            other => panic!("no session but {other:?}"),
        }
    }

    async fn end_reason(&self, token: &Token) -> Option<EndReason> {
        match self.state(token).await {
            Lookup::Ended(ended) => Some(ended.reason),
            Lookup::Found(_) | Lookup::Missing => None,
        }
    }

    /// Advances time. The watch keeps up.
    async fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
        self.shared.pulse().await;
    }

    /// Counts the calls that reach the store during this.
    async fn calls<T>(&self, act: impl Future<Output = T>) -> (usize, T) {
        let before = self.world.store.round_trips();
        let result = act.await;
        (self.world.store.round_trips() - before, result)
    }
}

/// Activity at this instant, with a quarter of an hour from then on.
fn touch(at: Timestamp) -> Touch {
    Touch {
        at,
        network: NetworkId::NONE,
        idle_deadline: at + dwell_core::minutes(15),
        retried: false,
    }
}
