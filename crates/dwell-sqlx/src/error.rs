//! Errors of opening a store, and how a database's errors become a store's.

use std::sync::Arc;

use dwell_core::store::StoreError;

use crate::stored::Corrupt;

/// Why a store could not be opened. Messages never show a password.
///
/// ```no_run
/// # #[cfg(feature = "postgres")]
/// # async fn f() -> Result<(), dwell_sqlx::ConnectError> {
/// use dwell_sqlx::{ConnectError, PostgresStore};
///
/// match PostgresStore::connect("postgres://app:secret@db/sessions").await {
///     Err(error @ ConnectError::NewerSchema { .. }) => {
///         // Another release is rolling out: this node must not start.
///         eprintln!("{error}");
///         Err(error)
///     }
///     other => other.map(drop),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not the address of a database.
    #[error("{place} is not the address of a database: write postgres://user@host:port/database")]
    Address {
        /// The address, without its password.
        place: String,
        /// What is wrong with the URL.
        source: sqlx::Error,
    },
    /// The database can't be reached, or it refused the login.
    #[error("no connection to {place}: {source}")]
    Connection {
        /// The address, without its password.
        place: String,
        /// The error of the database or the network.
        source: sqlx::Error,
    },
    /// The tables could not be created, migrated or read.
    #[error("the tables of {place} could not be created, migrated or read: {source}")]
    Schema {
        /// The address, without its password.
        place: String,
        /// The error of the database.
        source: sqlx::Error,
    },
    /// The tables belong to a newer release, which this one can't read.
    #[error(
        "the tables of {place} have schema version {found}, but this release reads up to version \
        {known}: run a newer release, or use other tables"
    )]
    NewerSchema {
        /// The address, without its password.
        place: String,
        /// The version of the tables.
        found: i64,
        /// The newest version that this release can read.
        known: i64,
    },
    /// The prefix can't be part of a table's name.
    #[error(
        "{prefix:?} can't be the prefix of tables: write 1 to 32 of a-z, 0-9 and _, no digit first"
    )]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// The database's file could not be created.
    #[error("{place} could not be created: {source}")]
    File {
        /// The file.
        place: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

/// Turns a database's error into the store's.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            StoreError::Corrupt(Arc::new(error))
        }
        // Also where the table is another one: that is no fault of one session.
        error => StoreError::unavailable(error),
    }
}

impl From<Corrupt> for StoreError {
    fn from(error: Corrupt) -> Self {
        Self::Corrupt(Arc::new(error))
    }
}
