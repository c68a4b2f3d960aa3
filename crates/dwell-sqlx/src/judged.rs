//! What is to be done about a row, and when: the same for both databases.

use std::time::Duration;

use dwell_core::store::{Due, DuePolicy, End};
use dwell_core::{EndedSession, SessionRecord, Timestamp, minutes};

use crate::stored::{Content, Row, instant, warn};

/// How long a row that can't be read is left alone before the next look.
const CORRUPT_AGAIN: Duration = minutes(1);

/// What becomes of a row that is due.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "moved once per row")]
pub(crate) enum Next {
    /// A tombstone whose time is over goes.
    Forget,
    /// The session ends.
    End(EndedSession),
    /// The session is locked, as the record has it.
    Lock(SessionRecord),
    /// Nothing yet.
    Look,
}

/// Judges a row that is due; with the instant at which it is due next.
pub(crate) fn judge_row(
    row: Row,
    judge: &DuePolicy,
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
    match judge.due(&record.facts, now) {
        Due::End(reason) => {
            let forget = forget_at(&record, now, tombstones);
            (Next::End(tombstone(record, reason.into(), now)), forget)
        }
        Due::Lock(update) => {
            let is_locked = record.update(&update, now);
            let due = judge.next_look(&record.facts, now);
            match is_locked {
                true => (Next::Lock(record), due),
                false => (Next::Look, due),
            }
        }
        Due::Later(at) => (Next::Look, at),
    }
}

/// What remains of a session that ends at `now`.
pub(crate) fn tombstone(record: SessionRecord, end: End, now: Timestamp) -> EndedSession {
    EndedSession {
        record,
        reason: end.reason,
        ended_at: now,
        replaced: end.replaced,
    }
}

/// When the tombstone of a session that ends at `now` is forgotten. Another
/// middleware may show its session until the absolute deadline.
pub(crate) fn forget_at(record: &SessionRecord, now: Timestamp, tombstones: Duration) -> Timestamp {
    let by_age = now + tombstones;
    match record.credential.is_adopted() {
        true => by_age.max(record.facts.absolute_deadline),
        false => by_age,
    }
}

/// Whether a row is a live session that the policies in force make due earlier
/// than it says; then with the instant.
pub(crate) fn earlier(row: &Row, judge: &DuePolicy, now: Timestamp) -> Option<(Vec<u8>, i64)> {
    let Ok(Content::Live(record)) = &row.content else {
        return None;
    };
    let due = instant(judge.next_look(&record.facts, now));
    (due < row.due).then(|| (row.key.clone(), due))
}
