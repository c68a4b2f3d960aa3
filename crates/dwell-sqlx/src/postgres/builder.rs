//! Settings of a store in Postgres, and its first connection.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::{Clock, hours, seconds};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::lookups::Lookups;
use super::schema;
use super::sql::Statements;
use super::store::{Inner, PostgresStore};
use crate::error::ConnectError;
use crate::sweep::Sweep;

/// How long a connection may have been idle before it is tried out: one that
/// is in use need not be asked for every request, and one that was not may
/// have lost its server.
const IDLE_UNTRIED: Duration = seconds(1);

/// Settings of a [`PostgresStore`].
///
/// ```no_run
/// use dwell_core::{hours, seconds};
/// use dwell_sqlx::PostgresStore;
///
/// # async fn f() -> Result<(), dwell_sqlx::ConnectError> {
/// let store = PostgresStore::builder()
///     .with_max_connections(20)
///     .with_acquire_timeout(seconds(2))
///     .with_tombstones(hours(48))
///     .with_prefix("console") // tables `console_session` and `console_schema`
///     .connect("postgres://app@db.internal/sessions")
///     .await?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
pub struct PostgresStoreBuilder {
    max_connections: u32,
    acquire_timeout: Duration,
    tombstones: Duration,
    prefix: String,
    clock: Option<Box<dyn Clock>>,
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
}

impl PostgresStoreBuilder {
    fn new() -> Self {
        Self {
            max_connections: 10,
            acquire_timeout: seconds(3),
            tombstones: hours(24),
            prefix: "dwell".to_owned(),
            clock: None,
        }
    }

    /// At most so many connections, 10 unless told otherwise. A watch has one
    /// more for itself.
    #[must_use]
    pub fn with_max_connections(mut self, max: u32) -> Self {
        self.max_connections = max.max(1);
        self
    }

    /// How long an operation waits for a connection, also for a server that is
    /// not there: three seconds unless told otherwise. After that it fails
    /// with [`StoreError::Unavailable`](dwell_core::store::StoreError).
    #[must_use]
    pub fn with_acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
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

    /// What begins the names of the tables, `dwell` unless told otherwise, for
    /// `dwell_session` and `dwell_schema`: 1 to 32 of a-z, 0-9 and _. They are
    /// looked for in the connection's `search_path`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Judges by this clock and not by the server's. For tests alone: nodes
    /// whose clocks differ would judge differently (law L11).
    #[doc(hidden)]
    #[must_use]
    pub fn with_insecure_clock_for_tests(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Connects to `postgres://user:password@host:port/database`, and creates
    /// the tables where they are missing. Options can follow after a `?`, such
    /// as `sslmode=verify-full`, which asks for the feature `postgres-tls`.
    ///
    /// # Errors
    /// [`ConnectError`], when there is no database at `url`, it lets nobody in,
    /// or its tables are not fit; the message has no password in it.
    pub async fn connect(self, url: &str) -> Result<PostgresStore, ConnectError> {
        let options = PgConnectOptions::from_str(url).map_err(|source| ConnectError::Address {
            place: without_password(url),
            source,
        })?;
        let place = place_of(&options);
        let pool = PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for >= IDLE_UNTRIED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await
            .map_err(|source| ConnectError::Connection { place, source })?;
        self.with_pool(pool).await
    }

    /// Uses the connections that there are already, and creates the tables
    /// where they are missing. How many connections there are and how long to
    /// wait for one is set there.
    ///
    /// # Errors
    /// [`ConnectError`], when the tables are not fit or can't be created.
    pub async fn with_pool(self, pool: PgPool) -> Result<PostgresStore, ConnectError> {
        check_prefix(&self.prefix)?;
        let place = place_of(&pool.connect_options());
        schema::make_ready(&pool, &self.prefix, &place).await?;
        Ok(PostgresStore(Arc::new(Inner {
            lookups: Lookups::new(pool.options().get_max_connections()),
            pool,
            place,
            sql: Statements::new(&self.prefix),
            channel: format!("{}_session", self.prefix),
            tombstones: self.tombstones,
            clock: self.clock,
            sweep: Sweep::default(),
        })))
    }
}

impl fmt::Debug for PostgresStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("tombstones", &self.tombstones)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// What begins the names of tables: plain letters, for it becomes part of SQL.
fn check_prefix(prefix: &str) -> Result<(), ConnectError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let fit = (1..=32).contains(&prefix.len())
        && prefix.bytes().all(plain)
        && !prefix.starts_with(|c: char| c.is_ascii_digit());
    match fit {
        true => Ok(()),
        false => Err(ConnectError::Prefix {
            prefix: prefix.to_owned(),
        }),
    }
}

/// An address as messages show it.
fn place_of(options: &PgConnectOptions) -> String {
    let (user, database) = (options.get_username(), options.get_database());
    let database = database.unwrap_or(user);
    match options.get_socket() {
        Some(socket) => format!("postgres://{user}@{}/{database}", socket.display()),
        None => {
            let (host, port) = (options.get_host(), options.get_port());
            format!("postgres://{user}@{host}:{port}/{database}")
        }
    }
}

/// A text that is no address, without whatever may be a password in it: what
/// stands before the last `@`, and what follows a `?`.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("\"{scheme}://…@{host}\""),
        None if scheme.is_empty() => "what was given".to_owned(),
        None => format!("\"{scheme}://{rest}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l09_an_address_is_shown_without_its_password() {
        for url in [
            "postgres://app:hunter2@db:port/sessions",
            "postgres://app:hun?hunter2@db:port/sessions",
            "postgres://app:a@hunter2@db:port/sessions",
            "postgres://db:port/sessions?password=hunter2",
            "host=db password=hunter2",
        ] {
            let shown = without_password(url);
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let options = PgConnectOptions::from_str("postgres://app:hunter2@db:6432/sessions");
        assert_eq!(
            place_of(&options.unwrap()),
            "postgres://app@db:6432/sessions"
        );
    }
}
