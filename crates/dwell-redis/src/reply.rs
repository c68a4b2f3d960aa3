//! Reads the answers of scripts.

use dwell_core::store::StoreError;
use dwell_core::{SessionKey, SessionRef, Timestamp};
use redis::{FromRedisValue, Value};

use crate::value::{self, Stored};

/// Converts an answer to the type that its script returns.
pub(crate) fn read<T: FromRedisValue>(answer: Value) -> Result<T, StoreError> {
    redis::from_redis_value(answer).map_err(|error| StoreError::unavailable(error.to_string()))
}

pub(crate) fn instant(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Reads the value of a key, if any.
pub(crate) fn stored(key: SessionKey, value: Option<&[u8]>) -> Result<Option<Stored>, StoreError> {
    let Some(value) = value else { return Ok(None) };
    value::decode(key, value)
        .map(Some)
        .map_err(|reason| StoreError::Corrupt(std::sync::Arc::new(reason)))
}

/// Reads the value of a key for work on many sessions: logs and skips one that
/// can't be read.
pub(crate) fn stored_or_skipped(key: SessionKey, value: Option<&[u8]>) -> Option<Stored> {
    match value::decode(key, value?) {
        Ok(stored) => Some(stored),
        Err(reason) => {
            tracing::warn!(
                session = %SessionRef::of(key),
                %reason,
                "a session can't be read and is skipped: its value is damaged or foreign"
            );
            None
        }
    }
}
