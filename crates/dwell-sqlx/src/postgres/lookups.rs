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

use std::collections::HashMap;
use std::mem::take;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dwell_core::store::{Loaded, StoreError};
use dwell_core::{SessionKey, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{PostgresStore, loaded, missing, timestamp};
use crate::error::store_error;

/// How many statements look sessions up at the same time.
const LANES: u32 = 4;

/// The most sessions of one statement.
const MOST: usize = 256;

/// How long a look-up waits for a lane before it goes without: long enough for
/// a busy server, and short enough to be answered in its request's time.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a shared statement may take before its lane is taken back: whoever
/// has asked has given up long before.
const HUNG: Duration = Duration::from_secs(10);

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
struct Waiting {
    key: SessionKey,
    answer: oneshot::Sender<Result<Loaded, StoreError>>,
}

/// How a look-up goes on.
enum Turn {
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

    fn enter(&self, key: SessionKey) -> Turn {
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
    fn next(&self) -> Vec<Waiting> {
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

/// A lane that is taken. Given up, it goes to those that wait.
struct Lane(PostgresStore);

impl Drop for Lane {
    fn drop(&mut self) {
        let batch = self.0.0.lookups.next();
        if batch.is_empty() {
            return;
        }
        let lane = Self(self.0.clone());
        // Without a runtime, those that wait are told nothing and go by
        // themselves.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(HUNG, lane.0.answer(batch)).await;
            });
        }
    }
}

impl PostgresStore {
    pub(super) async fn load_now(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        match self.0.lookups.enter(key) {
            Turn::Own => {
                let _lane = Lane(self.clone());
                self.load_alone(key).await
            }
            Turn::Shared(told) => match timeout(PATIENCE, told).await {
                Ok(Ok(found)) => found,
                Ok(Err(_)) | Err(_) => self.load_alone(key).await,
            },
        }
    }

    async fn load_alone(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        let query = sqlx::query(self.0.sql.load.text());
        let query = query.bind(self.told()).bind(&key.as_bytes()[..]);
        let row = query.fetch_optional(&self.0.pool).await;
        match row.map_err(store_error)? {
            Some(row) => loaded(&row, 1),
            None => Ok(missing(self.clock_now().await?)),
        }
    }

    /// Tells those that wait what one statement finds, and nothing where it
    /// fails: a connection that broke need not be the failure of all of them.
    async fn answer(&self, batch: Vec<Waiting>) {
        let Ok(found) = self.load_together(&batch).await else {
            return;
        };
        for Waiting { key, answer } in batch {
            // Whoever asked may have gone.
            let _ = answer.send(found.of(key));
        }
    }

    async fn load_together(&self, batch: &[Waiting]) -> Result<Together, StoreError> {
        let keys: Vec<&[u8]> = batch.iter().map(|one| &one.key.as_bytes()[..]).collect();
        let query = sqlx::query(self.0.sql.load_together.text());
        let query = query.bind(self.told()).bind(keys);
        let rows = query.fetch_all(&self.0.pool).await.map_err(store_error)?;
        let found = rows.iter().map(|row| Ok((key_of(row)?, loaded(row, 1))));
        Ok(Together {
            found: found.collect::<Result<_, StoreError>>()?,
            now: match rows.first() {
                Some(row) => timestamp(row.try_get(0).map_err(store_error)?),
                None => self.clock_now().await?,
            },
        })
    }
}

/// What a shared statement has found.
struct Together {
    found: HashMap<SessionKey, Result<Loaded, StoreError>>,
    now: Timestamp,
}

impl Together {
    fn of(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        let found = self.found.get(&key).cloned();
        found.unwrap_or_else(|| Ok(missing(self.now)))
    }
}

fn key_of(row: &PgRow) -> Result<SessionKey, StoreError> {
    let key: [u8; 16] = row.try_get(1).map_err(store_error)?;
    Ok(SessionKey::from_bytes(key))
}
