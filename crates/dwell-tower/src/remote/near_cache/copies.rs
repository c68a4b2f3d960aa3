//! The copies, and which of them may answer.
//!
//! Two rules keep a copy from being older than is known. A look-up reads its
//! shard's count of changes before the store is asked, and what was found is
//! kept only if nothing changed in the shard meanwhile. And a copy answers only
//! while the change feed is complete up to shortly before.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{Loaded, Lookup};
use dwell_core::{SessionKey, Timestamp};

use super::shard::{Copy, Shard};
use crate::remote::{Feed, Listener};
use crate::sync::lock;

/// A copy answers while the feed is complete up to so long ago, so a change may
/// be seen so late.
///
/// The machine's clock ticks every 10 ms on the coarsest kernels and may add that
/// much, to 85 ms; 15 of 100 ms are left for the answer. The pulse bounds it from
/// below: just before a mark comes back, the previous one is 25 ms and a round
/// trip old. So a round trip, with every delay on this node, may take 50 ms before
/// look-ups go to the store.
const FRESH: Duration = Duration::from_millis(75);

/// The most shards. No lock is shared by all sessions.
const SHARDS: usize = 64;

/// The fewest copies that are worth a shard.
const FEW: usize = 16;

/// Copies of sessions, kept in step by a store's change feed.
pub(super) struct Copies {
    feed: Arc<Feed>,
    capacity: usize,
    shards: Box<[Mutex<Shard>]>,
}

/// A look-up that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// When, by this node's clock.
    sent: Timestamp,
    /// The shard's changes by then; `None` if the feed was down.
    changes: Option<u64>,
}

impl Copies {
    pub(super) fn new(feed: Arc<Feed>, capacity: usize) -> Arc<Self> {
        let shards = (capacity / FEW).clamp(1, SHARDS);
        let shard = || Mutex::new(Shard::new(capacity / shards));
        let copies = Arc::new(Self {
            feed,
            capacity,
            shards: std::iter::repeat_with(shard).take(shards).collect(),
        });
        copies.feed.subscribe(&copies);
        copies
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| lock(shard).len();
        self.shards.iter().map(len).sum()
    }

    /// What a copy answers, if it may.
    pub(super) fn find(&self, key: SessionKey) -> Option<Loaded> {
        let shard = self.shard(key);
        let copy = shard.get(key)?;
        // Under the lock: a feed that is lost says so first, and has the copies
        // taken away only then. The time comes last, so that it is not earlier
        // than what it is compared with.
        let complete_to = self.feed.complete_to()?;
        let now = self.now();
        let fresh = now - complete_to <= FRESH;
        fresh.then(|| copy.answer(now)).flatten()
    }

    /// Begins a look-up, and the feed if it is down. From here on no change goes
    /// unnoticed (N39).
    pub(super) fn look(&self, key: SessionKey) -> Look {
        if !self.feed.is_live() {
            self.feed.start();
        }
        let sent = self.now();
        let shard = self.shard(key);
        Look {
            sent,
            changes: self.feed.is_live().then(|| shard.changes()),
        }
    }

    /// Keeps what a look-up found, if nothing has changed since it began.
    pub(super) fn keep(&self, key: SessionKey, look: Look, found: &Loaded) {
        let Lookup::Found(record) = &found.state else {
            return self.shard(key).remove(key);
        };
        let copy = Copy {
            record: record.clone(),
            now: found.now,
            sent: look.sent,
        };
        let mut shard = self.shard(key);
        if look.changes == Some(shard.changes()) && self.feed.is_live() {
            shard.keep(copy);
        }
    }

    /// Drops the copy of a session that may have changed.
    pub(super) fn forget(&self, key: SessionKey) {
        self.shard(key).change(key);
    }

    /// Applies a touch that the store has recorded.
    ///
    /// The longest pause of a copy may come out too long by the copy's age,
    /// where another node recorded activity in between: on the strict side.
    pub(super) fn touch(&self, key: SessionKey, touch: Touch) {
        if let Some(copy) = self.shard(key).get_mut(key) {
            let now = copy.now_at(self.now());
            copy.record.facts.touch(touch, now);
        }
    }

    fn now(&self) -> Timestamp {
        self.feed.clock().now()
    }

    fn shard(&self, key: SessionKey) -> MutexGuard<'_, Shard> {
        // Keys are hashes.
        let [a, b, ..] = *key.as_bytes();
        let number = usize::from(u16::from_be_bytes([a, b]));
        lock(&self.shards[number % self.shards.len()])
    }
}

impl Listener for Copies {
    fn changed(&self, key: SessionKey) {
        self.forget(key);
    }

    fn missed(&self) {
        for shard in &self.shards {
            let copies = lock(shard).clear();
            // Freed without the lock.
            drop(copies);
        }
    }

    // For as long as there is a cache.
    fn is_active(&self) -> bool {
        true
    }
}
