//! Logins, and the limit on a subject's sessions.

use dwell_core::store::{Created, DuePolicy, Quota};
use dwell_core::{EndReason, OnLimit, SessionRecord, Timestamp, Verdict};

use super::row;
use super::store::{Change, SqliteStore};
use crate::judged::{forget_at, tombstone};
use crate::stored::Content;

impl SqliteStore {
    pub(super) async fn create_now(
        &self,
        record: &SessionRecord,
        quota: Option<Quota>,
        due_policy: &DuePolicy,
    ) -> Result<Created, sqlx::Error> {
        let mut change = self.change(&self.0.writer).await?;
        let now = self.now_by_clock();
        let due = match self.0.sweep.agrees(due_policy) {
            true => due_policy.next_look(&record.facts, now),
            // A sweep for other policies is running, and may have passed this
            // key.
            false => now,
        };
        let within = &mut *change.within;
        row::forget_over(within, record.key.as_bytes(), now).await?;
        // Inserted first, so that no session ends for a login that fails.
        if !row::insert(within, record, due).await? {
            return Ok(Created::Exists);
        }
        let mut ended = Vec::new();
        if let Some(quota) = quota {
            let others = self
                .others(&mut change, record, quota, due_policy, now)
                .await?;
            let max = quota.limit.max as usize;
            if others.len() >= max {
                if quota.limit.on_limit == OnLimit::RefuseNew {
                    return Ok(Created::LimitReached);
                }
                // More than one if the limit was lowered.
                let leave = others.len() + 1 - max;
                for other in others.into_iter().take(leave) {
                    let forget = forget_at(&other, now, self.0.tombstones);
                    let one = tombstone(other, EndReason::Superseded.into(), now);
                    row::write_end(&mut change.within, &one, forget).await?;
                    ended.push(one);
                }
            }
        }
        change.commit().await?;
        Ok(Created::Created { ended })
    }

    /// Returns the subject's other live sessions, the one that was idle for
    /// longest first.
    async fn others(
        &self,
        change: &mut Change,
        record: &SessionRecord,
        quota: Quota,
        due_policy: &DuePolicy,
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, sqlx::Error> {
        let mut others = Vec::new();
        for row in row::of_subject(&mut change.within, &record.subject).await? {
            // A session that can't be read can't be used, and does not count.
            if let Some(Content::Live(other)) = row.readable()
                && other.key != record.key
                && Some(other.key) != quota.replaces
                && !matches!(due_policy.verdict(&other.facts, now), Verdict::Ended(_))
            {
                others.push(other);
            }
        }
        others.sort_unstable_by_key(|other| (other.facts.last_active_at, other.key));
        Ok(others)
    }
}
