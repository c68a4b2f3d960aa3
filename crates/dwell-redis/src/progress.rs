//! How far reaping has got: across passes, and within one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dwell_core::{EndedSession, SessionRecord, Timestamp};

/// What one step of a pass found and did.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) now: Timestamp,
    pub(crate) looked_at: usize,
    pub(crate) ended: Vec<EndedSession>,
    pub(crate) locked: Vec<SessionRecord>,
    /// Whether more is due in the partition.
    pub(crate) more: bool,
}

/// Where the next pass continues.
#[derive(Default)]
pub(crate) struct Progress {
    /// The partition to begin with, so that each has its turn.
    cursor: AtomicU8,
    revision: Mutex<Revision>,
}

/// A look at every bucket, once for each change of the policies: under the new
/// ones, sessions may be due before the second in which they are scheduled.
#[derive(Default)]
struct Revision {
    generation: Option<u64>,
    open: VecDeque<Place>,
}

/// A place in the buckets of a partition.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) partition: u8,
    /// The last bucket that is done.
    pub(crate) after: u64,
    /// How many entries of the bucket after it are done.
    pub(crate) done: usize,
}

impl Progress {
    /// Returns the partition to begin with.
    pub(crate) fn first(&self) -> u8 {
        self.cursor.load(Ordering::Relaxed)
    }

    /// Makes the next pass begin with this partition.
    pub(crate) fn begin_at(&self, partition: u8) {
        self.cursor.store(partition, Ordering::Relaxed);
    }

    /// Takes the next places of the revision for the policies of this
    /// generation.
    pub(crate) fn next_places(&self, generation: u64, count: usize) -> Vec<Place> {
        let mut revision = self.lock();
        if revision.generation != Some(generation) {
            let start = |partition| Place {
                partition,
                after: 0,
                done: 0,
            };
            revision.generation = Some(generation);
            revision.open = (0..=u8::MAX).map(start).collect();
        }
        let count = count.min(revision.open.len());
        revision.open.drain(..count).collect()
    }

    pub(crate) fn is_revising(&self) -> bool {
        !self.lock().open.is_empty()
    }

    pub(crate) fn go_on_at(&self, places: impl IntoIterator<Item = Place>) {
        self.lock().open.extend(places);
    }

    fn lock(&self) -> MutexGuard<'_, Revision> {
        self.revision.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
