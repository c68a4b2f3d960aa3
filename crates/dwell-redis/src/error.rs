//! Errors of connecting.

use std::error::Error;

/// Why a [`RedisStore`](crate::RedisStore) could not connect. Messages show the
/// URL without its password.
///
/// ```no_run
/// use dwell_redis::{ConnectError, RedisStore};
///
/// # async fn f() -> Result<(), ConnectError> {
/// match RedisStore::connect("redis://127.0.0.1:6379/").await {
///     // Another release wrote these keys: this node must not start.
///     Err(error @ ConnectError::Schema { .. }) => Err(error),
///     other => other.map(drop),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL has a form that this store does not know.
    #[error("{url}: {reason}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with the URL, and what would be right.
        reason: String,
    },
    /// The server can't be reached, or it refused the login.
    #[error("{url}: {source}")]
    Server {
        /// The URL, without its password.
        url: String,
        /// The error of the server or the network.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The keys in the database belong to another version of Dwell, or to
    /// another program.
    #[error(
        "{url}: key `{key}` says layout {found:?}, but this version of Dwell reads layout {known:?} \
         only: use another database or prefix, or the version of Dwell that wrote these keys"
    )]
    Schema {
        /// The URL, without its password.
        url: String,
        /// The key that names the layout.
        key: String,
        /// The layout that was found.
        found: String,
        /// The layout that this version of Dwell reads and writes.
        known: &'static str,
    },
}
