//! What scripts answer, taken apart.

use dwell_core::store::StoreError;
use dwell_core::{SessionKey, SessionRef, Timestamp};
use redis::{FromRedisValue, Value};

use crate::value::{self, Stored, Unreadable};

/// An answer in the shape that its script promises.
pub(crate) fn read<T: FromRedisValue>(answer: Value) -> Result<T, StoreError> {
    redis::from_redis_value(answer).map_err(|error| StoreError::unavailable(error.to_string()))
}

pub(crate) fn instant(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// What stands under a key, if anything.
pub(crate) fn stored(key: SessionKey, value: Option<&[u8]>) -> Result<Option<Stored>, StoreError> {
    let Some(value) = value else { return Ok(None) };
    value::decode(key, value)
        .map(Some)
        .map_err(|reason| corrupt(key, reason))
}

/// The same for work on many sessions: what can't be read is told and skipped.
pub(crate) fn stored_or_skipped(key: SessionKey, value: Option<&[u8]>) -> Option<Stored> {
    match value::decode(key, value?) {
        Ok(stored) => Some(stored),
        Err(reason) => {
            tracing::warn!(session = %SessionRef::of(key), %reason, "a session can't be read: skipped");
            None
        }
    }
}

fn corrupt(key: SessionKey, reason: Unreadable) -> StoreError {
    tracing::warn!(session = %SessionRef::of(key), %reason, "a session can't be read");
    StoreError::Corrupt(std::sync::Arc::new(reason))
}
