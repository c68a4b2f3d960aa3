//! Reaping: finds what is due by an index that no touch writes, locks it in
//! batches that other nodes skip, and writes the outcome in a few statements.

use dwell_core::Timestamp;
use dwell_core::store::{DuePolicy, Reaped, StoreError, UNREPORTED_AFTER};
use sqlx::PgConnection;

use super::store::{PostgresStore, read, timestamp};
use super::within::Within;
use crate::error::store_error;
use crate::judged::{Next, earlier, judge_row};
use crate::stored::{Content, code, instant, length};

/// What a pass will write, by statement.
#[derive(Default)]
struct Writes {
    forget: Vec<Vec<u8>>,
    end: (Vec<Vec<u8>>, Vec<i16>, Vec<i64>),
    lock: (Vec<Vec<u8>>, Vec<i64>, Vec<i64>, Vec<i64>),
    look: (Vec<Vec<u8>>, Vec<i64>),
}

impl PostgresStore {
    pub(super) async fn reap_now(
        &self,
        due_policy: DuePolicy,
        batch: usize,
    ) -> Result<Reaped, StoreError> {
        self.reap_batch(&due_policy, batch.max(1))
            .await
            .map_err(store_error)
    }

    async fn reap_batch(
        &self,
        due_policy: &DuePolicy,
        batch: usize,
    ) -> Result<Reaped, sqlx::Error> {
        let mut connection = self.0.pool.acquire().await?;
        let query = sqlx::query_scalar(self.0.sql.now.text()).bind(self.test_time());
        let now = timestamp(query.fetch_one(&mut *connection).await?);
        let mut reaped = Reaped {
            now,
            ..Reaped::default()
        };
        // At most half of the batch, so that what is due does not wait until
        // every session has been looked at.
        let swept = self
            .sweep(&mut connection, due_policy, now, batch - batch / 2)
            .await?;
        let mut left = batch - swept;
        left -= self
            .hand_out_again(&mut connection, now, left, &mut reaped)
            .await?;
        drop(connection);
        left -= self.take_due(due_policy, now, left, &mut reaped).await?;
        reaped.more = left == 0 || self.0.sweep.next(due_policy).is_some();
        Ok(reaped)
    }

    /// Continues to look at all sessions after the policies have changed, and
    /// brings those forward that are due earlier now.
    async fn sweep(
        &self,
        connection: &mut PgConnection,
        due_policy: &DuePolicy,
        now: Timestamp,
        limit: usize,
    ) -> Result<usize, sqlx::Error> {
        let Some(after) = self.0.sweep.next(due_policy) else {
            return Ok(0);
        };
        let query = sqlx::query(self.0.sql.scan.text())
            .bind(after)
            .bind(rows(limit));
        let found = query.fetch_all(&mut *connection).await?;
        let found: Vec<_> = found.iter().map(|row| read(row, 0)).collect();
        let early = found.iter().filter_map(|row| earlier(row, due_policy, now));
        let early: (Vec<_>, Vec<_>) = early.unzip();
        if !early.0.is_empty() {
            let query = sqlx::query(self.0.sql.bring_forward.text());
            let query = query.bind(early.0).bind(early.1);
            query.execute(connection).await?;
        }
        let count = found.len();
        let last = found.into_iter().next_back().map(|row| row.key);
        self.0
            .sweep
            .advance(due_policy, last.filter(|_| count == limit));
        Ok(count)
    }

    /// Hands out ends that were not acknowledged in time.
    async fn hand_out_again(
        &self,
        connection: &mut PgConnection,
        now: Timestamp,
        limit: usize,
        reaped: &mut Reaped,
    ) -> Result<usize, sqlx::Error> {
        let query = sqlx::query(self.0.sql.hand_out_again.text())
            .bind(instant(now))
            .bind(rows(limit))
            .bind(length(UNREPORTED_AFTER));
        let found = query.fetch_all(connection).await?;
        for row in &found {
            if let Some(Content::Ended(ended)) = read(row, 0).readable() {
                reaped.ended.push(ended);
            }
        }
        Ok(found.len())
    }

    /// Ends, locks, deletes or reschedules what is due.
    async fn take_due(
        &self,
        due_policy: &DuePolicy,
        now: Timestamp,
        limit: usize,
        reaped: &mut Reaped,
    ) -> Result<usize, sqlx::Error> {
        let mut within = Within::begin(&self.0.pool).await?;
        let query = sqlx::query(self.0.sql.due.text())
            .bind(instant(now))
            .bind(rows(limit));
        let found = query.fetch_all(&mut *within).await?;
        let (mut ended, mut locked) = (Vec::new(), Vec::new());
        let mut writes = Writes::default();
        for row in &found {
            let row = read(row, 0);
            let key = row.key.clone();
            let (next, due) = judge_row(row, due_policy, now, self.0.tombstones);
            let due = instant(due);
            match next {
                Next::Forget => writes.forget.push(key),
                Next::Look => {
                    writes.look.0.push(key);
                    writes.look.1.push(due);
                }
                Next::End(one) => {
                    writes.end.0.push(key);
                    writes.end.1.push(code(one.reason));
                    writes.end.2.push(due);
                    ended.push(one);
                }
                Next::Lock(one) => {
                    writes.lock.0.push(key);
                    writes.lock.1.push(one.facts.locked_at.map_or(0, instant));
                    writes.lock.2.push(one.facts.version.into());
                    writes.lock.3.push(due);
                    locked.push(one);
                }
            }
        }
        self.write(&mut within, writes, now).await?;
        within.commit().await?;
        // Reported only after the commit.
        reaped.ended.extend(ended);
        reaped.locked.extend(locked);
        Ok(found.len())
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        writes: Writes,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let sql = &self.0.sql;
        let changed = [&writes.end.0[..], &writes.lock.0[..]].concat();
        if !writes.forget.is_empty() {
            let query = sqlx::query(sql.forget.text()).bind(writes.forget);
            query.execute(&mut *connection).await?;
        }
        if !writes.look.0.is_empty() {
            let (keys, due) = writes.look;
            let query = sqlx::query(sql.look_again.text()).bind(keys).bind(due);
            query.execute(&mut *connection).await?;
        }
        if !writes.end.0.is_empty() {
            let (keys, reasons, due) = writes.end;
            let query = sqlx::query(sql.end_due.text())
                .bind(instant(now))
                .bind(length(UNREPORTED_AFTER));
            let query = query.bind(keys).bind(reasons).bind(due);
            query.execute(&mut *connection).await?;
        }
        if !writes.lock.0.is_empty() {
            let (keys, at, versions, due) = writes.lock;
            let query = sqlx::query(sql.lock_due.text());
            let query = query.bind(keys).bind(at).bind(versions).bind(due);
            query.execute(&mut *connection).await?;
        }
        if !changed.is_empty() {
            let query = sqlx::query(sql.notify.text()).bind(changed);
            query.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
