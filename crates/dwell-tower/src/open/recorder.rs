//! Activity on what stays open.

use std::fmt;

use dwell_core::{CommandError, Recheck, SessionHandle};
use tokio::time::Instant;

use super::registry::OpenSessions;
use crate::timer::timer_now;

/// Records activity on an open connection whose messages are no requests, such
/// as a WebSocket. A [`Lifeline`](super::Lifeline) tells when the session ends.
///
/// ```
/// use dwell_core::{CommandError, SessionHandle};
/// use dwell_tower::open::ActivityRecorder;
///
/// async fn typed(session: &SessionHandle) -> Result<(), CommandError> {
///     let Some(mut recorder) = ActivityRecorder::of(session) else { return Ok(()) };
///     recorder.touch().await
/// }
/// ```
pub struct ActivityRecorder {
    recheck: Recheck,
    open: OpenSessions,
    /// When it last recorded something.
    touched: Option<Instant>,
}

impl ActivityRecorder {
    /// Returns the recorder of a request's session; `None` without a session,
    /// or outside a session layer.
    #[must_use]
    pub fn of(handle: &SessionHandle) -> Option<Self> {
        Some(Self {
            open: OpenSessions::of(handle)?.clone(),
            recheck: handle.recheck()?,
            touched: None,
        })
    }

    /// Records activity, now, as an active request does. Does nothing within
    /// the granularity of the last one.
    ///
    /// A touch that the store fails to record is tried again until its deadline has
    /// passed. If the store answers no look-up either, nothing is recorded, and the
    /// next call tries again: whether the session is over, its
    /// [`Lifeline`](super::Lifeline) tells.
    ///
    /// # Errors
    /// When the session is over.
    pub async fn touch(&mut self) -> Result<(), CommandError> {
        let granularity = self.recheck.manager().policies().borrow().granularity();
        if self
            .touched
            .is_some_and(|at| timer_now() - at < granularity)
        {
            return Ok(());
        }
        let due = match self.recheck.due_touch().await {
            Err(CommandError::Store(error)) => {
                let message = "touch of an open connection not recorded; the next one tries again";
                crate::log::warn(message, Some(&error));
                return Ok(());
            }
            due => due?,
        };
        self.touched = Some(timer_now());
        if let Some((touch, now)) = due {
            self.open.record(touch, self.recheck.state(), now);
        }
        Ok(())
    }
}

impl fmt::Debug for ActivityRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityRecorder").finish_non_exhaustive()
    }
}
