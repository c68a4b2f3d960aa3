//! Recording activity at the subject's wish, and what it leaves.

use std::time::Duration;

use super::CommandError;
use crate::engine;
use crate::engine::{Activity, RouteMark};
use crate::event::EventKind;
use crate::request::{ResolvedSession, SessionHandle};
use crate::store::TouchOutcome;
use crate::time::Timestamp;

impl SessionHandle {
    /// Stays signed in, at the subject's explicit wish: activity now.
    ///
    /// # Errors
    /// When there is no live session, it ended meanwhile or the store does
    /// not answer.
    pub async fn extend(&self) -> Result<(), CommandError> {
        let session = self.live_session()?;
        if self.counts_as_extension() {
            self.record_activity(session, session.now).await?;
            self.report(EventKind::SessionRenewed);
        }
        Ok(())
    }

    /// Records input that happened `ago`: never later than now, never earlier
    /// than what is on record. The request itself is not activity; one that
    /// the browser made on its own, such as a prefetch, states nothing.
    ///
    /// # Errors
    /// When there is no live session, it ended meanwhile or the store does
    /// not answer.
    pub async fn active_ago(&self, ago: Duration) -> Result<(), CommandError> {
        self.0.mark_route(RouteMark::Passive);
        let session = self.live_session()?;
        if self.is_prefetch_or_foreign() {
            return Ok(());
        }
        self.record_activity(session, session.now - ago).await
    }

    async fn record_activity(
        &self,
        session: &ResolvedSession,
        at: Timestamp,
    ) -> Result<(), CommandError> {
        let mut record = self.current_record(session);
        let (policies, network) = (self.policies(), self.network());
        let active = Activity::Active;
        let Some(touch) = engine::next_touch(policies, &record.facts, network, active, at) else {
            self.changes(|changes| changes.touched = true);
            return Ok(());
        };
        let store = self.manager().store();
        match store.touch(record.key, touch).await? {
            TouchOutcome::Gone => Err(self.overtaken(record.key).await?),
            TouchOutcome::Older | TouchOutcome::Recorded => {
                record.facts.touch(touch, session.now);
                self.changes(|changes| {
                    changes.touched = true;
                    changes.record = Some(record);
                });
                Ok(())
            }
        }
    }
}
