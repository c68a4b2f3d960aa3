//! Commands that record activity.

use std::time::Duration;

use super::CommandError;
use crate::engine::{self, Activity, RouteMark};
use crate::event::EventKind;
use crate::request::{ResolvedSession, SessionHandle};
use crate::store::TouchOutcome;
use crate::time::Timestamp;

impl SessionHandle {
    /// Records activity now, because the subject chose to stay signed in.
    /// Reports `session_renewed` if the idle deadline moved, which it does not
    /// within one granularity of the last activity. Does nothing in a prefetch, in
    /// a cross-site request, or in a request that declares itself passive.
    ///
    /// # Errors
    /// Fails if there is no live session, if it ended meanwhile, or if the
    /// store does not answer.
    pub async fn extend(&self) -> Result<(), CommandError> {
        let session = self.live_session()?;
        if self.counts_as_extension() && self.record_activity(session, session.now).await? {
            self.report(EventKind::SessionRenewed);
        }
        Ok(())
    }

    /// Records input that happened `ago` before the request. Input before the
    /// last activity on record changes nothing. The request itself does not
    /// count as activity. Does nothing in a prefetch or a cross-site request.
    ///
    /// # Errors
    /// Fails if there is no live session, if it ended meanwhile, or if the
    /// store does not answer.
    pub async fn active_ago(&self, ago: Duration) -> Result<(), CommandError> {
        self.0.mark_route(RouteMark::Passive);
        let session = self.live_session()?;
        if self.is_prefetch_or_cross_site() {
            return Ok(());
        }
        self.record_activity(session, session.now - ago).await?;
        Ok(())
    }

    /// Returns `true` if something moved.
    async fn record_activity(
        &self,
        session: &ResolvedSession,
        at: Timestamp,
    ) -> Result<bool, CommandError> {
        let mut record = self.current_record(session);
        let (policies, network) = (self.policies(), self.network());
        let active = Activity::Active;
        let Some(touch) = engine::next_touch(policies, &record.facts, network, active, at) else {
            self.changes(|changes| changes.touched = true);
            return Ok(false);
        };
        let store = self.manager().store();
        let outcome = store.touch(record.key, touch).await?;
        match outcome {
            TouchOutcome::Gone => Err(self.overtaken(record.key).await?),
            TouchOutcome::Older | TouchOutcome::Recorded => {
                record.facts.touch(touch, session.now);
                self.changes(|changes| {
                    changes.touched = true;
                    changes.record = Some(record);
                });
                Ok(outcome == TouchOutcome::Recorded)
            }
        }
    }
}
