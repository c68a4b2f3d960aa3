//! Why there is no store.

use std::error::Error;

/// Why a [`RedisStore`](crate::RedisStore) could not be made. Messages name the
/// URL without its password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL leads nowhere.
    #[error("{url}: {reason}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server can't be reached, or it refused.
    #[error("{url}: {source}")]
    Server {
        /// The URL, without its password.
        url: String,
        /// What the server or the network said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What is in the database was written by another version of Dwell, or by
    /// somebody else.
    #[error(
        "{url}: the key `{key}` says that the layout is {found:?}; this version of Dwell knows {known:?} alone"
    )]
    Schema {
        /// The URL, without its password.
        url: String,
        /// The key that says so.
        key: String,
        /// The layout that is there.
        found: String,
        /// The layout that this version of Dwell reads and writes.
        known: &'static str,
    },
}
