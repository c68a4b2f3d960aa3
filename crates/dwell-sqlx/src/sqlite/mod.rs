//! Sessions in SQLite, for one node that must survive a restart.
//!
//! Readers see the last state that was committed and wait for nobody. Writers
//! take turns: a transaction that is the only one reads the row, lets the pure
//! functions of the core change it, and writes it back.
//!
//! | file | what |
//! |---|---|
//! | `builder` | settings, and the file |
//! | `schema` | the tables, and their versions |
//! | `change` | touches, updates and ends |
//! | `create` | logins, and how many a subject may have |
//! | `reap` | what is due |
//! | `row` | reading and writing a row |
//! | `watch` | tells open connections of changes |

mod builder;
mod change;
mod create;
mod reap;
mod row;
mod schema;
mod watch;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{
    ChangeFeed, Created, DuePolicy, End, Loaded, Lookup, Quota, Reaped, SessionStore, StoreError,
    StoreFuture, TouchOutcome, Update, Updated, Watched,
};
use dwell_core::{Clock, EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};
use sqlx::Transaction;
use sqlx::sqlite::{Sqlite, SqlitePool};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

pub use self::builder::{Durability, SqliteStoreBuilder};
use crate::error::{ConnectError, store_error};
use crate::stored::{Content, Row, instant};
use crate::sweep::Sweep;

/// Sessions in a SQLite file. Clones share it; two processes may not.
///
/// This machine's clock judges, as it does for
/// [`MemoryStore`](https://docs.rs/dwell-memory).
///
/// ```no_run
/// use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
/// use dwell_sqlx::SqliteStore;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::open("/var/lib/console/sessions.db").await?;
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?; // idle, absolute
/// let manager = SessionManager::builder(store, policies).build();
/// # drop(manager);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    place: PathBuf,
    clock: Box<dyn Clock>,
    tombstones: Duration,
    readers: SqlitePool,
    /// The one connection that writes what must not be lost.
    writer: SqlitePool,
    /// The one that writes touches, which need not reach the disk at once.
    toucher: SqlitePool,
    /// Held by whichever of the two writes: they wait here in order, and not
    /// in SQLite, which lets them try again and again.
    turn: Arc<Mutex<()>>,
    busy_timeout: Duration,
    sweep: Sweep,
    changes: ChangeFeed,
}

impl SqliteStore {
    /// Opens the file with the settings that [`builder`](Self::builder) begins
    /// with; creates it where it is missing, for this user alone.
    ///
    /// # Errors
    /// [`ConnectError`], when the file can't be opened or created, or its
    /// tables are not fit.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, ConnectError> {
        Self::builder().open(path).await
    }

    /// Settings, to be changed before the file is opened.
    #[must_use]
    pub fn builder() -> SqliteStoreBuilder {
        SqliteStoreBuilder::new()
    }

    fn now_by_clock(&self) -> Timestamp {
        self.0.clock.now()
    }

    async fn load_now(&self, key: SessionKey) -> Result<Loaded, StoreError> {
        let mut connection = self.0.readers.acquire().await.map_err(store_error)?;
        let row = row::find(&mut connection, &key)
            .await
            .map_err(store_error)?;
        lookup(row, self.now_by_clock())
    }

    async fn list_now(&self, subject: SubjectId) -> Result<Vec<SessionRecord>, StoreError> {
        let mut connection = self.0.readers.acquire().await.map_err(store_error)?;
        let rows = row::of_subject(&mut connection, &subject).await;
        let live = |row: Row| match row.readable()? {
            Content::Live(record) => Some(record),
            Content::Ended(_) => None,
        };
        Ok(rows
            .map_err(store_error)?
            .into_iter()
            .filter_map(live)
            .collect())
    }

    async fn acknowledge_now(&self, keys: Vec<SessionKey>) -> Result<(), sqlx::Error> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut change = self.change(&self.0.writer).await?;
        for key in keys {
            row::acknowledge(&mut change.within, &key).await?;
        }
        change.commit().await
    }

    /// Begins a change on one of the two connections that write.
    async fn change(&self, by: &SqlitePool) -> Result<Change, sqlx::Error> {
        let turn = timeout(self.0.busy_timeout, Arc::clone(&self.0.turn).lock_owned());
        let turn = turn.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let within = by.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Change {
            within,
            _turn: turn,
        })
    }
}

/// A change in the making: whole when it is committed, else undone.
struct Change {
    within: Transaction<'static, Sqlite>,
    /// Let go after the transaction is over.
    _turn: OwnedMutexGuard<()>,
}

impl Change {
    async fn commit(self) -> Result<(), sqlx::Error> {
        self.within.commit().await
    }
}

/// What a look-up makes of a row.
fn lookup(row: Option<Row>, now: Timestamp) -> Result<Loaded, StoreError> {
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

impl SessionStore for SqliteStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::ready(Ok(self.now_by_clock()))
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        StoreFuture::boxed(self.load_now(key))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::boxed(async move {
            let created = self.create_now(&record, quota, &judge).await;
            if let Ok(Created::Created { ended }) = &created {
                self.tell(ended.iter().map(|ended| ended.record.key));
            }
            created.map_err(store_error)
        })
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move { Ok(self.touch_now(key, touch).await?.0) })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::boxed(async move {
            let _changing = self.changing(key);
            self.update_now(key, version, update).await
        })
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(async move {
            let _changing = self.changing(key);
            self.end_now(key, end).await
        })
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        StoreFuture::boxed(self.touch_now(key, touch))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        StoreFuture::boxed(self.list_now(subject))
    }

    fn reap(&self, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::boxed(async move {
            let reaped = self.reap_now(&judge, batch.max(1)).await;
            if let Ok(reaped) = &reaped {
                self.tell(reaped.ended.iter().map(|ended| ended.record.key));
                self.tell(reaped.locked.iter().map(|record| record.key));
            }
            reaped.map_err(store_error)
        })
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        StoreFuture::boxed(async move { self.acknowledge_now(keys).await.map_err(store_error) })
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }
}
