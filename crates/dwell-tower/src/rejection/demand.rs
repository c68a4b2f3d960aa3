//! The demand of a handler: a live session, or the answer that refuses.

use bytes::Bytes;
use dwell_core::{SessionState, Verdict};
use http::Response;
use http::request::Parts;

use super::refusal::Refusal;
use super::stack::{label_route, refuse};
use crate::head::RequestHead;

/// Returns the state of a request with a live session, or the answer that refuses
/// it: 401 with the reason, or 500 if a layer is missing. For handlers without
/// axum; `dwell_axum::Session` does the same.
///
/// ```
/// use bytes::Bytes;
/// use dwell_tower::rejection::demand_session;
/// use http::{Request, Response};
///
/// fn page(request: Request<()>) -> Response<Bytes> {
///     let (parts, ()) = request.into_parts();
///     match demand_session(&parts) {
///         Ok(session) => {
///             let name = session.subject().map_or("", |subject| subject.as_str());
///             Response::new(Bytes::from(format!("Hello {name}")))
///         }
///         Err(refused) => refused,
///     }
/// }
/// # assert_eq!(page(Request::new(())).status(), 500);
/// ```
///
/// # Errors
/// The answer to send.
#[allow(clippy::result_large_err, reason = "the answer is what is wanted")]
pub fn demand_session(request: &Parts) -> Result<&SessionState, Response<Bytes>> {
    let state = session_state(request)?;
    let refusal = match state.verdict() {
        Some(Verdict::Live(_)) => {
            state.mark_personal();
            return Ok(state);
        }
        verdict => verdict.and_then(|verdict| verdict.over()),
    };
    label_route(state, RequestHead::of_parts(request));
    state.mark_refused();
    let refusal = refusal.map_or(Refusal::SessionRequired, Refusal::from);
    Err(refuse(refusal, request))
}

/// Returns the state of a request with or without a session, or 500 if a layer is
/// missing.
///
/// # Errors
/// The answer to send.
#[allow(clippy::result_large_err, reason = "the answer is what is wanted")]
pub fn session_state(request: &Parts) -> Result<&SessionState, Response<Bytes>> {
    let missing = match request.extensions.get::<SessionState>() {
        Some(state) if state.is_decided() => {
            state.reach_route();
            return Ok(state);
        }
        Some(_) => "the idle timeout layer, around a handler that extracts a session",
        None => "the session layer, around a handler that extracts a session",
    };
    Err(refuse(Refusal::Miswired(missing.to_owned()), request))
}
