//! Some of the copies, behind one lock.

use std::collections::HashMap;
use std::mem::take;
use std::time::Duration;

use dwell_core::store::{Loaded, Lookup};
use dwell_core::{SessionKey, SessionRecord, Timestamp};

/// The greatest age of a copy: touches on other nodes are not delivered.
const MAX_AGE: Duration = Duration::from_secs(5);

/// The greatest age as a part of the idle allowance: the default granularity
/// of touches.
const MAX_AGE_PART: u32 = 60;

/// The part of the idle allowance after which the store itself is asked.
const EARLY_PART: u32 = 2;

/// A session as a look-up found it.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) record: SessionRecord,
    /// The store's clock at the look-up.
    pub(super) now: Timestamp,
    /// This node's clock when the look-up was sent.
    pub(super) sent: Timestamp,
}

impl Copy {
    /// Converts `at` by this node's clock to the store's: what has passed since
    /// the look-up was sent has passed there too. Later than the truth by at
    /// most the round trip, and never earlier.
    pub(super) fn now_at(&self, at: Timestamp) -> Timestamp {
        self.now + (at - self.sent)
    }

    /// What the copy answers when it is `at` by this node's clock, if it may.
    pub(super) fn answer(&self, at: Timestamp) -> Option<Loaded> {
        let (facts, now) = (&self.record.facts, self.now_at(at));
        let allowance = facts.idle_deadline - facts.last_active_at;
        let young = at - self.sent < MAX_AGE.min(allowance / MAX_AGE_PART);
        let early = now - facts.last_active_at < allowance / EARLY_PART;
        (young && early && !facts.has_run_out(now)).then(|| Loaded {
            now,
            state: Lookup::Found(self.record.clone()),
        })
    }
}

/// Copies in no order, an index to find them, and a count of changes.
#[derive(Debug)]
pub(super) struct Shard {
    changes: u64,
    capacity: usize,
    copies: Vec<Copy>,
    places: HashMap<SessionKey, usize>,
    /// The next place to be reused when the shard is full: round and round, so
    /// that a copy that answers has nothing to write.
    next: usize,
}

impl Shard {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            changes: 0,
            capacity,
            copies: Vec::new(),
            places: HashMap::new(),
            next: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.copies.len()
    }

    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    pub(super) fn get(&self, key: SessionKey) -> Option<&Copy> {
        self.copies.get(*self.places.get(&key)?)
    }

    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Copy> {
        self.copies.get_mut(*self.places.get(&key)?)
    }

    /// Keeps a copy. It replaces an older one of the same session, or one of
    /// another session if the shard is full.
    pub(super) fn keep(&mut self, copy: Copy) {
        let key = copy.record.key;
        if let Some(before) = self.get_mut(key) {
            if before.sent <= copy.sent {
                *before = copy;
            }
        } else if self.copies.len() < self.capacity {
            self.places.insert(key, self.copies.len());
            self.copies.push(copy);
        } else if let Some(leaves) = self.copies.get_mut(self.next) {
            self.places.remove(&leaves.record.key);
            *leaves = copy;
            self.places.insert(key, self.next);
            self.next = (self.next + 1) % self.capacity;
        }
    }

    /// Counts a change, and drops the session's copy.
    pub(super) fn change(&mut self, key: SessionKey) {
        self.changes += 1;
        self.remove(key);
    }

    /// Drops a session's copy after a look-up found no live session. No change
    /// is counted: look-ups of unknown sessions must not keep others from being
    /// kept.
    pub(super) fn remove(&mut self, key: SessionKey) {
        let Some(place) = self.places.remove(&key) else {
            return;
        };
        self.copies.swap_remove(place);
        if let Some(moved) = self.copies.get(place) {
            self.places.insert(moved.record.key, place);
        }
    }

    /// Counts a change of every session, and returns all copies.
    pub(super) fn clear(&mut self) -> Vec<Copy> {
        self.changes += 1;
        self.next = 0;
        self.places = HashMap::new();
        take(&mut self.copies)
    }
}
