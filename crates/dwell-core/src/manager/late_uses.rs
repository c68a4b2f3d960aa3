//! Uses of the tokens of ended sessions: at most one event for each session and
//! minute, with the number of uses that it stands for (law L13).

use std::collections::HashMap;
use std::time::Duration;

use super::SessionManager;
use crate::event::{Event, EventKind, RequestContext};
use crate::session::{EndedSession, SessionKey};
use crate::sync::{Mutex, lock};
use crate::time::{Timestamp, minutes};

/// The time between two events about one session.
const PAUSE: Duration = minutes(1);

/// The most sessions that are kept. Uses of others are reported one by one.
const MAX_SESSIONS: usize = 65_536;

/// The ended sessions whose tokens were used in the last minute.
#[derive(Default)]
pub(super) struct LateUses(Mutex<HashMap<SessionKey, Late>>);

struct Late {
    /// When the last event about the session was reported.
    reported: Timestamp,
    /// The event of the last use that was not, with the count of such uses.
    waiting: Option<Box<Event>>,
}

impl LateUses {
    /// Notes a use. Returns what to report now, which is the event itself unless
    /// one about the session was reported less than a minute ago.
    pub(super) fn note(&self, key: SessionKey, mut event: Event) -> Vec<Event> {
        let now = event.time;
        let mut due = Vec::new();
        let mut uses = lock(&self.0);
        if let Some(late) = uses.get_mut(&key) {
            let before = late.waiting.take().and_then(|waiting| waiting.count);
            event.count = Some(before.unwrap_or(0) + 1);
            if now - late.reported < PAUSE {
                late.waiting = Some(Box::new(event));
                return due;
            }
            late.reported = now;
        } else {
            event.count = Some(1);
            if uses.len() >= MAX_SESSIONS {
                due = take_due(&mut uses, now);
            }
            if uses.len() < MAX_SESSIONS {
                let (reported, waiting) = (now, None);
                uses.insert(key, Late { reported, waiting });
            }
        }
        due.push(event);
        due
    }

    /// Returns the events that have waited for their minute.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Event> {
        take_due(&mut lock(&self.0), now)
    }
}

/// Takes the events whose minute has passed, and forgets sessions without one.
fn take_due(uses: &mut HashMap<SessionKey, Late>, now: Timestamp) -> Vec<Event> {
    let mut due = Vec::new();
    uses.retain(|_, late| {
        if now - late.reported < PAUSE {
            return true;
        }
        let Some(event) = late.waiting.take() else {
            return false;
        };
        due.push(*event);
        late.reported = now;
        true
    });
    due
}

impl SessionManager {
    /// Reports that the token of an ended session was used, at most once for each
    /// session and minute. Uses in between are counted, and reported by the next
    /// use or by [`reap`](Self::reap).
    pub(crate) fn report_late_use(
        &self,
        ended: &EndedSession,
        now: Timestamp,
        context: &RequestContext,
    ) {
        let kind = EventKind::SessionUseAfterExpire;
        let mut event = self.event(kind, now, &ended.record, Some(context));
        event.reason = Some(ended.reason);
        for event in self.0.late_uses.note(ended.record.key, event) {
            self.tell(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::seconds;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000) + seconds(second)
    }

    fn key(n: usize) -> SessionKey {
        SessionKey::adopted(&n.to_be_bytes())
    }

    fn use_at(second: u64) -> Event {
        Event::new(EventKind::SessionUseAfterExpire, at(second))
    }

    fn counts(events: Vec<Event>) -> Vec<u64> {
        events.into_iter().filter_map(|event| event.count).collect()
    }

    #[test]
    fn n93_uses_within_minute_are_one_event_with_count() {
        let uses = LateUses::default();
        assert_eq!(counts(uses.note(key(1), use_at(0))), [1]);
        for second in 1..50 {
            assert_eq!(counts(uses.note(key(1), use_at(second))), [0; 0]);
            assert_eq!(counts(uses.due(at(second))), [0; 0]);
        }
        assert_eq!(
            counts(uses.note(key(2), use_at(50))),
            [1],
            "another session"
        );
        let due = uses.due(at(60));
        assert_eq!(due[0].time, at(49), "the last use");
        assert_eq!(counts(due), [49]);
        assert_eq!(counts(uses.note(key(1), use_at(61))), [0; 0]);
        assert_eq!(
            counts(uses.note(key(1), use_at(120))),
            [2],
            "without a pass between"
        );
        assert_eq!(counts(uses.due(at(500))), [0; 0]);
        assert!(lock(&uses.0).is_empty(), "nothing is kept for good");
    }

    #[test]
    fn n93_bound_on_sessions_loses_no_use() {
        let uses = LateUses::default();
        for n in 0..MAX_SESSIONS {
            assert_eq!(uses.note(key(n), use_at(0)).len(), 1);
        }
        uses.note(key(0), use_at(1));
        for _ in 0..2 {
            assert_eq!(counts(uses.note(key(MAX_SESSIONS), use_at(2))), [1]);
            assert_eq!(lock(&uses.0).len(), MAX_SESSIONS);
        }
        assert_eq!(counts(uses.note(key(MAX_SESSIONS), use_at(60))), [1, 1]);
        assert_eq!(lock(&uses.0).len(), 2);
    }
}
