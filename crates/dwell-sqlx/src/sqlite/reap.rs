//! Reaping.

use dwell_core::store::{DuePolicy, Reaped, UNREPORTED_AFTER};

use super::row;
use super::store::{Change, SqliteStore};
use crate::judged::{Next, earlier, judge_row};
use crate::stored::{Content, instant};

impl SqliteStore {
    pub(super) async fn reap_now(
        &self,
        due_policy: &DuePolicy,
        batch: usize,
    ) -> Result<Reaped, sqlx::Error> {
        let mut change = self.change(&self.0.writer).await?;
        let mut reaped = Reaped {
            now: self.now_by_clock(),
            ..Reaped::default()
        };
        // At most half of the batch, so that what is due does not wait until
        // every session has been looked at.
        let (swept, up_to) = self
            .sweep(&mut change, due_policy, &reaped, batch - batch / 2)
            .await?;
        let mut left = batch - swept;
        left -= hand_out_again(&mut change, left, &mut reaped).await?;
        left -= self
            .take_due(&mut change, due_policy, left, &mut reaped)
            .await?;
        change.commit().await?;
        if let Some(up_to) = up_to {
            self.0.sweep.advance(due_policy, up_to);
        }
        reaped.more = left == 0 || self.0.sweep.next(due_policy).is_some();
        Ok(reaped)
    }

    /// Continues to look at all sessions after the policies have changed, and
    /// brings those forward that are due earlier now. Returns how many rows it
    /// looked at, and how far it came.
    async fn sweep(
        &self,
        change: &mut Change,
        due_policy: &DuePolicy,
        reaped: &Reaped,
        limit: usize,
    ) -> Result<(usize, Option<Option<Vec<u8>>>), sqlx::Error> {
        let Some(after) = self.0.sweep.next(due_policy) else {
            return Ok((0, None));
        };
        let found = row::scan(&mut change.within, after, rows(limit)).await?;
        for row in &found {
            if let Some((key, due)) = earlier(row, due_policy, reaped.now) {
                row::look_at(&mut change.within, &key, due).await?;
            }
        }
        let count = found.len();
        let last = found.into_iter().next_back().map(|row| row.key);
        Ok((count, Some(last.filter(|_| count == limit))))
    }

    /// Ends, locks, deletes or reschedules what is due.
    async fn take_due(
        &self,
        change: &mut Change,
        due_policy: &DuePolicy,
        limit: usize,
        reaped: &mut Reaped,
    ) -> Result<usize, sqlx::Error> {
        let within = &mut *change.within;
        let found = row::due(within, reaped.now, rows(limit)).await?;
        let count = found.len();
        for row in found {
            let key = row.key.clone();
            let (next, due) = judge_row(row, due_policy, reaped.now, self.0.tombstones);
            match next {
                Next::Forget => {
                    row::forget_over(within, &key, reaped.now).await?;
                }
                Next::Look => row::look_at(within, &key, instant(due)).await?,
                Next::End(ended) => {
                    row::write_end(within, &ended, due).await?;
                    reaped.ended.push(ended);
                }
                Next::Lock(locked) => {
                    row::write_update(within, &locked, due).await?;
                    row::look_at(within, &key, instant(due)).await?;
                    reaped.locked.push(locked);
                }
            }
        }
        Ok(count)
    }
}

/// Hands out ends that were not acknowledged in time.
async fn hand_out_again(
    change: &mut Change,
    limit: usize,
    reaped: &mut Reaped,
) -> Result<usize, sqlx::Error> {
    let found = row::unreported(&mut change.within, reaped.now, rows(limit)).await?;
    let count = found.len();
    for row in found {
        row::hand_out(&mut change.within, &row.key, reaped.now + UNREPORTED_AFTER).await?;
        if let Some(Content::Ended(ended)) = row.readable() {
            reaped.ended.push(ended);
        }
    }
    Ok(count)
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
