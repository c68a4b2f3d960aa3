//! Logins, and the limit on a subject's sessions.

use dwell_core::engine::FUTURE_LEEWAY;
use dwell_core::store::{Created, DuePolicy, Quota, StoreError};
use dwell_core::{EndReason, Facts, OnLimit, SessionKey, SessionRecord, Timestamp, Verdict};
use sqlx::PgConnection;

use super::store::{PostgresStore, read, timestamp};
use super::within::Within;
use crate::columns::bind_stored;
use crate::error::store_error;
use crate::stored::{Content, Stored, instant};

impl PostgresStore {
    pub(super) async fn create_now(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due_policy: DuePolicy,
    ) -> Result<Created, StoreError> {
        let Some(quota) = quota else {
            let mut connection = self.0.pool.acquire().await.map_err(store_error)?;
            let kept = self.insert(&mut connection, &record, &due_policy).await;
            return Ok(match kept.map_err(store_error)? {
                true => Created::Created { ended: Vec::new() },
                false => Created::Exists,
            });
        };
        let within = Within::begin(&self.0.pool).await.map_err(store_error)?;
        self.create_within(within, record, quota, due_policy).await
    }

    async fn create_within(
        &self,
        mut within: Within,
        record: SessionRecord,
        quota: Quota,
        due_policy: DuePolicy,
    ) -> Result<Created, StoreError> {
        // Held until the end of the transaction, so that concurrent logins
        // count each other.
        let lock = sqlx::query(self.0.sql.lock_subject.text()).bind(record.subject.as_str());
        lock.execute(&mut *within).await.map_err(store_error)?;
        // Inserted first, so that no session ends for a login that fails.
        let kept = self.insert(&mut within, &record, &due_policy).await;
        if !kept.map_err(store_error)? {
            within.rollback().await.map_err(store_error)?;
            return Ok(Created::Exists);
        }
        let others = self
            .others(&mut within, &record, quota.replaces, &due_policy)
            .await;
        let others = others.map_err(store_error)?;
        let max = quota.limit.max as usize;
        let mut ended = Vec::new();
        if others.len() >= max {
            match quota.limit.on_limit {
                OnLimit::RefuseNew => {
                    within.rollback().await.map_err(store_error)?;
                    return Ok(Created::LimitReached);
                }
                OnLimit::EndOldest => {
                    // More than one if the limit was lowered.
                    let leave = (others.len() + 1 - max).min(others.len());
                    let keys = others[..leave].iter().map(|(_, key)| *key).collect();
                    let superseded = EndReason::Superseded;
                    ended = self.end_together(&mut within, keys, superseded).await?;
                }
            }
        }
        within.commit().await.map_err(store_error)?;
        Ok(Created::Created { ended })
    }

    /// Inserts a session. Returns `false` if its key exists.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        record: &SessionRecord,
        due_policy: &DuePolicy,
    ) -> Result<bool, sqlx::Error> {
        let (due, not_before) = first_look(&record.facts, due_policy);
        let due = match self.0.sweep.agrees(due_policy) {
            true => due,
            // A sweep for other policies is running, and may have passed this
            // key.
            false => Timestamp::MIN,
        };
        // A second time, after a tombstone whose lifetime is over was deleted.
        for _ in 0..2 {
            let query = sqlx::query(self.0.sql.insert.text()).bind(self.test_time());
            let query = bind_stored!(query, Stored::new(record));
            let query = query.bind(instant(not_before)).bind(instant(due));
            if query.execute(&mut *connection).await?.rows_affected() > 0 {
                return Ok(true);
            }
            let query = sqlx::query(self.0.sql.forget_over.text()).bind(self.test_time());
            let query = query.bind(&record.key.as_bytes()[..]);
            if query.execute(&mut *connection).await?.rows_affected() == 0 {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Returns the keys of the subject's other live sessions, the one that was
    /// idle for longest first.
    async fn others(
        &self,
        connection: &mut PgConnection,
        record: &SessionRecord,
        replaces: Option<SessionKey>,
        due_policy: &DuePolicy,
    ) -> Result<Vec<(Timestamp, SessionKey)>, sqlx::Error> {
        let query = sqlx::query_scalar(self.0.sql.now.text()).bind(self.test_time());
        let now = timestamp(query.fetch_one(&mut *connection).await?);
        let query = sqlx::query(self.0.sql.list.text()).bind(record.subject.as_str());
        let mut others = Vec::new();
        for row in query.fetch_all(connection).await? {
            // A session that can't be read can't be used, and does not count.
            if let Some(Content::Live(other)) = read(&row, 0).readable()
                && other.key != record.key
                && Some(other.key) != replaces
                && !matches!(due_policy.verdict(&other.facts, now), Verdict::Ended(_))
            {
                others.push((other.facts.last_active_at, other.key));
            }
        }
        others.sort_unstable();
        Ok(others)
    }
}

/// Returns when a new session must first be looked at, and the instant before
/// which its stamps would lie in the future, which ends it. No clock is needed:
/// the nearest deadline does not depend on the time.
fn first_look(facts: &Facts, due_policy: &DuePolicy) -> (Timestamp, Timestamp) {
    let stamps = [
        facts.created_at,
        facts.last_active_at,
        facts.authenticated_at,
    ];
    let latest = stamps.into_iter().max().unwrap_or_default();
    (due_policy.next_look(facts, latest), latest - FUTURE_LEEWAY)
}
