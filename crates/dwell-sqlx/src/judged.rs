//! What to do with a row that is due, and when to look at it next. Both
//! databases share this.

use std::time::Duration;

use dwell_core::store::{Due, DuePolicy, End};
use dwell_core::{EndedSession, SessionRecord, Timestamp, minutes};

use crate::stored::{Content, Row, instant, warn};

/// How long until a row that can't be read is looked at again.
const CORRUPT_AGAIN: Duration = minutes(1);

/// What to do with a row that is due.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "moved once per row")]
pub(crate) enum Next {
    /// Delete the tombstone: its lifetime is over.
    Forget,
    /// End the session.
    End(EndedSession),
    /// Lock the session, as in the record.
    Lock(SessionRecord),
    /// Look at the row again later.
    Look,
}

/// Judges a row that is due. Returns what to do, and when the row is due next.
pub(crate) fn judge_row(
    row: Row,
    due_policy: &DuePolicy,
    now: Timestamp,
    tombstones: Duration,
) -> (Next, Timestamp) {
    let mut record = match row.content {
        Ok(Content::Live(record)) => record,
        Ok(Content::Ended(_)) => return (Next::Forget, now),
        Err(error) => {
            warn(&error);
            return (Next::Look, now + CORRUPT_AGAIN);
        }
    };
    match due_policy.due(&record.facts, now) {
        Due::End(reason) => {
            let forget = forget_at(&record, now, tombstones);
            (Next::End(tombstone(record, reason.into(), now)), forget)
        }
        Due::Lock(update) => {
            let is_locked = record.update(&update, now);
            let due = due_policy.next_look(&record.facts, now);
            match is_locked {
                true => (Next::Lock(record), due),
                false => (Next::Look, due),
            }
        }
        Due::Later(at) => (Next::Look, at),
    }
}

/// Returns the tombstone of a session that ends at `now`.
pub(crate) fn tombstone(record: SessionRecord, end: End, now: Timestamp) -> EndedSession {
    EndedSession {
        record,
        reason: end.reason,
        ended_at: now,
        replaced: end.replaced,
    }
}

/// Returns when to delete the tombstone of a session that ends at `now`. An
/// adopted session's owner may present it until the absolute deadline.
pub(crate) fn forget_at(record: &SessionRecord, now: Timestamp, tombstones: Duration) -> Timestamp {
    let by_age = now + tombstones;
    match record.credential.is_adopted() {
        true => by_age.max(record.facts.absolute_deadline),
        false => by_age,
    }
}

/// Returns the key and the earlier instant, if the row is a live session that
/// the policies in force make due earlier than its row says.
pub(crate) fn earlier(row: &Row, due_policy: &DuePolicy, now: Timestamp) -> Option<(Vec<u8>, i64)> {
    let Ok(Content::Live(record)) = &row.content else {
        return None;
    };
    let due = instant(due_policy.next_look(&record.facts, now));
    (due < row.due).then(|| (row.key.clone(), due))
}
