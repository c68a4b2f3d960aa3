//! Reads, judges and settles the first entries of a bucket.

use dwell_core::store::{Due, DuePolicy, StoreError};
use dwell_core::{EndReason, EndedSession, SessionKey, SessionRecord, Timestamp, as_millis};

use crate::inner::Inner;
use crate::layout::Partition;
use crate::progress::Step;
use crate::reply::{instant, read, stored_or_skipped};
use crate::schedule::second_to_look;
use crate::script;
use crate::value::{self, CHANGING, Stored};

/// The first entries of a bucket.
pub(crate) struct Found {
    pub(crate) now: Timestamp,
    /// The bucket's second; `None` without a bucket.
    pub(crate) second: Option<u64>,
    pub(crate) entries: Vec<Entry>,
    /// Ends that were not acknowledged in time.
    pub(crate) again: Vec<Entry>,
    /// How many entries the bucket has.
    pub(crate) length: usize,
}

/// A session's key and its value.
pub(crate) type Entry = (SessionKey, Option<Vec<u8>>);

/// What to do with an entry.
enum Act {
    /// Nothing is left to look at.
    Drop,
    Look(Timestamp),
    End(SessionRecord, EndReason),
    Lock(SessionRecord, Timestamp),
}

impl Inner {
    /// Reads the first entries of the first bucket that is due; with `after`,
    /// of the first bucket after that second, due or not.
    pub(crate) async fn look(
        &self,
        partition: &Partition,
        most: usize,
        after: Option<u64>,
    ) -> Result<Found, StoreError> {
        let call = script::DUE
            .call()
            .key(partition.due())
            .key(partition.unreported())
            .arg(self.clock_argument())
            .number(most as u64)
            .arg(partition.sessions())
            .arg(partition.buckets())
            .arg(after.map_or_else(String::new, |second| second.to_string()));
        let sent = self.sent();
        let answer = self.link.call(call).await?;
        let (now, second, entries, again, length): (_, String, Flat, Flat, usize) = read(answer)?;
        self.learn(partition.number(), sent, instant(now));
        Ok(Found {
            now: instant(now),
            second: second.parse().ok(),
            entries: pairs(entries),
            again: pairs(again),
            length,
        })
    }

    /// Settles the first entries of a bucket, unless another node has done it.
    pub(crate) async fn settle(
        &self,
        partition: &Partition,
        second: u64,
        entries: Vec<Entry>,
        due_policy: &DuePolicy,
        step: &mut Step,
    ) -> Result<(), StoreError> {
        let mut call = script::SETTLE
            .call()
            .key(partition.due())
            .key(partition.unreported())
            .key(partition.bucket(second))
            .arg(self.clock_argument())
            .arg(partition.sessions())
            .arg(partition.buckets())
            .number(as_millis(self.settings.tombstones))
            .arg(self.settings.channel.as_str())
            .number(second);
        let mut acts = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let act = act_on(key, value.as_deref(), due_policy, step.now);
            let was = value.as_deref().and_then(|value| value.get(CHANGING));
            let later = |at| second_to_look(at, step.now).to_string();
            let (word, with, again) = match &act {
                Act::Drop => ("drop", Vec::new(), String::new()),
                Act::Look(at) => ("look", Vec::new(), later(*at)),
                Act::End(_, reason) => ("end", reason.code().to_string().into(), String::new()),
                Act::Lock(record, at) => ("lock", value::encode(record), later(*at)),
            };
            call = call.arg(key.as_bytes()).arg(word);
            call = call.arg(was.unwrap_or_default()).arg(with).arg(again);
            acts.push(Some(act));
        }
        let (now, first, done): (u64, bool, Vec<usize>) = read(self.link.change(call).await?)?;
        step.more |= !first;
        for place in done {
            match acts.get_mut(place).and_then(Option::take) {
                Some(Act::End(record, reason)) => step.ended.push(EndedSession {
                    record,
                    reason,
                    ended_at: instant(now),
                    replaced: false,
                }),
                Some(Act::Lock(record, _)) => step.locked.push(record),
                _ => {}
            }
        }
        Ok(())
    }
}

fn act_on(key: SessionKey, value: Option<&[u8]>, due_policy: &DuePolicy, now: Timestamp) -> Act {
    // What can't be read can't be judged. Its requests fail.
    let Some(Stored {
        mut record,
        ending: None,
    }) = stored_or_skipped(key, value)
    else {
        return Act::Drop;
    };
    match due_policy.due(&record.facts, now) {
        Due::Later(at) => Act::Look(at),
        Due::Lock(update) => {
            record.update(&update, now);
            let next = due_policy.next_look(&record.facts, now);
            Act::Lock(record, next)
        }
        Due::End(reason) => Act::End(record, reason),
    }
}

/// Ids and values in turn, as scripts return them.
type Flat = Vec<Option<Vec<u8>>>;

fn pairs(flat: Flat) -> Vec<Entry> {
    let mut flat = flat.into_iter();
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    while let (Some(id), Some(value)) = (flat.next(), flat.next()) {
        // An id of another length names no session and is dropped with its
        // entry.
        let id = id.unwrap_or_default();
        let mut key = [0; 16];
        let length = id.len().min(16);
        key[..length].copy_from_slice(&id[..length]);
        pairs.push((SessionKey::from_bytes(key), value));
    }
    pairs
}
