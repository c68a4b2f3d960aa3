//! Logins: first the subject's list, then the session.
//!
//! List and session are in different slots, so no script can write both. A
//! login first adds itself to the list, provided that the list has not changed
//! since the login read it. From then on every later login of the subject
//! counts it, although its session does not exist yet. A login that never
//! creates its session is counted for at most [`PENDING`].

use std::time::Duration;

use dwell_core::store::{Created, DuePolicy, Quota, StoreError};
use dwell_core::{
    EndReason, OnLimit, SessionKey, SessionRecord, Timestamp, Verdict, as_millis, seconds,
};

use crate::inner::Inner;
use crate::reply::{instant, read};
use crate::schedule::second_to_look;
use crate::script;
use crate::subject::{List, entries};
use crate::value::{self, clamped};

/// How long a login may take between the list and the session.
const PENDING: Duration = seconds(5);
/// The part of [`PENDING`] that allows for differences between the clocks of a
/// cluster's nodes.
const MARGIN: Duration = seconds(1);
/// How long a session's key outlives the session when no node reaps: a limit on
/// what an abandoned service leaves in Redis. The keys expire then, and these
/// ends are not reported.
const LEFT_BEHIND: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How long to wait for another request's login before reading the list again.
const TURN: Duration = Duration::from_millis(3);

/// The longest lifetime of a key. Redis counts milliseconds since 1970 in 63
/// bits.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Whether the subject may have one more session.
enum Room {
    /// There is room once these sessions have ended, provided that the list is
    /// still this one.
    Enough(Vec<SessionKey>, Revision),
    /// Another login is on the list and has no session yet.
    Wait,
    Full,
    Exists,
}

/// A list as it was read, and what to keep of it.
struct Revision {
    was: Vec<u8>,
    kept: Vec<u8>,
}

/// The outcome of putting a login on the list.
enum Listed {
    At(Timestamp, Vec<SessionKey>),
    Refused(Created),
}

impl Inner {
    pub(crate) async fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due_policy: DuePolicy,
    ) -> Result<Created, StoreError> {
        let listed = match quota {
            None => self
                .enlist(&record, None)
                .await?
                .map(|at| Listed::At(at, Vec::new())),
            Some(quota) => Some(self.enlist_within(&record, quota, &due_policy).await?),
        };
        let (listed_at, leaving) = match listed {
            Some(Listed::At(at, leaving)) => (at, leaving),
            Some(Listed::Refused(created)) => return Ok(created),
            None => {
                return Err(StoreError::unavailable(
                    "the subject's list was refused as changed, though its content was not checked",
                ));
            }
        };
        let mut ended = Vec::new();
        for key in leaving {
            ended.extend(self.end(key, EndReason::Superseded.into()).await?);
        }
        match self.keep(&record, &due_policy, listed_at).await? {
            0 => Ok(Created::Created { ended }),
            1 => Ok(Created::Exists),
            _ => Err(StoreError::unavailable(
                "the login took too long between the subject's list and the session",
            )),
        }
    }

    async fn enlist_within(
        &self,
        record: &SessionRecord,
        quota: Quota,
        due_policy: &DuePolicy,
    ) -> Result<Listed, StoreError> {
        // The caller bounds how long it waits.
        loop {
            match self.room(record, quota, due_policy).await? {
                Room::Enough(leaving, revision) => {
                    if let Some(at) = self.enlist(record, Some(&revision)).await? {
                        return Ok(Listed::At(at, leaving));
                    }
                }
                Room::Wait => tokio::time::sleep(TURN).await,
                Room::Full => return Ok(Listed::Refused(Created::LimitReached)),
                Room::Exists => return Ok(Listed::Refused(Created::Exists)),
            }
        }
    }

    /// Determines which sessions must end so that there is room, by the list as
    /// it is now.
    async fn room(
        &self,
        record: &SessionRecord,
        quota: Quota,
        due_policy: &DuePolicy,
    ) -> Result<Room, StoreError> {
        let List { now, raw } = self.subject(&record.subject).await?;
        let mut entries = entries(&raw);
        entries.retain(|entry| entry.key != record.key);
        entries.sort_unstable_by_key(|entry| entry.key);
        entries.dedup_by_key(|entry| entry.key);
        // Checked first, so that no session ends for a login that fails.
        let keys = entries.iter().map(|entry| entry.key);
        let keys = std::iter::once(record.key).chain(keys).collect();
        let mut found = self.find_all(keys).await?;
        if found
            .remove(0)
            .is_some_and(|there| !there.is_forgotten(now))
        {
            return Ok(Room::Exists);
        }
        let mut live = Vec::new();
        let mut pending = 0;
        let mut kept = Vec::new();
        for (entry, stored) in entries.iter().zip(found) {
            let facts = match &stored {
                None if now < entry.at + PENDING => {
                    pending += 1;
                    None
                }
                Some(stored) if stored.ending.is_none() => Some(&stored.record),
                _ => continue,
            };
            entry.write(&mut kept);
            if let Some(record_there) = facts
                && record_there.subject == record.subject
                && Some(entry.key) != quota.replaces
                && !matches!(
                    due_policy.verdict(&record_there.facts, now),
                    Verdict::Ended(_)
                )
            {
                live.push((record_there.facts.last_active_at, entry.key));
            }
        }
        let revision = Revision { was: raw, kept };
        let max = quota.limit.max as usize;
        if live.len() + pending < max {
            return Ok(Room::Enough(Vec::new(), revision));
        }
        if pending > 0 {
            return Ok(Room::Wait);
        }
        Ok(match quota.limit.on_limit {
            OnLimit::RefuseNew => Room::Full,
            OnLimit::EndOldest => {
                live.sort_unstable();
                // More than one if the limit was lowered.
                let leave = live.len() + 1 - max;
                let leaving = live.into_iter().take(leave).map(|(_, key)| key);
                Room::Enough(leaving.collect(), revision)
            }
        })
    }

    /// Puts a session on its subject's list. Returns `None` if the list has
    /// changed since it was read.
    async fn enlist(
        &self,
        record: &SessionRecord,
        revision: Option<&Revision>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut call = script::ENLIST
            .call()
            .key(self.layout().subject(&record.subject).sessions)
            .arg(self.clock_argument())
            .arg(record.key.as_bytes())
            .number(self.key_lifetime(record));
        call = match revision {
            None => call.arg(""),
            Some(revision) => call
                .arg("if")
                .arg(revision.was.as_slice())
                .arg(revision.kept.as_slice()),
        };
        let (now, done, _): (u64, bool, Option<Vec<u8>>) = read(self.link.change(call).await?)?;
        Ok(done.then(|| instant(now)))
    }

    async fn keep(
        &self,
        record: &SessionRecord,
        due_policy: &DuePolicy,
        now: Timestamp,
    ) -> Result<u8, StoreError> {
        let partition = self.layout().of(record.key);
        let second = second_to_look(due_policy.next_look(&record.facts, now), now);
        let call = script::CREATE
            .call()
            .key(partition.session(record.key))
            .key(partition.due())
            .key(partition.bucket(second))
            .arg(self.clock_argument())
            .arg(value::encode(record))
            .number(self.key_lifetime(record))
            .number(second)
            .arg(record.key.as_bytes())
            .number(clamped(now + (PENDING - MARGIN)));
        let (_, outcome): (u64, u8) = read(self.link.change(call).await?)?;
        Ok(outcome)
    }

    /// Returns the lifetime of a session's key in milliseconds: far longer than
    /// the session, so that a reaper finds its end.
    fn key_lifetime(&self, record: &SessionRecord) -> u64 {
        let facts = &record.facts;
        let session = facts.absolute_deadline - facts.created_at;
        let lifetime = session.saturating_add(self.settings.tombstones);
        as_millis(lifetime.saturating_add(LEFT_BEHIND).min(LONGEST))
    }
}
