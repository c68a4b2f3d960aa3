//! Concurrent look-ups share statements.
//!
//! Most of a look-up's cost, on client and server, is the statement and not the
//! row. While few look-ups run, each has its own statement. Look-ups that
//! arrive while all lanes are in use wait until one is free, and then share a
//! statement: the more there are, the less each costs. A look-up never waits
//! for others to arrive.
//!
//! A statement begins after the look-ups that share it, so each sees a state
//! between its call and its answer. A look-up that waits too long runs alone,
//! so lanes that hang, or whose requests are not polled, block no other
//! request.

use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dwell_core::SessionKey;
use dwell_core::store::{Loaded, StoreError};
use tokio::sync::oneshot;

/// How many look-up statements run at the same time.
const LANES: u32 = 4;

/// The most sessions in one statement.
const MOST: usize = 256;

/// The lanes, and the look-ups that wait for one.
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

/// How a look-up proceeds.
pub(super) enum Turn {
    /// With its own statement, on a lane that it has taken.
    Own,
    /// With a shared statement, which sends its answer here.
    Shared(oneshot::Receiver<Result<Loaded, StoreError>>),
}

impl Lookups {
    /// Makes at most as many lanes as there are connections.
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
        let (answer, receiver) = oneshot::channel();
        queue.waiting.push(Waiting { key, answer });
        Turn::Shared(receiver)
    }

    /// Returns the look-ups that run next on a returned lane. The lane is free
    /// if there are none.
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
