//! The status document: the deadlines, as a page needs them.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use dwell_core::{Deadlines, EndReason, SessionRecord, Timestamp, millis};
use dwell_tower::rejection::{Refusal, problem};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::extract::Session;

/// The state of a live session. Clients count down from `remaining_ms`, not
/// from their own clock.
#[derive(Clone, Debug, Serialize)]
pub struct StatusDocument {
    /// `active`: other states are refusals.
    pub state: &'static str,
    /// The server's clock.
    pub now: Timestamp,
    /// The earliest deadline.
    pub deadline: Timestamp,
    /// When the session ends without activity.
    pub idle_deadline: Timestamp,
    /// When it ends whatever happens.
    pub absolute_deadline: Timestamp,
    /// Milliseconds until `deadline`.
    pub remaining_ms: u64,
    /// The reason that the earliest deadline will give.
    pub ends_by: EndReason,
    /// The rule that set the earliest deadline.
    pub set_by: String,
    /// How many milliseconds before the end the user is warned.
    pub warn_ms: u64,
    /// Whether activity can still move the earliest deadline.
    pub extendable: bool,
    /// Activity within so many milliseconds of the last on record is not
    /// recorded again.
    pub granularity_ms: u64,
    /// The session's policy.
    pub policy: String,
    /// The network of the last activity on record.
    pub network: Option<String>,
    /// When the subject last authenticated.
    pub authenticated_at: Timestamp,
    /// How strongly, where that is known.
    pub acr: Option<String>,
}

impl StatusDocument {
    /// The document of a session; `None` when it was ended meanwhile.
    pub(crate) fn of(session: &Session) -> Status {
        let (deadlines, record) = (session.deadlines(), session.record());
        let document = deadlines.zip(record);
        Status(document.map(|(deadlines, record)| Self::new(session, &deadlines, record)))
    }

    fn new(session: &Session, deadlines: &Deadlines, record: SessionRecord) -> Self {
        let policies = session.handle().policies();
        let facts = &record.facts;
        Self {
            state: "active",
            now: deadlines.now,
            deadline: deadlines.nearest,
            idle_deadline: deadlines.idle,
            absolute_deadline: deadlines.absolute,
            remaining_ms: millis(deadlines.remaining()),
            ends_by: deadlines.ends_by,
            set_by: policies.describe(deadlines.set_by),
            warn_ms: millis(deadlines.warn),
            extendable: deadlines.extendable(),
            granularity_ms: millis(policies.granularity()),
            policy: policies.policy_or_default(facts.policy).name().to_owned(),
            network: policies.network_name(facts.network).map(str::to_owned),
            authenticated_at: facts.authenticated_at,
            acr: record
                .strength
                .and_then(|strength| strength.acr.as_deref().map(str::to_owned)),
        }
    }
}

/// A status document, or the refusal when the session was ended meanwhile.
pub(crate) struct Status(Option<StatusDocument>);

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        let body = self
            .0
            .and_then(|document| serde_json::to_vec(&document).ok());
        let Some(body) = body else {
            return problem(&Refusal::SessionRequired).map(Body::from);
        };
        let headers = [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            ),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, body).into_response()
    }
}
