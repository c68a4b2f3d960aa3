//! Touches, updates and ends: one statement each, unless another node changes
//! the same session at the same time.

use dwell_core::engine::Touch;
use dwell_core::store::{
    End, Loaded, Lookup, StoreError, TouchOutcome, UNREPORTED_AFTER, Update, Updated,
};
use dwell_core::{EndReason, EndedSession, SessionKey, SessionRecord};
use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use super::store::{ADOPTED, PostgresStore, lifetime, loaded, read};
use crate::error::store_error;
use crate::stored::{Content, Stored, code, instant, length};

/// How often a change is attempted. Each attempt that fails means that another
/// change succeeded.
const ATTEMPTS: usize = 100;

impl PostgresStore {
    pub(super) async fn touch_now(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> Result<(TouchOutcome, Loaded), StoreError> {
        for _ in 0..ATTEMPTS {
            let query = sqlx::query(self.0.sql.touch.text())
                .bind(self.test_time())
                .bind(&key.as_bytes()[..])
                .bind(instant(touch.at))
                .bind(length(touch.idle_deadline - touch.at))
                .bind(i64::from(touch.network.to_bits()))
                .bind(touch.retried);
            let row = query.fetch_one(&self.0.pool).await.map_err(store_error)?;
            let recorded: bool = row.try_get(1).map_err(store_error)?;
            let found = loaded(&row, 2)?;
            if recorded {
                return Ok((TouchOutcome::Recorded, found));
            }
            let touched = match &found.state {
                Lookup::Found(record) => record.facts.clone().touch(touch, found.now),
                Lookup::Ended(_) | Lookup::Missing => TouchOutcome::Gone,
            };
            // By this snapshot the touch would be activity, but the row changed
            // before the write.
            if touched != TouchOutcome::Recorded {
                return Ok((touched, found));
            }
        }
        Err(contended())
    }

    pub(super) async fn update_now(
        &self,
        key: SessionKey,
        version: u32,
        update: Update,
    ) -> Result<Updated, StoreError> {
        for _ in 0..ATTEMPTS {
            let found = self.load_now(key).await?;
            let Lookup::Found(record) = found.state else {
                return Ok(Updated::Gone);
            };
            if record.facts.version != version {
                return Ok(Updated::Conflict);
            }
            let mut changed = record.clone();
            if !changed.update(&update, found.now) {
                return Ok(Updated::Gone);
            }
            if let Some(record) = self.replace(&record, &changed, &update).await? {
                return Ok(Updated::Applied(record));
            }
        }
        Err(contended())
    }

    /// Writes an update, unless the session has changed since it was loaded or
    /// it is too late by now. Returns `None` in both cases.
    async fn replace(
        &self,
        loaded: &SessionRecord,
        changed: &SessionRecord,
        update: &Update,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let stored = Stored::new(changed);
        let is_activity = matches!(update, Update::Reauthenticate { .. });
        let is_heard = matches!(
            update,
            Update::Hear {
                authenticated_at: Some(_),
                ..
            }
        );
        let query = sqlx::query(self.0.sql.update.text())
            .bind(stored.key)
            .bind(i64::from(loaded.facts.version))
            .bind(stored.version)
            .bind(stored.authenticated_at)
            .bind(stored.locked_at)
            .bind(stored.failures)
            .bind(stored.open_part)
            .bind(stored.token_check)
            .bind(stored.confirmed)
            .bind(stored.previous_check)
            .bind(stored.previous_at)
            .bind(instant(loaded.facts.last_active_at))
            .bind(is_activity)
            .bind(stored.last_active_at)
            .bind(stored.idle_deadline)
            .bind(stored.longest_pause)
            .bind(stored.network)
            .bind(self.test_time())
            .bind(instant(loaded.facts.closes_at(update)))
            .bind(stored.provider_deadline)
            .bind(is_heard);
        let row = query.fetch_optional(&self.0.pool).await;
        let Some(row) = row.map_err(store_error)? else {
            return Ok(None);
        };
        match read(&row, 0).content? {
            Content::Live(record) => Ok(Some(record)),
            Content::Ended(_) => Ok(None),
        }
    }

    pub(super) async fn count_failure_now(
        &self,
        key: SessionKey,
    ) -> Result<Option<u8>, StoreError> {
        let query = sqlx::query_scalar(self.0.sql.count_failure.text())
            .bind(self.test_time())
            .bind(&key.as_bytes()[..]);
        let counted: Option<i64> = query
            .fetch_optional(&self.0.pool)
            .await
            .map_err(store_error)?;
        Ok(counted.map(|failures| u8::try_from(failures).unwrap_or(u8::MAX)))
    }

    pub(super) async fn end_now(
        &self,
        key: SessionKey,
        end: End,
    ) -> Result<Option<EndedSession>, StoreError> {
        let query = sqlx::query(self.0.sql.end.text())
            .bind(self.test_time())
            .bind(&key.as_bytes()[..])
            .bind(code(end.reason))
            .bind(end.replaced)
            .bind(length(UNREPORTED_AFTER))
            .bind(lifetime(self.0.tombstones))
            .bind(&ADOPTED[..]);
        let row = query.fetch_optional(&self.0.pool).await;
        if let Some(row) = row.map_err(store_error)? {
            return match read(&row, 0).content? {
                Content::Ended(ended) => Ok(Some(ended)),
                Content::Live(_) => Ok(None),
            };
        }
        if end.replaced {
            let query = sqlx::query(self.0.sql.mark_replaced.text());
            let marked = query.bind(&key.as_bytes()[..]).execute(&self.0.pool).await;
            marked.map_err(store_error)?;
        }
        Ok(None)
    }
}

impl PostgresStore {
    /// Ends these sessions in one statement. Returns those that it ended.
    pub(super) async fn end_together(
        &self,
        connection: &mut PgConnection,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let keys: Vec<_> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        let query = sqlx::query(self.0.sql.end_together.text())
            .bind(self.test_time())
            .bind(keys)
            .bind(code(reason))
            .bind(length(UNREPORTED_AFTER))
            .bind(lifetime(self.0.tombstones))
            .bind(&ADOPTED[..]);
        let mut ended = Vec::new();
        for row in query.fetch_all(connection).await.map_err(store_error)? {
            if let Content::Ended(one) = read(&row, 0).content? {
                ended.push(one);
            }
        }
        Ok(ended)
    }
}

fn contended() -> StoreError {
    StoreError::unavailable("the session was changed by other requests in each of 100 attempts")
}
