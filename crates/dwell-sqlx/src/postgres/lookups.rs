//! Look-ups that meet share a statement.
//!
//! Most of what a look-up costs, client and server, is the statement and not
//! the row. As long as few are under way, each goes at once and by itself.
//! Those that come while all lanes are taken wait until one is free, and then
//! go together: the more there are, the less each costs, and nobody waits for
//! others to come.
//!
//! A statement begins after the look-ups that share it, so each is told what
//! is so at some moment between its question and its answer, as always. One
//! that waits for too long goes by itself, so that lanes that hang, or whose
//! requests nobody drives on, hold nobody up.

use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dwell_core::SessionKey;
use dwell_core::store::{Loaded, StoreError};
use tokio::sync::oneshot;

/// How many statements look sessions up at the same time.
const LANES: u32 = 4;

/// The most sessions of one statement.
const MOST: usize = 256;

/// The lanes, and what waits for one.
#[derive(Debug)]
pub(super) struct Lookups(Mutex<Queue>);

#[derive(Debug)]
struct Queue {
    free: u32,
    waiting: Vec<Waiting>,
}

/// A look-up that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) key: SessionKey,
    pub(super) answer: oneshot::Sender<Result<Loaded, StoreError>>,
}

/// How a look-up goes on.
pub(super) enum Turn {
    /// By itself, on a lane that it has taken.
    Own,
    /// It is told what another's statement finds.
    Shared(oneshot::Receiver<Result<Loaded, StoreError>>),
}

impl Lookups {
    /// With no more lanes than there are connections.
    pub(super) fn new(connections: u32) -> Self {
        Self(Mutex::new(Queue {
            free: connections.clamp(1, LANES),
            waiting: Vec::new(),
        }))
    }

    pub(super) fn enter(&self, key: SessionKey) -> Turn {
        let mut queue = self.lock();
        if let Some(free) = queue.free.checked_sub(1) {
            queue.free = free;
            return Turn::Own;
        }
        let (answer, told) = oneshot::channel();
        queue.waiting.push(Waiting { key, answer });
        Turn::Shared(told)
    }

    /// Those that go next on a lane that is given back. It is free where there
    /// are none.
    pub(super) fn next(&self) -> Vec<Waiting> {
        let mut queue = self.lock();
        queue.waiting.retain(|waiting| !waiting.answer.is_closed());
        let batch = match queue.waiting.len() {
            0..=MOST => take(&mut queue.waiting),
            _ => queue.waiting.drain(..MOST).collect(),
        };
        if batch.is_empty() {
            queue.free += 1;
        }
        batch
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
