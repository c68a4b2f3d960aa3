//! Why a store did not come to be, and how a database's errors become a
//! store's.

use std::sync::Arc;

use dwell_core::store::StoreError;

use crate::stored::Corrupt;

/// Why a store could not be opened. No message shows a password.
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
    /// The address of the database is no address.
    #[error("{place} is not the address of a database")]
    Address {
        /// The address, without its password.
        place: String,
        /// What is wrong with it.
        source: sqlx::Error,
    },
    /// There is no database, or it let nobody in.
    #[error("no connection to {place}: {source}")]
    Connection {
        /// The address, without its password.
        place: String,
        /// What the database or the system said.
        source: sqlx::Error,
    },
    /// The tables could not be created, changed or read.
    #[error("the tables of {place} could not be made ready: {source}")]
    Schema {
        /// The address, without its password.
        place: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The tables are those of a newer release, which this one does not know.
    #[error(
        "the tables of {place} have schema version {found}, and this release knows up to \
         version {known}: run a newer release, or use other tables"
    )]
    NewerSchema {
        /// The address, without its password.
        place: String,
        /// The version of the tables.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The prefix of the tables' names is not fit for one.
    #[error(
        "{prefix:?} can't begin the names of tables: write 1 to 32 of a-z, 0-9 and _, not \
         beginning with a digit"
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
        /// What the system said.
        source: std::io::Error,
    },
}

/// What a database's error is to whoever asked the store.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. } => StoreError::Corrupt(Arc::new(error)),
        error => StoreError::unavailable(error),
    }
}

impl From<Corrupt> for StoreError {
    fn from(error: Corrupt) -> Self {
        Self::Corrupt(Arc::new(error))
    }
}
