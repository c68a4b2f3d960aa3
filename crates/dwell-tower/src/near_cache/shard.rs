//! A bounded part of the copies.

use std::collections::HashMap;
use std::mem::take;
use std::time::Duration;

use dwell_core::store::{Loaded, Lookup};
use dwell_core::{SessionKey, SessionRecord, Timestamp};

/// The oldest that a copy may be: other nodes' touches are not told of.
const MAX_AGE: Duration = Duration::from_secs(5);

/// The oldest as a part of the idle allowance: the granularity of touches
/// where a policy states none.
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
    /// The store's clock, when it is `at` by this node's: what has passed
    /// since the look-up was sent has passed there too. Later than the truth
    /// by at most the round trip, and never earlier.
    pub(super) fn now_at(&self, at: Timestamp) -> Timestamp {
        self.now + (at - self.sent)
    }

    /// What it answers when it is `at` by this node's clock, if it may.
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

/// Copies in no order, found by an index, and how often anything has changed.
#[derive(Debug)]
pub(super) struct Shard {
    changes: u64,
    capacity: usize,
    copies: Vec<Copy>,
    places: HashMap<SessionKey, usize>,
    /// Whose turn it is to make room: round and round, so that nothing has to
    /// be written where a copy answers.
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

    /// Keeps a copy, in the place of an older one of the same session, or of
    /// another where there is no room.
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

    /// Counts a change, and drops the copy of what has changed.
    pub(super) fn change(&mut self, key: SessionKey) {
        self.changes += 1;
        self.remove(key);
    }

    /// Drops the copy of what was found to be no live session. That is no
    /// change: look-ups of unknown sessions must not keep others from being
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

    /// Counts a change of everything, and gives all copies back.
    pub(super) fn clear(&mut self) -> Vec<Copy> {
        self.changes += 1;
        self.next = 0;
        self.places = HashMap::new();
        take(&mut self.copies)
    }
}
