//! What the layer adds to an answer.

use std::sync::Arc;

use arrayvec::ArrayString;
use bytes::Bytes;
use dwell_core::{Deadlines, Timestamp};
use http::{HeaderName, HeaderValue, Request, Response, header};

use super::cache::keep_out;
use super::guard::{Guard, Settled};
use crate::open::{
    Begun, BodyFactory, BytesBody, CloseReason, Counted, Lifeline, SessionBoundBody, UpgradePolicy,
    is_event_stream, is_long,
};
use crate::rejection::{NO_STORE, Refusal, miswired, problem, set};

/// The structured field (RFC 9651) with the time left.
static SESSION_TIMEOUT: HeaderName = HeaderName::from_static("session-timeout");

impl Guard {
    /// Binds the body of a request to its session, if it is not there already.
    pub(super) fn bind_request<B, F>(&self, request: Request<B>) -> Request<F::Body>
    where
        B: BytesBody,
        F: BodyFactory<B>,
    {
        request.map(|body| match body.is_end_stream() {
            // Most requests have none.
            true => F::pass(body),
            false => {
                let state = self.state().clone();
                F::bind(SessionBoundBody::of_request(body, state, self.drain))
            }
        })
    }

    /// Refuses a request whose session has ended while its service was at work. The
    /// service has its head, so the refusal is problem details.
    pub(super) fn stopped(&self, reason: CloseReason) -> Response<Bytes> {
        self.state().mark_stopped();
        let refusal = match reason {
            CloseReason::Ended(reason) => Refusal::Ended(reason),
            CloseReason::Locked => Refusal::Locked,
            CloseReason::StoreUnavailable => Refusal::StoreUnavailable,
            CloseReason::Unknown | CloseReason::StepUpRequired | CloseReason::Shutdown => {
                Refusal::SessionRequired
            }
        };
        let mut response = problem(&refusal);
        response.extensions_mut().insert(refusal);
        response
    }

    /// Counts an event stream among those of its session. The place is kept in
    /// the answer's extensions.
    ///
    /// # Errors
    /// The answer to send instead, if the session has too many.
    #[allow(clippy::result_large_err, reason = "the answer is what is wanted")]
    pub(super) fn count_stream<B: BytesBody>(
        &self,
        response: &mut Response<B>,
    ) -> Result<(), Response<Bytes>> {
        let is_ours = is_long(response.body())
            && is_event_stream(response.headers())
            && response.extensions().get::<UpgradePolicy>().is_none();
        let Some(lifeline) = is_ours.then(|| Lifeline::of(self.state())).flatten() else {
            return Ok(());
        };
        let refusal = Refusal::TooManyStreams;
        let place = lifeline.take_place().ok_or_else(|| {
            self.state().mark_refused();
            problem(&refusal)
        })?;
        response.extensions_mut().insert(place);
        Ok(())
    }

    /// Turns the service's answer into the client's.
    pub(super) fn close<B: BytesBody, F: BodyFactory<B>>(
        &self,
        mut response: Response<B>,
        settled: Settled,
    ) -> Response<F::Body> {
        let state = self.state();
        if !state.is_decided() && response.extensions().get::<Refusal>().is_none() {
            // The handler has run by now. This makes the first test of such a
            // stack fail.
            let missing = "the idle timeout layer, inside the session layer";
            return miswired(missing).map(F::own);
        }
        self.write(&mut response, settled);
        let bound_elsewhere = response.extensions().get::<UpgradePolicy>().is_some();
        if !bound_elsewhere
            && self.is_upgrade(response.status())
            && state.current_deadlines().is_some()
        {
            // The layer can't cut an upgraded connection, so the application must
            // (law L14).
            let missing = "who ends the upgraded connection: dwell_tower::open::UpgradePolicy in \
                           the answer's extensions, or dwell_axum's SessionWebSocketUpgrade";
            return miswired(missing).map(F::own);
        }
        let place = response.extensions_mut().remove::<Arc<Counted>>();
        let is_done = bound_elsewhere || response.body().is_end_stream();
        // A session that a command started counts, too.
        if is_done || !(state.session().is_some() || state.is_changed()) {
            return response.map(F::pass);
        }
        let (parts, body) = response.into_parts();
        let body = match Begun::read(body) {
            Begun::Whole(bytes) => F::own(bytes),
            Begun::Part(body, ahead) => {
                let mut lifeline = Lifeline::of(state);
                if let Some(place) = place {
                    lifeline = lifeline.map(|lifeline| lifeline.with_place(place));
                }
                let looks_whole = self.http10 && body.size_hint().exact().is_none();
                let body = SessionBoundBody::of_answer(body, &parts.headers, lifeline);
                F::bind(body.with_ahead(ahead).looking_whole(looks_whole))
            }
        };
        Response::from_parts(parts, body)
    }

    /// Turns an answer of the layer itself into the client's.
    pub(super) fn close_own(
        &self,
        mut response: Response<Bytes>,
        settled: Settled,
    ) -> Response<Bytes> {
        self.write(&mut response, settled);
        response
    }

    /// Writes `Session-Timeout` and what the source gives back.
    fn write<B>(&self, response: &mut Response<B>, settled: Settled) {
        let by_default = self.is_kept_by_default(response.status());
        let headers = response.headers_mut();
        if self.state().is_refused() {
            self.drain.announce(headers);
        }
        let mut shared = keep_out(headers, self.is_personal(), by_default);
        if !settled.fields.is_empty() {
            for (name, value) in settled.fields {
                headers.append(name, value);
            }
            // Even if the answer allows caching, a shared cache must not give one
            // user's token to another.
            set(headers, header::CACHE_CONTROL, NO_STORE);
            shared = false;
        }
        if !shared
            && let Some(value) = settled.deadlines.as_ref().and_then(session_timeout)
            && let Some(inner) = headers.insert(&SESSION_TIMEOUT, value)
        {
            // A stack inside this one has spoken of the session that the handler saw.
            headers.insert(&SESSION_TIMEOUT, inner);
        }
    }
}

/// Returns the field's value, such as `idle=840, absolute=27000, warn=60`: whole
/// seconds left, rounded down.
///
/// Built without `write!`, which took a tenth of the stack's time for a request.
fn session_timeout(deadlines: &Deadlines) -> Option<HeaderValue> {
    let left = |at: Timestamp| (at - deadlines.now).as_secs();
    let parts = [
        ("idle=", left(deadlines.idle)),
        (", absolute=", left(deadlines.absolute)),
        (", warn=", deadlines.warn.as_secs()),
    ];
    // Room for three names and three numbers of 20 digits.
    let mut text = ArrayString::<96>::new();
    for (name, seconds) in parts {
        text.try_push_str(name).ok()?;
        text.try_push_str(itoa::Buffer::new().format(seconds))
            .ok()?;
    }
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use dwell_core::{EndReason, PolicyId, Rule};

    use super::*;

    #[test]
    fn remaining_time_is_in_whole_seconds_rounded_down() {
        let at = Timestamp::from_millis;
        let mut deadlines = Deadlines {
            now: at(1_000),
            idle: at(1_000 + 840_999),
            absolute: at(1_000 + 27_000_000),
            nearest: at(1_000 + 840_999),
            ends_by: EndReason::IdleTimeout,
            set_by: Rule::Policy(PolicyId::DEFAULT),
            warn: std::time::Duration::from_secs(60),
        };
        let value = session_timeout(&deadlines).unwrap();
        assert_eq!(value, "idle=840, absolute=27000, warn=60");
        deadlines.idle = at(1_000);
        deadlines.absolute = Timestamp::MAX;
        deadlines.warn = std::time::Duration::MAX;
        let value = session_timeout(&deadlines).unwrap();
        let longest = (u64::MAX - 1_000) / 1_000;
        assert_eq!(
            value,
            format!("idle=0, absolute={longest}, warn={}", u64::MAX)
        );
    }
}
