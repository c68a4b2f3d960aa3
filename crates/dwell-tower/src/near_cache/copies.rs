//! Which copies there are, and which may answer.
//!
//! Two things keep a copy from being older than is known. A look-up reads its
//! shard's count of changes before the store is asked, and what it found is
//! kept only if nothing changed in the shard meanwhile. And a copy answers only
//! while everything that had changed until shortly before has been told.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{Loaded, Lookup, Watcher};
use dwell_core::{Clock, SessionKey, Timestamp};

use super::shard::{Copy, Shard};
use crate::follow::Follower;
use crate::log;
use crate::sync::lock;

/// A copy answers while everything has been told that had changed so long ago,
/// so this is how late a change may be seen.
///
/// The machine's clock ticks every 10 ms on the coarsest kernels, which may
/// add that much: 85 ms, and 15 ms are left of 100 for the answer itself. From
/// below it is bounded by the pulse: just before a mark comes back, the one
/// before it is 25 ms and a round trip old, so that a round trip (with every
/// delay on this node) may take 50 ms before look-ups go to the store.
const FRESH: Duration = Duration::from_millis(75);

/// The most shards. No lock is shared by all sessions.
const SHARDS: usize = 64;

/// The fewest copies that are worth a shard.
const FEW: usize = 16;

/// Copies of sessions, and up to when changes to them have been told.
pub(super) struct Copies {
    clock: Arc<dyn Clock>,
    capacity: usize,
    shards: Box<[Mutex<Shard>]>,
    /// The last mark by which every change has been told, in milliseconds; 0
    /// while nobody tells.
    told: AtomicU64,
    /// Whether it has been logged that nobody tells.
    is_lost: AtomicBool,
}

/// A look-up that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// When, by this node's clock.
    sent: Timestamp,
    /// The shard's changes by then; `None` while nobody told of any.
    changes: Option<u64>,
}

impl Copies {
    pub(super) fn new(clock: Arc<dyn Clock>, capacity: usize) -> Self {
        let shards = (capacity / FEW).clamp(1, SHARDS);
        let shard = || Mutex::new(Shard::new(capacity / shards));
        Self {
            clock,
            capacity,
            shards: std::iter::repeat_with(shard).take(shards).collect(),
            told: AtomicU64::new(0),
            is_lost: AtomicBool::new(false),
        }
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| lock(shard).len();
        self.shards.iter().map(len).sum()
    }

    /// Whether somebody tells of changes.
    pub(super) fn is_told(&self) -> bool {
        self.told.load(Ordering::Acquire) != 0
    }

    /// What a copy answers, if it may.
    pub(super) fn find(&self, key: SessionKey) -> Option<Loaded> {
        let shard = self.shard(key);
        let copy = shard.get(key)?;
        // Under the lock: whoever loses the watch says so first, and takes the
        // copies away only then. The time comes last, so that it is not
        // earlier than what it is compared with.
        let told = self.told.load(Ordering::Acquire);
        let now = self.clock.now();
        let fresh = told != 0 && now - Timestamp::from_millis(told) <= FRESH;
        fresh.then(|| copy.answer(now)).flatten()
    }

    /// Begins a look-up. From here on no change goes unnoticed (N39).
    pub(super) fn look(&self, key: SessionKey) -> Look {
        let sent = self.clock.now();
        let shard = self.shard(key);
        Look {
            sent,
            changes: self.is_told().then(|| shard.changes()),
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
        if look.changes == Some(shard.changes()) && self.is_told() {
            shard.keep(copy);
        }
    }

    /// This session may have changed.
    pub(super) fn forget(&self, key: SessionKey) {
        self.shard(key).change(key);
    }

    /// A touch was recorded.
    ///
    /// The longest pause of a copy may come out too long by the copy's age,
    /// where another node recorded activity in between: on the strict side.
    pub(super) fn touch(&self, key: SessionKey, touch: Touch) {
        if let Some(copy) = self.shard(key).get_mut(key) {
            let now = copy.now_at(self.clock.now());
            copy.record.facts.touch(touch, now);
        }
    }

    fn shard(&self, key: SessionKey) -> MutexGuard<'_, Shard> {
        // Keys are hashes.
        let [a, b, ..] = *key.as_bytes();
        let number = usize::from(u16::from_be_bytes([a, b]));
        lock(&self.shards[number % self.shards.len()])
    }
}

impl Watcher for Copies {
    fn changed(&self, key: SessionKey) {
        self.forget(key);
    }

    fn mark(&self) -> Timestamp {
        self.clock.now()
    }

    fn caught_up(&self, mark: Timestamp) {
        let before = self.told.fetch_max(mark.as_millis(), Ordering::AcqRel);
        if before == 0 && self.is_lost.swap(false, Ordering::Relaxed) {
            tracing::info!("the watch for changes is back");
        }
    }
}

impl Follower for Copies {
    fn lose(&self) -> bool {
        let told = self.told.swap(0, Ordering::AcqRel) != 0;
        for shard in &self.shards {
            let copies = lock(shard).clear();
            // Freed without the lock.
            drop(copies);
        }
        told
    }

    fn log_loss(&self, why: &dyn fmt::Display) {
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            let message = "the watch for changes is lost: until it is back, every look-up goes to \
                           the session store";
            log::warn(message, Some(why));
        }
    }
}

impl fmt::Debug for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copies")
            .field("capacity", &self.capacity)
            .field("is_told", &self.is_told())
            .finish_non_exhaustive()
    }
}
