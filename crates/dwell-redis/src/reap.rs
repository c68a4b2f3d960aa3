//! Ends what is due, in bounded batches, on any number of nodes.
//!
//! A pass asks every partition for the first entries of its first bucket that
//! is due, judges them on this node, and sends the outcome back. The script
//! applies it only while those entries are still the first ones, and ends or
//! locks only sessions that have not changed since. So the first node does it,
//! and a session that was touched in between is looked at again.

use std::collections::VecDeque;

use dwell_core::store::{DuePolicy, Reaped, StoreError};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::inner::Inner;
use crate::layout::PARTITIONS;
use crate::progress::{Place, Step};
use crate::reply::stored_or_skipped;
use crate::value::Stored;

/// Partitions that are asked at the same time.
const AT_ONCE: usize = 32;
/// Entries that a partition is first asked for: enough while little is due.
const FIRST: usize = 4;
/// The most entries of one step, so that a script does not block the server for
/// long.
const MOST: usize = 128;

impl Inner {
    pub(crate) async fn reap(
        &self,
        due_policy: DuePolicy,
        batch: usize,
    ) -> Result<Reaped, StoreError> {
        let mut budget = batch.max(1);
        let mut reaped = Reaped {
            now: self.now().await?,
            ..Reaped::default()
        };
        // At most half of the batch, so that what is due does not wait until
        // every session has been looked at.
        let mut for_revision = budget - budget / 2;
        budget -= for_revision;
        self.revise(&due_policy, &mut for_revision, &mut reaped)
            .await?;
        budget += for_revision;
        let start = self.progress.first();
        let all = (0..PARTITIONS).map(|step| start.wrapping_add(u8::try_from(step).unwrap_or(0)));
        let mut waiting: VecDeque<(u8, usize)> = all.map(|number| (number, FIRST)).collect();
        let mut asked = FuturesUnordered::new();
        loop {
            while asked.len() < AT_ONCE && budget > 0 {
                let Some((number, most)) = waiting.pop_front() else {
                    break;
                };
                let most = most.min(budget);
                budget -= most;
                let due_policy = &due_policy;
                asked
                    .push(async move { (number, most, self.step(number, most, due_policy).await) });
            }
            let Some((number, most, step)) = asked.next().await else {
                break;
            };
            let step = step?;
            budget += most.saturating_sub(step.looked_at);
            if step.more {
                waiting.push_back((number, MOST));
            }
            add(&mut reaped, step);
        }
        if let Some((first, _)) = waiting.front() {
            self.progress.begin_at(*first);
            reaped.more = true;
        }
        Ok(reaped)
    }

    /// Looks at what is due first in a partition, and settles it.
    async fn step(
        &self,
        number: u8,
        most: usize,
        due_policy: &DuePolicy,
    ) -> Result<Step, StoreError> {
        let partition = self.layout().partition(number);
        let found = self.look(partition, most, None).await?;
        let mut step = Step {
            now: found.now,
            looked_at: found.entries.len() + found.again.len(),
            ..Step::default()
        };
        for (key, value) in found.again {
            let tombstone = stored_or_skipped(key, value.as_deref()).and_then(Stored::tombstone);
            step.ended.extend(tombstone);
        }
        if let Some(second) = found.second {
            step.more = found.length > found.entries.len() || step.looked_at == most;
            self.settle(partition, second, found.entries, due_policy, &mut step)
                .await?;
        }
        Ok(step)
    }

    /// Goes through buckets that are not due yet, after the policies have
    /// changed.
    async fn revise(
        &self,
        due_policy: &DuePolicy,
        budget: &mut usize,
        reaped: &mut Reaped,
    ) -> Result<(), StoreError> {
        loop {
            let places = self
                .progress
                .next_places(due_policy.generation(), AT_ONCE.min(*budget));
            if places.is_empty() {
                return Ok(());
            }
            let most = (*budget / places.len()).clamp(1, MOST);
            let mut asked: FuturesUnordered<_> = places
                .into_iter()
                .map(|place| async move {
                    let step = self.revise_at(&place, most, due_policy).await;
                    (place, step)
                })
                .collect();
            let mut failed = None;
            while let Some((place, step)) = asked.next().await {
                match step {
                    Ok((step, next)) => {
                        *budget = budget.saturating_sub(step.looked_at);
                        self.progress.go_on_at(next);
                        add(reaped, step);
                    }
                    Err(error) => {
                        self.progress.go_on_at([place]);
                        failed = Some(error);
                    }
                }
            }
            match failed {
                Some(error) => return Err(error),
                None if *budget == 0 => {
                    reaped.more |= self.progress.is_revising();
                    return Ok(());
                }
                None => {}
            }
        }
    }

    async fn revise_at(
        &self,
        place: &Place,
        most: usize,
        due_policy: &DuePolicy,
    ) -> Result<(Step, Option<Place>), StoreError> {
        let partition = self.layout().partition(place.partition);
        let found = self.look(partition, most, Some(place.after)).await?;
        let mut step = Step {
            now: found.now,
            looked_at: found.entries.len(),
            ..Step::default()
        };
        let Some(second) = found.second else {
            return Ok((step, None));
        };
        // Entries that stay move to the end of the bucket. The bucket is done
        // when as many entries were looked at as it had.
        let done = place.done + found.entries.len();
        let (after, done) = if done >= found.length {
            (second, 0)
        } else {
            (place.after, done)
        };
        self.settle(partition, second, found.entries, due_policy, &mut step)
            .await?;
        let next = Place {
            partition: place.partition,
            after,
            done,
        };
        Ok((step, Some(next)))
    }
}

fn add(reaped: &mut Reaped, step: Step) {
    reaped.now = reaped.now.max(step.now);
    reaped.ended.extend(step.ended);
    reaped.locked.extend(step.locked);
}
