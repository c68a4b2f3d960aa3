//! What goes on although its session has run out on record.

use dwell_core::engine::Touch;
use dwell_core::{Rechecked, Timestamp};
use tokio::time::Instant;

use super::{InFlight, Lifeline, LifelineEvent};
use crate::open::CloseReason;
use crate::timer::FAR;

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
        InFlight { until }: InFlight,
        now: Instant,
    ) -> Option<LifelineEvent> {
        let is_over = reason != CloseReason::StepUpRequired;
        match until.filter(|_| is_over) {
            Some(until) if now >= until => return Some(self.close(reason)),
            until => self.deadline = until.unwrap_or(now + FAR),
        }
        self.deadline_by_clock = Timestamp::MAX;
        self.rest();
        None
    }
}
