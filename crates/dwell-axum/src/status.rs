//! The status document: the deadlines, as a page needs them.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use dwell_core::{Deadlines, EndReason, PolicySet, SessionRecord, Timestamp, as_millis};
use dwell_tower::rejection::{Refusal, problem};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::extract::Session;

/// The state of a live session, as the session endpoints answer it with
/// `Cache-Control: no-store`. Clients count down from `remaining_ms`, not
/// from their own clock.
///
/// Instants are RFC 3339 in UTC with milliseconds, lengths of time are whole
/// milliseconds, and what is not known is `null`.
///
/// ```json
/// {
///   "state": "active",
///   "now": "2026-11-23T18:00:00.000Z",
///   "deadline": "2026-11-23T18:14:00.000Z",
///   "idle_deadline": "2026-11-23T18:14:00.000Z",
///   "absolute_deadline": "2026-11-24T01:30:00.000Z",
///   "remaining_ms": 840000,
///   "ends_by": "idle_timeout",
///   "set_by": "network office",
///   "warn_ms": 60000,
///   "extendable": true,
///   "granularity_ms": 15000,
///   "policy": "default",
///   "network": "office",
///   "authenticated_at": "2026-11-23T17:30:00.000Z",
///   "acr": null
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct StatusDocument {
    /// `active`: other states are refusals.
    pub state: &'static str,
    /// The instant of the answer, by the clock that judges.
    pub now: Timestamp,
    /// The earliest deadline: the instant at which it is too late.
    pub deadline: Timestamp,
    /// When the session ends without activity.
    pub idle_deadline: Timestamp,
    /// When it ends whatever happens: the absolute deadline, or the identity
    /// provider's limit where that comes first.
    pub absolute_deadline: Timestamp,
    /// Milliseconds from `now` until `deadline`.
    pub remaining_ms: u64,
    /// The reason that the earliest deadline will give: `idle_timeout`,
    /// `absolute_timeout` or `idp_session_expired`.
    pub ends_by: EndReason,
    /// The rule that set the earliest deadline: `policy default`,
    /// `network office`, `organization`, `preset pci-dss`,
    /// `identity provider`, or `recorded deadline` where an earlier, stricter
    /// rule set it.
    pub set_by: String,
    /// How many milliseconds before the end the user is warned.
    pub warn_ms: u64,
    /// Whether activity can still move the earliest deadline: not where the
    /// absolute one is the earliest.
    pub extendable: bool,
    /// Activity within so many milliseconds of the last on record is not
    /// recorded again.
    pub granularity_ms: u64,
    /// The policy that the session was started under. Where a route has a
    /// stricter one, `set_by` says so.
    pub policy: String,
    /// The named network of the last activity on record.
    pub network: Option<String>,
    /// When the subject last authenticated.
    pub authenticated_at: Timestamp,
    /// The class of that authentication (`acr`), where it is known.
    pub acr: Option<String>,
}

impl StatusDocument {
    /// The document of a session; `None` when it was ended meanwhile.
    pub(crate) fn of(session: &Session) -> Status {
        let (deadlines, record) = (session.deadlines(), session.record());
        let document = deadlines.zip(record);
        let policies = session.handle().policies();
        Status(document.map(|(deadlines, record)| Self::new(policies, &deadlines, record)))
    }

    pub(crate) fn new(policies: &PolicySet, deadlines: &Deadlines, record: SessionRecord) -> Self {
        let facts = &record.facts;
        Self {
            state: "active",
            now: deadlines.now,
            deadline: deadlines.nearest,
            idle_deadline: deadlines.idle,
            absolute_deadline: deadlines.absolute,
            remaining_ms: as_millis(deadlines.remaining()),
            ends_by: deadlines.ends_by,
            set_by: policies.describe(deadlines.set_by),
            warn_ms: as_millis(deadlines.warn),
            extendable: deadlines.extendable(),
            granularity_ms: as_millis(policies.granularity()),
            policy: policies.policy_or_default(facts.policy).name().to_owned(),
            network: policies.network_name(facts.network).map(str::to_owned),
            authenticated_at: facts.authenticated_at,
            acr: record
                .authentication()
                .and_then(|context| context.acr.map(Into::into)),
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
