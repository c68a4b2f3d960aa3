//! The builder of a store in SQLite.

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::store::ChangeFeed;
use dwell_core::{Clock, SystemClock, hours, seconds};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::sync::Mutex;

use super::schema;
use super::store::{Inner, SqliteStore};
use crate::error::ConnectError;
use crate::sweep::Sweep;

/// When a change must be on disk. Defaults to [`EveryChange`](Self::EveryChange).
///
/// ```
/// use dwell_sqlx::Durability;
///
/// assert_eq!(Durability::default(), Durability::EveryChange);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Before it is answered. A login, a change or an end survives a power cut.
    /// Touches reach the disk with the next change.
    #[default]
    EveryChange,
    /// Some time after it was answered. A power cut may bring back sessions
    /// that had ended; a crash of the process alone loses nothing.
    Later,
}

/// Builds a [`SqliteStore`]: settings first, [`open`](Self::open) last.
///
/// ```no_run
/// use dwell_core::{hours, seconds};
/// use dwell_sqlx::SqliteStore;
///
/// # async fn f() -> Result<(), dwell_sqlx::ConnectError> {
/// let store = SqliteStore::builder()
///     .with_tombstones(hours(48))
///     .with_busy_timeout(seconds(2))
///     .open("/var/lib/console/sessions.db")
///     .await?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
pub struct SqliteStoreBuilder {
    max_readers: u32,
    busy_timeout: Duration,
    tombstones: Duration,
    durability: Durability,
    clock: Box<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file at `path` with the default settings. Creates a missing
    /// file, readable by this user only.
    ///
    /// # Errors
    /// [`ConnectError`], when the file can't be opened or created, or when its
    /// tables can't be created or belong to a newer release.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, ConnectError> {
        Self::builder().open(path).await
    }

    /// Returns a builder with the default settings.
    #[must_use]
    pub fn builder() -> SqliteStoreBuilder {
        SqliteStoreBuilder::new()
    }
}

impl SqliteStoreBuilder {
    fn new() -> Self {
        Self {
            max_readers: 4,
            busy_timeout: seconds(3),
            tombstones: hours(24),
            durability: Durability::default(),
            clock: Box::new(SystemClock::new()),
        }
    }

    /// Sets the maximum number of concurrent look-ups, each on a separate
    /// thread. Defaults to 4; at least 1.
    #[must_use]
    pub fn with_max_readers(mut self, max: u32) -> Self {
        self.max_readers = max.max(1);
        self
    }

    /// Sets how long an operation waits for its turn, also while another
    /// program writes to the file. Defaults to three seconds. After that the
    /// operation fails with
    /// [`StoreError::Unavailable`](dwell_core::store::StoreError).
    #[must_use]
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets how long the tombstone of an ended session is kept. Defaults to one
    /// day. For that long, clients learn why their session ended (law L13). The
    /// tombstone of an adopted session stays at least until that session's
    /// absolute deadline.
    #[must_use]
    pub fn with_tombstones(mut self, lifetime: Duration) -> Self {
        self.tombstones = lifetime;
        self
    }

    /// Sets when a change must be on disk. Defaults to
    /// [`Durability::EveryChange`].
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets the clock that judges sessions. Defaults to this machine's
    /// [`SystemClock`]. Set another one in tests.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Opens the file at `path`. Creates a missing file, readable by this user
    /// only. SQLite keeps two more files next to it, which end in `-wal` and
    /// `-shm`: back up all three together.
    ///
    /// # Errors
    /// [`ConnectError`], when the file can't be opened or created, or when its
    /// tables can't be created or belong to a newer release.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, ConnectError> {
        let path = path.as_ref();
        let place = path.display().to_string();
        create(path).map_err(|source| ConnectError::File {
            place: place.clone(),
            source,
        })?;
        let failed = |source| ConnectError::Connection {
            place: place.clone(),
            source,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(self.busy_timeout);
        let changes = match self.durability {
            Durability::EveryChange => SqliteSynchronous::Full,
            Durability::Later => SqliteSynchronous::Normal,
        };
        let writer = self.pool(&options, changes, 1).await.map_err(failed)?;
        let mut connection = writer.acquire().await.map_err(failed)?;
        schema::make_ready(&mut connection, &place).await?;
        drop(connection);
        let touches = SqliteSynchronous::Normal;
        let touch_writer = self.pool(&options, touches, 1).await.map_err(failed)?;
        let readers = self.pool(&options, touches, self.max_readers).await;
        Ok(SqliteStore(Arc::new(Inner {
            place: path.to_owned(),
            clock: self.clock,
            tombstones: self.tombstones,
            readers: readers.map_err(failed)?,
            writer,
            touch_writer,
            turn: Arc::new(Mutex::new(())),
            busy_timeout: self.busy_timeout,
            sweep: Sweep::default(),
            changes: ChangeFeed::new(),
        })))
    }

    async fn pool(
        &self,
        options: &SqliteConnectOptions,
        synchronous: SqliteSynchronous,
        max: u32,
    ) -> Result<SqlitePool, sqlx::Error> {
        SqlitePoolOptions::new()
            .max_connections(max)
            .acquire_timeout(self.busy_timeout)
            // SQLite runs in this process: there is no server to lose.
            .test_before_acquire(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(options.clone().synchronous(synchronous))
            .await
    }
}

impl fmt::Debug for SqliteStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStoreBuilder")
            .field("max_readers", &self.max_readers)
            .field("busy_timeout", &self.busy_timeout)
            .field("tombstones", &self.tombstones)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// Creates a missing file, readable by this user only, before SQLite creates it
/// with wider rights. SQLite gives its other files the same rights.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how a connection writes: 1 is `NORMAL`, 2 `FULL`.
    async fn synchronous(pool: &SqlitePool) -> i64 {
        let query = sqlx::query_scalar("PRAGMA synchronous");
        query.fetch_one(pool).await.unwrap()
    }

    #[tokio::test]
    async fn changes_reach_disk_before_answer_by_default() {
        let process = std::process::id();
        let path = std::env::temp_dir().join(format!("dwell-durability-{process}.db"));
        for (durability, expected) in [(Durability::EveryChange, 2), (Durability::Later, 1)] {
            let builder = SqliteStore::builder().with_durability(durability);
            let store = builder.open(&path).await.unwrap();
            assert_eq!(
                synchronous(&store.0.writer).await,
                expected,
                "{durability:?}"
            );
            assert_eq!(
                synchronous(&store.0.touch_writer).await,
                1,
                "touches may be lost"
            );
            for pool in [&store.0.writer, &store.0.touch_writer, &store.0.readers] {
                pool.close().await;
            }
        }
        assert_eq!(SqliteStore::builder().durability, Durability::EveryChange);
        std::fs::remove_file(path).unwrap();
    }
}
