//! What goes on although its session has run out on record.

use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::{Rechecked, Timestamp};

use super::{InFlight, Lifeline, LifelineEvent};
use crate::open::close_reason::CloseReason;
use crate::timer::{FAR, timer_now};

impl Lifeline {
    /// Returns the touch without which the session would not have timed out, if the
    /// store has not recorded it yet.
    pub(super) fn missing_touch(&self, found: &Rechecked) -> Option<Touch> {
        let record = found.record.as_ref()?;
        let touch = self.open.unrecorded(record.key)?;
        let due = self.recheck.manager().due_policy();
        due.lacks_touch(&record.facts, touch, found.now)
            .then_some(touch)
    }

    /// Goes on after a timeout, as long as it may.
    pub(super) fn outlive(
        &mut self,
        reason: CloseReason,
        in_flight: InFlight,
        found_at: Timestamp,
    ) -> Option<LifelineEvent> {
        // A route that asks for authentication is no end.
        let bound = in_flight
            .bound
            .filter(|_| reason != CloseReason::StepUpRequired);
        let left = bound.map(|bound| bound.saturating_sub(found_at - in_flight.arrived));
        if left.is_some_and(|left| left.is_zero()) {
            return Some(self.close(reason));
        }
        self.go_on(left.unwrap_or(FAR));
        None
    }

    /// Goes on for this long, whatever the session's own deadlines.
    pub(super) fn go_on(&mut self, left: Duration) {
        self.deadline = timer_now() + left.min(FAR);
        self.deadline_by_clock = Timestamp::MAX;
        self.rest();
    }
}
