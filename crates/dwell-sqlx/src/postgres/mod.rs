//! Sessions in Postgres, shared by many nodes.
//!
//! | file | what |
//! |---|---|
//! | `builder` | settings, and the first connection |
//! | `schema` | the tables, and their versions |
//! | `sql` | every statement |
//! | `lookups` | look-ups, which share statements |
//! | `change` | touches, updates and ends |
//! | `create` | logins, and how many a subject may have |
//! | `reap` | what is due |
//! | `watch` | what other nodes changed |
//! | `within` | a transaction |

mod builder;
mod change;
mod create;
mod lookups;
mod reap;
mod schema;
mod sql;
mod watch;
mod within;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Lookup, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    TouchOutcome, Update, Updated, Watched,
};
use dwell_core::{
    Clock, EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp, VerifierHash,
};
use sqlx::Row as _;
use sqlx::postgres::{PgPool, PgRow};

pub use self::builder::PostgresStoreBuilder;
use self::lookups::Lookups;
use self::sql::Statements;
use crate::columns::read_row;
use crate::error::{ConnectError, store_error};
use crate::stored::{Content, Row, instant, length};
use crate::sweep::Sweep;

/// Sessions in Postgres 13 or newer. Clones share the connections.
///
/// The database server's clock judges (law L11): keep it in step by slewing,
/// as NTP does, for one that is set back prolongs sessions.
///
/// ```no_run
/// use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
/// use dwell_sqlx::PostgresStore;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://app@db.internal/sessions").await?;
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?; // idle, absolute
/// let manager = SessionManager::builder(store, policies).build();
/// # drop(manager);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    pool: PgPool,
    /// The address, without its password.
    place: String,
    sql: Statements,
    lookups: Lookups,
    channel: String,
    tombstones: Duration,
    clock: Option<Box<dyn Clock>>,
    sweep: Sweep,
}

impl PostgresStore {
    /// Connects with the settings that [`builder`](Self::builder) begins with,
    /// and creates the tables where they are missing.
    ///
    /// # Errors
    /// [`ConnectError`], when there is no database at `url`, it lets nobody in,
    /// or its tables are not fit; the message has no password in it.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder().connect(url).await
    }

    /// Settings, to be changed before connecting.
    #[must_use]
    pub fn builder() -> PostgresStoreBuilder {
        PostgresStoreBuilder::new()
    }

    /// The instant by which to judge, where a test tells it.
    fn told(&self) -> Option<i64> {
        self.0.clock.as_ref().map(|clock| instant(clock.now()))
    }

    async fn clock_now(&self) -> Result<Timestamp, StoreError> {
        let query = sqlx::query_scalar(self.0.sql.now.text()).bind(self.told());
        let now = query.fetch_one(&self.0.pool).await;
        now.map(timestamp).map_err(store_error)
    }

    async fn list_now(&self, subject: SubjectId) -> Result<Vec<SessionRecord>, StoreError> {
        let query = sqlx::query(self.0.sql.list.text()).bind(subject.as_str());
        let rows = query.fetch_all(&self.0.pool).await.map_err(store_error)?;
        let live = |row| match read(row, 0).readable()? {
            Content::Live(record) => Some(record),
            Content::Ended(_) => None,
        };
        Ok(rows.iter().filter_map(live).collect())
    }

    async fn acknowledge_now(&self, keys: Vec<SessionKey>) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let query = sqlx::query(self.0.sql.acknowledge.text()).bind(keys);
        let done = query.execute(&self.0.pool).await;
        done.map(drop).map_err(store_error)
    }
}

/// Reads a row whose columns begin at `first`.
fn read(row: &PgRow, first: usize) -> Row {
    read_row!(row, first)
}

/// Reads a look-up's row: the store's clock, and from `first` on the session's
/// columns, all of them empty where there is none.
fn loaded(row: &PgRow, first: usize) -> Result<Loaded, StoreError> {
    let now = timestamp(row.try_get(0).map_err(store_error)?);
    let key: Option<Vec<u8>> = row.try_get(first).map_err(store_error)?;
    if key.is_none() {
        return Ok(missing(now));
    }
    let found = read(row, first);
    let state = match found.content? {
        Content::Live(record) => Lookup::Found(record),
        Content::Ended(_) if found.due <= instant(now) => Lookup::Missing,
        Content::Ended(ended) => Lookup::Ended(ended),
    };
    Ok(Loaded { now, state })
}

fn missing(now: Timestamp) -> Loaded {
    let state = Lookup::Missing;
    Loaded { now, state }
}

/// The check of a session that another middleware owns, as its column has it.
const FOREIGN: [u8; 16] = VerifierHash::NONE.to_bits().to_be_bytes();

/// A tombstone's lifetime in milliseconds, short enough to be added to any
/// instant that a clock tells.
fn lifetime(tombstones: Duration) -> i64 {
    length(tombstones).min(i64::MAX / 2)
}

/// An instant that a clock told.
fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(at).unwrap_or_default())
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("place", &self.0.place)
            .finish_non_exhaustive()
    }
}

impl SessionStore for PostgresStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::boxed(self.clock_now())
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
        StoreFuture::boxed(self.create_now(record, quota, judge))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move { Ok(self.touch_now(key, touch).await?.0) })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::boxed(self.update_now(key, version, update))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(self.end_now(key, end))
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
        StoreFuture::boxed(self.reap_now(judge, batch))
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        StoreFuture::boxed(self.acknowledge_now(keys))
    }
}
