//! What a session layer shares with its requests.

use std::sync::Arc;

use dwell_core::{Clock, DueTouch, SessionManager, SessionState, SystemClock, Timestamp};

use super::source::{SessionSource, TokenSource};
use crate::open::OpenSessions;
use crate::touch::TouchQueue;

/// What a session layer shares with its requests. A request's state finds it in
/// the manager.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) source: Arc<dyn SessionSource>,
    pub(super) touches: TouchQueue,
    /// Whether personal answers without `Cache-Control` get `no-store`.
    pub(super) no_store: bool,
    /// The connections that stay open after the answer.
    pub(super) open: OpenSessions,
    /// This machine's clock, if the store's can't be read without waiting.
    clock: Option<SystemClock>,
}

impl Context {
    pub(super) fn new(is_local: bool) -> Self {
        let open = OpenSessions::default();
        Self {
            source: Arc::new(TokenSource::default()),
            no_store: true,
            touches: TouchQueue::new(&open),
            open,
            clock: (!is_local).then(SystemClock::new),
        }
    }

    pub(super) fn of(state: &SessionState) -> Option<&Self> {
        state.manager().shared()
    }

    /// Returns the manager with this context in it.
    pub(super) fn share(&self, manager: &SessionManager) -> SessionManager {
        let manager = manager.with_shared(self.clone());
        manager.with_shared(self.open.clone())
    }

    /// Whether the store never has to be waited for.
    pub(super) const fn is_local(&self) -> bool {
        self.clock.is_none()
    }

    /// Whether a session can be found without waiting.
    pub(super) fn finds_at_once(&self) -> bool {
        self.is_local() && self.source.answers_at_once()
    }

    /// Returns the time by this machine's clock, if the store's can't be read
    /// without waiting.
    pub(super) fn arrival(&self) -> Option<Timestamp> {
        self.clock.as_ref().map(Clock::now)
    }

    /// Returns the store's time without waiting for the store. If reading its
    /// clock takes a wait, adds the time that has passed here since `arrival`.
    pub(super) fn now(
        &self,
        state: &SessionState,
        arrival: Option<Timestamp>,
    ) -> Option<Timestamp> {
        match arrival.zip(self.arrival()) {
            Some((arrival, now)) => Some(state.found()?.now + (now - arrival)),
            None => state.manager().store().now().into_ready().ok()?.ok(),
        }
    }

    /// Hands a touch over for recording.
    pub(super) fn record(&self, touch: DueTouch, state: &SessionState, arrival: Option<Timestamp>) {
        self.touches
            .record(touch, state, || self.now(state, arrival));
    }
}
