//! The store, and what all operations share: connections, and how a change is
//! made.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::store::{ChangeFeed, Loaded, Lookup, StoreError};
use dwell_core::{Clock, Timestamp};
use sqlx::Transaction;
use sqlx::sqlite::{Sqlite, SqlitePool};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use crate::stored::{Content, Row, instant};
use crate::sweep::Sweep;

/// Keeps sessions in a SQLite file, for one process. Clones share its
/// connections; two processes must not open the same file. Needs feature
/// `sqlite`.
///
/// This machine's clock judges, as for
/// [`MemoryStore`](https://docs.rs/dwell-memory). It does not go back while the
/// process runs.
///
/// ```no_run
/// use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
/// use dwell_sqlx::SqliteStore;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::open("/var/lib/console/sessions.db").await?;
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let manager = SessionManager::builder(store, policies).build();
/// # drop(manager);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) place: PathBuf,
    pub(super) clock: Box<dyn Clock>,
    pub(super) tombstones: Duration,
    pub(super) readers: SqlitePool,
    /// The one connection for changes that must not be lost.
    pub(super) writer: SqlitePool,
    /// The one connection for touches, which need not reach the disk at once.
    pub(super) touch_writer: SqlitePool,
    /// Held while one of the two writes. Writers queue here in order; SQLite
    /// would make them retry.
    pub(super) turn: Arc<Mutex<()>>,
    pub(super) busy_timeout: Duration,
    pub(super) sweep: Sweep,
    pub(super) changes: ChangeFeed,
}

impl SqliteStore {
    pub(super) fn now_by_clock(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Begins a change on one of the two writing connections.
    pub(super) async fn change(&self, by: &SqlitePool) -> Result<Change, sqlx::Error> {
        let turn = timeout(self.0.busy_timeout, Arc::clone(&self.0.turn).lock_owned());
        let turn = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let within = by.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Change {
            within,
            _turn: turn,
        })
    }
}

/// A change: applied when committed, rolled back when dropped.
pub(super) struct Change {
    pub(super) within: Transaction<'static, Sqlite>,
    /// Released after the transaction is over.
    _turn: OwnedMutexGuard<()>,
}

impl Change {
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.within.commit().await
    }
}

/// Turns a row into the answer of a look-up.
pub(super) fn lookup(row: Option<Row>, now: Timestamp) -> Result<Loaded, StoreError> {
    let state = match row {
        None => Lookup::Missing,
        Some(Row { due, content, .. }) => match content? {
            Content::Live(record) => Lookup::Found(record),
            Content::Ended(_) if due <= instant(now) => Lookup::Missing,
            Content::Ended(ended) => Lookup::Ended(ended),
        },
    };
    Ok(Loaded { now, state })
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("place", &self.0.place)
            .finish_non_exhaustive()
    }
}
