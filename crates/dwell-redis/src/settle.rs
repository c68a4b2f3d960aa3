//! The first entries of a bucket: found, judged, and done with.

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
    /// The bucket's second, where there is one.
    pub(crate) second: Option<u64>,
    pub(crate) entries: Vec<Entry>,
    /// Ends that nobody has acknowledged.
    pub(crate) again: Vec<Entry>,
    /// How many entries the bucket has.
    pub(crate) length: usize,
}

/// A session's key and what is under it.
pub(crate) type Entry = (SessionKey, Option<Vec<u8>>);

/// What to do about an entry.
enum Act {
    /// Nothing is left to look at.
    Drop,
    Look(Timestamp),
    End(SessionRecord, EndReason),
    Lock(SessionRecord, Timestamp),
}

impl Inner {
    /// The first entries of the first bucket that is due, or of the first one
    /// after a second whether it is due or not.
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
            .arg(self.told())
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

    /// Does what is due about the first entries of a bucket, unless somebody
    /// else has done it.
    pub(crate) async fn settle(
        &self,
        partition: &Partition,
        second: u64,
        entries: Vec<Entry>,
        judge: &DuePolicy,
        step: &mut Step,
    ) -> Result<(), StoreError> {
        let mut call = script::SETTLE
            .call()
            .key(partition.due())
            .key(partition.unreported())
            .key(partition.bucket(second))
            .arg(self.told())
            .arg(partition.sessions())
            .arg(partition.buckets())
            .number(as_millis(self.settings.tombstones))
            .arg(self.settings.channel.as_str())
            .number(second);
        let mut acts = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let act = act_on(key, value.as_deref(), judge, step.now);
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

fn act_on(key: SessionKey, value: Option<&[u8]>, judge: &DuePolicy, now: Timestamp) -> Act {
    // What can't be read can't be judged: requests get an error for it.
    let Some(Stored {
        mut record,
        ending: None,
    }) = stored_or_skipped(key, value)
    else {
        return Act::Drop;
    };
    match judge.due(&record.facts, now) {
        Due::Later(at) => Act::Look(at),
        Due::Lock(update) => {
            record.update(&update, now);
            let next = judge.next_look(&record.facts, now);
            Act::Lock(record, next)
        }
        Due::End(reason) => Act::End(record, reason),
    }
}

/// Ids and values in turn, as scripts give them.
type Flat = Vec<Option<Vec<u8>>>;

fn pairs(flat: Flat) -> Vec<Entry> {
    let mut flat = flat.into_iter();
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    while let (Some(id), Some(value)) = (flat.next(), flat.next()) {
        // Whatever else may stand in a bucket is dropped with it.
        let id = id.unwrap_or_default();
        let mut key = [0; 16];
        let length = id.len().min(16);
        key[..length].copy_from_slice(&id[..length]);
        pairs.push((SessionKey::from_bytes(key), value));
    }
    pairs
}
