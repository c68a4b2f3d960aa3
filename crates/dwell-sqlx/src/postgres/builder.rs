//! The builder of a store in Postgres.

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

/// How long a connection may be idle before it is tested. One in steady use
/// need not be tested for every request; one that was idle may have lost its
/// server.
const IDLE_UNTRIED: Duration = seconds(1);

/// Builds a [`PostgresStore`]: settings first, then [`connect`](Self::connect)
/// or [`with_pool`](Self::with_pool).
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
    /// Connects to the database at `url` with the default settings, and creates
    /// missing tables. See [`PostgresStoreBuilder::connect`] for the form of
    /// the URL.
    ///
    /// # Errors
    /// [`ConnectError`], when `url` is no address, when the database can't be
    /// reached or refuses the login, or when its tables can't be created or
    /// belong to a newer release.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder().connect(url).await
    }

    /// Returns a builder with the default settings.
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

    /// Sets the maximum number of connections for requests. Defaults to 10; at
    /// least 1. Each watch for changes uses one more.
    #[must_use]
    pub fn with_max_connections(mut self, max: u32) -> Self {
        self.max_connections = max.max(1);
        self
    }

    /// Sets how long an operation waits for a connection, also while the server
    /// is away. Defaults to three seconds. After that the operation fails with
    /// [`StoreError::Unavailable`](dwell_core::store::StoreError).
    #[must_use]
    pub fn with_acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
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

    /// Sets the prefix of the tables' names: 1 to 32 of a-z, 0-9 and _, and no
    /// digit first. Defaults to `dwell`, for `dwell_session` and
    /// `dwell_schema`. The tables are found by the connection's `search_path`.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Judges sessions by `clock` instead of the server's. Only for tests:
    /// nodes whose clocks differ would decide differently (law L11).
    #[doc(hidden)]
    #[must_use]
    pub fn with_insecure_clock_for_tests(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Connects to `postgres://user:password@host:port/database`, and creates
    /// missing tables. Options may follow after a `?`, for instance
    /// `sslmode=verify-full`, which needs feature `postgres-tls`.
    ///
    /// # Errors
    /// [`ConnectError`], when `url` is no address, when the database can't be
    /// reached or refuses the login, or when its tables can't be created or
    /// belong to a newer release.
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

    /// Uses an existing pool of connections, and creates missing tables.
    /// Ignores [`with_max_connections`](Self::with_max_connections) and
    /// [`with_acquire_timeout`](Self::with_acquire_timeout): the pool has its
    /// own settings.
    ///
    /// Use it for options that a URL can't express, or to share the
    /// application's connections. `sqlx` must be the version that this crate
    /// uses, 0.9. The pool must lead to Postgres itself or to a pooler in
    /// session mode. Each watch for changes opens one connection besides the
    /// pool, with the same options.
    ///
    /// By default sqlx tests each connection before it is used, at the price of
    /// a round trip per request. `test_before_acquire(false)` turns that off.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use dwell_sqlx::PostgresStore;
    /// use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    ///
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let options = PgConnectOptions::new()
    ///     .host("db.internal")
    ///     .username("app")
    ///     .database("sessions")
    ///     .options([("search_path", "dwell")]);
    /// let pool = PgPoolOptions::new()
    ///     .max_connections(20)
    ///     .acquire_timeout(Duration::from_secs(2))
    ///     .test_before_acquire(false)
    ///     .connect_with(options)
    ///     .await?;
    /// let store = PostgresStore::builder().with_pool(pool).await?;
    /// # drop(store);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConnectError`], when the prefix is not valid, the database can't be
    /// reached, or its tables can't be created or belong to a newer release.
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

/// Checks the prefix of tables, which becomes part of the SQL.
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

/// Returns the address without its password, for messages.
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

/// Returns a URL that can't be read, without anything that may be a password:
/// what stands before the last `@`, and what follows a `?`.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("\"{scheme}://…@{host}\""),
        None if scheme.is_empty() => "the text given".to_owned(),
        None => format!("\"{scheme}://{rest}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l09_shown_address_has_no_password() {
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
