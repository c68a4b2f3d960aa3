//! Logins, and how many sessions a subject may have.

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
        judge: &DuePolicy,
    ) -> Result<Created, sqlx::Error> {
        let mut change = self.change(&self.0.writer).await?;
        let now = self.now_by_clock();
        let due = match self.0.sweep.agrees(judge) {
            true => judge.next_look(&record.facts, now),
            // To be looked at by the policies that the rows are being gone
            // through for.
            false => now,
        };
        let within = &mut *change.within;
        row::forget_over(within, record.key.as_bytes(), now).await?;
        // Before anybody has to make room for it.
        if !row::insert(within, record, due).await? {
            return Ok(Created::Exists);
        }
        let mut ended = Vec::new();
        if let Some(quota) = quota {
            let others = self.others(&mut change, record, quota, judge, now).await?;
            let max = quota.limit.max as usize;
            if others.len() >= max {
                if quota.limit.on_limit == OnLimit::RefuseNew {
                    return Ok(Created::LimitReached);
                }
                // More than one when the limit has been lowered.
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

    /// The subject's other sessions that are live, from the one that was
    /// active longest ago on.
    async fn others(
        &self,
        change: &mut Change,
        record: &SessionRecord,
        quota: Quota,
        judge: &DuePolicy,
        now: Timestamp,
    ) -> Result<Vec<SessionRecord>, sqlx::Error> {
        let mut others = Vec::new();
        for row in row::of_subject(&mut change.within, &record.subject).await? {
            // One that can't be read can't be used either, and does not count.
            if let Some(Content::Live(other)) = row.readable()
                && other.key != record.key
                && Some(other.key) != quota.replaces
                && !matches!(judge.verdict(&other.facts, now), Verdict::Ended(_))
            {
                others.push(other);
            }
        }
        others.sort_unstable_by_key(|other| (other.facts.last_active_at, other.key));
        Ok(others)
    }
}
