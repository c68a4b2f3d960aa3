//! What becomes of a request: its touch, and what its answer carries.

use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use dwell_core::store::StoreError;
use dwell_core::{Clock, DueTouch, Outcome, SessionHandle, Settlement, Timestamp};
use http::{HeaderMap, Response, StatusCode};

use super::commit::write_headers;
use crate::open::{BodyFactory, Lifeline, SessionBoundBody, UpgradePolicy};
use crate::rejection::{Refusal, miswired};
use crate::shared::Shared;

/// What the store has to hear of before the answer goes out.
pub(super) type Chores = Pin<Box<dyn Future<Output = Result<Option<DueTouch>, StoreError>> + Send>>;

/// Hands over the touch exactly once: when the answer is there, or when the
/// client goes away before.
pub(super) struct Guard {
    handle: SessionHandle,
    armed: bool,
    /// Whether the answer took time, so that less is left than at the arrival.
    waited: bool,
    /// This machine's clock at the arrival, where the store's can't be read
    /// without waiting.
    arrival: Option<Timestamp>,
    /// Whether the request asked for a connection of its own by its method.
    connect: bool,
}

impl Guard {
    /// The guard of a request that arrived then by this machine's clock, where
    /// the store's can't be read without waiting.
    pub(super) const fn new(
        handle: SessionHandle,
        arrival: Option<Timestamp>,
        connect: bool,
    ) -> Self {
        Self {
            arrival,
            connect,
            handle,
            armed: true,
            waited: false,
        }
    }

    pub(super) fn handle(&self) -> &SessionHandle {
        &self.handle
    }

    /// Polls the inner service, disarmed meanwhile: a panic is nobody's
    /// activity, also when an outer layer catches it.
    pub(super) fn watch<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.armed = false;
        let polled = poll();
        self.armed = polled.is_pending();
        self.waited |= polled.is_pending();
        polled
    }

    /// Settles the request: the touch that it earned, which is recorded, or
    /// what the store has to hear of before the answer goes out.
    pub(super) fn settle(&mut self, status: StatusCode) -> Result<Option<DueTouch>, Chores> {
        self.armed = false;
        let outcome = Outcome::Answered(status.as_u16());
        match self.handle.settle(outcome) {
            Settlement::Nothing => Ok(None),
            Settlement::Touch(touch) => {
                self.record(Some(&touch));
                Ok(Some(touch))
            }
            Settlement::StoreWrites => {
                let handle = self.handle.clone();
                Err(Box::pin(async move { handle.commit(outcome).await }))
            }
        }
    }

    /// The guard of an answer that waits for the store: nothing of it is left
    /// to hand over.
    pub(super) fn while_waiting(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            armed: false,
            waited: true,
            arrival: self.arrival,
            connect: self.connect,
        }
    }

    pub(super) const fn arrival(&self) -> Option<Timestamp> {
        self.arrival
    }

    pub(super) fn record(&self, touch: Option<&DueTouch>) {
        if let Some(touch) = touch {
            record(*touch, &self.handle, self.arrival);
        }
    }

    /// Makes the service's answer what the client gets.
    pub(super) fn close<B, K: BodyFactory<B>>(
        &self,
        mut response: Response<B>,
        touch: Option<DueTouch>,
    ) -> Response<K::Body> {
        if self.handle.decision().is_none() && response.extensions().get::<Refusal>().is_none() {
            // A tripwire, not a guard: the handler has run, and the first
            // test of such a stack fails.
            let missing = "the idle timeout layer, inside the session layer";
            return miswired(missing).map(K::own);
        }
        self.write_headers(response.headers_mut(), touch);
        if self.is_unbound_upgrade(&response) {
            let missing = "who ends the upgraded connection: dwell_tower::open::UpgradePolicy in the \
                           answer's extensions, or dwell_axum's SessionWebSocketUpgrade";
            return miswired(missing).map(K::own);
        }
        let is_ours = || response.extensions().get::<UpgradePolicy>().is_none();
        let lifeline = match K::is_long(response.body()) && is_ours() {
            true => Lifeline::of(&self.handle),
            false => None,
        };
        match lifeline {
            None => response.map(K::pass),
            Some(lifeline) => {
                let (parts, body) = response.into_parts();
                let body = SessionBoundBody::new(body, &parts.headers, lifeline);
                Response::from_parts(parts, K::bind(body))
            }
        }
    }

    /// Makes an answer of the layer's own what the client gets.
    pub(super) fn close_own(
        &self,
        mut response: Response<Bytes>,
        touch: Option<DueTouch>,
    ) -> Response<Bytes> {
        self.write_headers(response.headers_mut(), touch);
        response
    }

    /// Whether a connection leaves our hands in a session, and nobody has said
    /// who ends it (law L14).
    fn is_unbound_upgrade<B>(&self, response: &Response<B>) -> bool {
        let upgrades = match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => true,
            status => self.connect && status.is_success(),
        };
        upgrades
            && self.handle.current_deadlines().is_some()
            && response.extensions().get::<UpgradePolicy>().is_none()
    }

    fn write_headers(&self, headers: &mut HeaderMap, touch: Option<DueTouch>) {
        let Some(shared) = Shared::of(&self.handle) else {
            return;
        };
        let now = match self.waited {
            true => now(&self.handle, shared, self.arrival),
            false => None,
        };
        let deadlines = self.handle.closing_deadlines(touch.as_ref(), now);
        write_headers(
            headers,
            &self.handle,
            shared.cookie.as_ref(),
            deadlines.as_ref(),
        );
        if self.handle.has_touched()
            && let Some(session) = self.handle.session()
        {
            shared.open.touched(session.record.key);
        }
    }
}

/// What the store's clock says by now, without waiting for it: where that
/// takes a wait, as much has passed there as here since the arrival.
fn now(handle: &SessionHandle, shared: &Shared, arrival: Option<Timestamp>) -> Option<Timestamp> {
    match (arrival, &shared.remote) {
        (Some(arrival), Some(remote)) => {
            Some(handle.session()?.now + (remote.clock.now() - arrival))
        }
        _ => handle.manager().store().now().into_ready().ok()?.ok(),
    }
}

/// Hands a touch over to whoever records it.
pub(super) fn record(touch: DueTouch, handle: &SessionHandle, arrival: Option<Timestamp>) {
    if let Some(shared) = Shared::of(handle) {
        let now = || now(handle, shared, arrival);
        shared.touches.record(touch, handle, now);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A panic on its way up is a failure of ours, not somebody's activity.
        if !self.armed || std::thread::panicking() {
            return;
        }
        self.record(self.handle.touch_due(Outcome::Disconnected).as_ref());
    }
}
