//! Settings of a store in SQLite, and its file.

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

/// When a change has to be on the disk.
///
/// ```
/// use dwell_sqlx::Durability;
///
/// assert_eq!(Durability::default(), Durability::EveryChange);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Before it is answered: a login, a change or an end survives a power
    /// cut. Touches follow with the next change.
    #[default]
    EveryChange,
    /// Some time after it was answered. A power cut may bring sessions back
    /// that had ended; the end of this process alone loses nothing.
    Later,
}

/// Settings of a [`SqliteStore`].
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

    /// At most so many look-ups at the same time, 4 unless told otherwise:
    /// each has a thread of its own.
    #[must_use]
    pub fn with_max_readers(mut self, max: u32) -> Self {
        self.max_readers = max.max(1);
        self
    }

    /// How long an operation waits for its turn, also for another program that
    /// has the file: three seconds unless told otherwise. After that it fails
    /// with [`StoreError::Unavailable`](dwell_core::store::StoreError).
    #[must_use]
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long an ended session is remembered: a day unless told otherwise.
    /// That of a session that another middleware owns stays at least until its
    /// absolute deadline.
    #[must_use]
    pub fn with_tombstones(mut self, lifetime: Duration) -> Self {
        self.tombstones = lifetime;
        self
    }

    /// When a change has to be on the disk.
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The clock that judges: this machine's unless told otherwise.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Opens the file; creates it where it is missing, for this user alone.
    /// SQLite keeps two more beside it, which end in `-wal` and `-shm` and
    /// belong to it.
    ///
    /// # Errors
    /// [`ConnectError`], when the file can't be opened or created, or its
    /// tables are not fit.
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
        let toucher = self.pool(&options, touches, 1).await.map_err(failed)?;
        let readers = self.pool(&options, touches, self.max_readers).await;
        Ok(SqliteStore(Arc::new(Inner {
            place: path.to_owned(),
            clock: self.clock,
            tombstones: self.tombstones,
            readers: readers.map_err(failed)?,
            writer,
            toucher,
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
            // They are in this process, and there is no server to lose.
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

/// Creates the file where it is missing, readable by this user alone, before
/// SQLite creates it for everybody; what is beside it gets the same rights.
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

    /// What SQLite says of how a connection writes: 1 is `NORMAL`, 2 `FULL`.
    async fn synchronous(pool: &SqlitePool) -> i64 {
        let query = sqlx::query_scalar("PRAGMA synchronous");
        query.fetch_one(pool).await.unwrap()
    }

    #[tokio::test]
    async fn changes_are_on_the_disk_before_they_are_answered_unless_told_otherwise() {
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
                synchronous(&store.0.toucher).await,
                1,
                "touches may be lost"
            );
            for pool in [&store.0.writer, &store.0.toucher, &store.0.readers] {
                pool.close().await;
            }
        }
        assert_eq!(SqliteStore::builder().durability, Durability::EveryChange);
        std::fs::remove_file(path).unwrap();
    }
}
