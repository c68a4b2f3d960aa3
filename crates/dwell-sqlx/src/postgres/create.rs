//! Logins, and how many sessions a subject may have.

use dwell_core::engine::FUTURE_LEEWAY;
use dwell_core::store::{Created, DuePolicy, Quota, StoreError, UNREPORTED_AFTER};
use dwell_core::{
    EndReason, EndedSession, Facts, OnLimit, SessionKey, SessionRecord, Timestamp, Verdict,
};
use sqlx::PgConnection;

use super::store::{FOREIGN, PostgresStore, lifetime, read, timestamp};
use super::within::Within;
use crate::columns::bind_stored;
use crate::error::store_error;
use crate::stored::{Content, Stored, code, instant, length};

impl PostgresStore {
    pub(super) async fn create_now(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> Result<Created, StoreError> {
        let Some(quota) = quota else {
            let mut connection = self.0.pool.acquire().await.map_err(store_error)?;
            let kept = self.insert(&mut connection, &record, &judge).await;
            return Ok(match kept.map_err(store_error)? {
                true => Created::Created { ended: Vec::new() },
                false => Created::Exists,
            });
        };
        let within = Within::begin(&self.0.pool).await.map_err(store_error)?;
        self.create_within(within, record, quota, judge).await
    }

    async fn create_within(
        &self,
        mut within: Within,
        record: SessionRecord,
        quota: Quota,
        judge: DuePolicy,
    ) -> Result<Created, StoreError> {
        // Until the end of the transaction, so that two logins count each
        // other.
        let lock = sqlx::query(self.0.sql.lock_subject.text()).bind(record.subject.as_str());
        lock.execute(&mut *within).await.map_err(store_error)?;
        // Before anybody has to make room for it.
        let kept = self.insert(&mut within, &record, &judge).await;
        if !kept.map_err(store_error)? {
            within.rollback().await.map_err(store_error)?;
            return Ok(Created::Exists);
        }
        let others = self
            .others(&mut within, &record, quota.replaces, &judge)
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
                    // More than one when the limit has been lowered.
                    let leave = (others.len() + 1 - max).min(others.len());
                    ended = self.make_room(&mut within, &others[..leave]).await?;
                }
            }
        }
        within.commit().await.map_err(store_error)?;
        Ok(Created::Created { ended })
    }

    /// Keeps a session; `false` when there is something under its key.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        record: &SessionRecord,
        judge: &DuePolicy,
    ) -> Result<bool, sqlx::Error> {
        let (due, not_before) = first_look(&record.facts, judge);
        let due = match self.0.sweep.agrees(judge) {
            true => due,
            // To be looked at by the policies that the rows are being gone
            // through for.
            false => Timestamp::MIN,
        };
        // The second time after a tombstone whose time is over has made room.
        for _ in 0..2 {
            let query = sqlx::query(self.0.sql.insert.text()).bind(self.told());
            let query = bind_stored!(query, Stored::new(record));
            let query = query.bind(instant(not_before)).bind(instant(due));
            if query.execute(&mut *connection).await?.rows_affected() > 0 {
                return Ok(true);
            }
            let query = sqlx::query(self.0.sql.forget_over.text()).bind(self.told());
            let query = query.bind(&record.key.as_bytes()[..]);
            if query.execute(&mut *connection).await?.rows_affected() == 0 {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// The keys of the subject's other sessions that are live, from the one
    /// that was active longest ago on.
    async fn others(
        &self,
        connection: &mut PgConnection,
        record: &SessionRecord,
        replaces: Option<SessionKey>,
        judge: &DuePolicy,
    ) -> Result<Vec<(Timestamp, SessionKey)>, sqlx::Error> {
        let query = sqlx::query_scalar(self.0.sql.now.text()).bind(self.told());
        let now = timestamp(query.fetch_one(&mut *connection).await?);
        let query = sqlx::query(self.0.sql.list.text()).bind(record.subject.as_str());
        let mut others = Vec::new();
        for row in query.fetch_all(connection).await? {
            // One that can't be read can't be used either, and does not count.
            if let Some(Content::Live(other)) = read(&row, 0).readable()
                && other.key != record.key
                && Some(other.key) != replaces
                && !matches!(judge.verdict(&other.facts, now), Verdict::Ended(_))
            {
                others.push((other.facts.last_active_at, other.key));
            }
        }
        others.sort_unstable();
        Ok(others)
    }

    async fn make_room(
        &self,
        connection: &mut PgConnection,
        leave: &[(Timestamp, SessionKey)],
    ) -> Result<Vec<EndedSession>, StoreError> {
        let keys: Vec<_> = leave
            .iter()
            .map(|(_, key)| key.as_bytes().to_vec())
            .collect();
        let query = sqlx::query(self.0.sql.make_room.text())
            .bind(self.told())
            .bind(keys)
            .bind(code(EndReason::Superseded))
            .bind(length(UNREPORTED_AFTER))
            .bind(lifetime(self.0.tombstones))
            .bind(&FOREIGN[..]);
        let mut ended = Vec::new();
        for row in query.fetch_all(connection).await.map_err(store_error)? {
            if let Content::Ended(one) = read(&row, 0).content? {
                ended.push(one);
            }
        }
        Ok(ended)
    }
}

/// When a new session must be looked at first, by a clock that need not be
/// read: the nearest deadline is the same whatever the time. With it the
/// instant before which the session's stamps lie in the future, which ends it.
fn first_look(facts: &Facts, judge: &DuePolicy) -> (Timestamp, Timestamp) {
    let stamps = [
        facts.created_at,
        facts.last_active_at,
        facts.authenticated_at,
    ];
    let latest = stamps.into_iter().max().unwrap_or_default();
    (judge.next_look(facts, latest), latest - FUTURE_LEEWAY)
}
