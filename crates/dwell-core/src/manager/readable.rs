//! Sessions whose records can't be read.

use std::error::Error;

use super::SessionManager;
use crate::session::SessionKey;
use crate::store::{Loaded, Lookup, StoreError};

impl SessionManager {
    /// Takes a session whose record can't be read for one that has ended (law L8):
    /// it is unknown, and a line is logged. Layers call it with the answer of a
    /// look-up.
    ///
    /// # Errors
    /// Fails if the store did not answer the look-up, or does not answer now.
    pub async fn readable(
        &self,
        key: SessionKey,
        found: Result<Loaded, StoreError>,
    ) -> Result<Loaded, StoreError> {
        match found {
            Err(StoreError::Corrupt(why)) => {
                log_unreadable(key, &*why);
                Ok(Loaded {
                    now: self.store().now().await?,
                    state: Lookup::Missing,
                })
            }
            found => found,
        }
    }
}

/// Logs that a session counts as ended.
#[cold]
fn log_unreadable(key: SessionKey, why: &(dyn Error + Send + Sync)) {
    let why = why.to_string();
    #[cfg(feature = "tracing")]
    tracing::warn!(
        session = %crate::session::SessionRef::of(key),
        error = why,
        "a session can't be read and counts as ended: its record is damaged or foreign"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (key, why);
}
