//! The store, and what all operations share: connections, settings, statements,
//! and reading rows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::store::{Loaded, Lookup, StoreError};
use dwell_core::{Clock, Timestamp, VerifierHash};
use sqlx::Row as _;
use sqlx::postgres::{PgPool, PgRow};

use super::lookups::Lookups;
use super::sql::Statements;
use crate::columns::read_row;
use crate::error::store_error;
use crate::stored::{Content, Row, instant, length};
use crate::sweep::Sweep;

/// Keeps sessions in Postgres 13 or newer, shared by many nodes. Clones share
/// connections. Needs feature `postgres`, or `postgres-tls` for connections
/// over TLS.
///
/// The server's clock judges (law L11): keep it in step by slewing, as NTP
/// does. A clock that is set back prolongs sessions by the step.
///
/// ```no_run
/// use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
/// use dwell_sqlx::PostgresStore;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://app@db.internal/sessions").await?;
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let manager = SessionManager::builder(store, policies).build();
/// # drop(manager);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) pool: PgPool,
    /// The address, without its password.
    pub(super) place: String,
    pub(super) sql: Statements,
    pub(super) lookups: Lookups,
    pub(super) channel: String,
    pub(super) tombstones: Duration,
    pub(super) clock: Option<Box<dyn Clock>>,
    pub(super) sweep: Sweep,
}

impl PostgresStore {
    /// Returns the time that a test gives, instead of the server's.
    pub(super) fn test_time(&self) -> Option<i64> {
        self.0.clock.as_ref().map(|clock| instant(clock.now()))
    }

    pub(super) async fn clock_now(&self) -> Result<Timestamp, StoreError> {
        let query = sqlx::query_scalar(self.0.sql.now.text()).bind(self.test_time());
        let now = query.fetch_one(&self.0.pool).await;
        now.map(timestamp).map_err(store_error)
    }
}

/// Reads a row whose columns begin at `first`.
pub(super) fn read(row: &PgRow, first: usize) -> Row {
    read_row!(row, first)
}

/// Reads the row of a look-up: the server's clock, and from `first` on the
/// session's columns, which are all NULL for a missing session.
pub(super) fn loaded(row: &PgRow, first: usize) -> Result<Loaded, StoreError> {
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

pub(super) fn missing(now: Timestamp) -> Loaded {
    let state = Lookup::Missing;
    Loaded { now, state }
}

/// The column `token_check` of an adopted session.
pub(super) const ADOPTED: [u8; 16] = VerifierHash::NONE.to_bits().to_be_bytes();

/// Returns a tombstone's lifetime in milliseconds, short enough to be added to
/// any time.
pub(super) fn lifetime(tombstones: Duration) -> i64 {
    length(tombstones).min(i64::MAX / 2)
}

/// Reads the server's time.
pub(super) fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(at).unwrap_or_default())
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("place", &self.0.place)
            .finish_non_exhaustive()
    }
}
