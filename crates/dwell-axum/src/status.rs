//! The status document: a session's deadlines for its pages.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use dwell_core::engine::AreaDeadline;
use dwell_core::{
    Deadlines, EndReason, PolicySet, SessionRecord, SessionRef, Timestamp, as_millis,
};
use dwell_tower::rejection::{Refusal, problem};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::area::Area;
use crate::extract::Session;

/// The state of a live session, as the [session endpoints](crate::session_endpoints)
/// answer it, with `Cache-Control: no-store`.
///
/// Count down from `remaining_ms`, not from the client's clock.
///
/// Instants are RFC 3339 in UTC with milliseconds. Durations are whole
/// milliseconds. Unknown values are `null`.
///
/// ```json
/// {
///   "state": "active",
///   "session": "e26fc5a6f50bfd14",
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
///   "acr": null,
///   "area": {"policy": "admin", "remaining_ms": 240000, "warn_ms": 60000,
///            "extendable": true, "ends_by": "step_up_required"}
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StatusDocument {
    /// Always `active`: in every other state the request is refused.
    pub state: &'static str,
    /// The session's reference: another one means another session.
    pub session: SessionRef,
    /// The instant of the answer, by the store's clock.
    pub now: Timestamp,
    /// The earliest deadline: a request at this instant is too late.
    pub deadline: Timestamp,
    /// When the session ends without activity.
    pub idle_deadline: Timestamp,
    /// When the session ends in spite of activity: the absolute deadline, or the
    /// identity provider's limit if that is earlier.
    pub absolute_deadline: Timestamp,
    /// Milliseconds from `now` until `deadline`.
    pub remaining_ms: u64,
    /// The reason with which the session ends at the earliest deadline: `idle_timeout`,
    /// `absolute_timeout` or `idp_session_expired`.
    pub ends_by: EndReason,
    /// The rule that set the earliest deadline: `policy default`,
    /// `network office`, `organization`, `preset pci-dss`,
    /// `identity provider`, or `recorded deadline` if it was set under an
    /// earlier, stricter rule.
    pub set_by: String,
    /// How long before the end the user is warned, in milliseconds.
    pub warn_ms: u64,
    /// Whether activity can still move the earliest deadline. `false` once the
    /// absolute deadline is the earliest.
    pub extendable: bool,
    /// The shortest time between two recorded activities, in milliseconds.
    pub granularity_ms: u64,
    /// The policy that the session was started under. A route's stricter policy
    /// is named in `set_by`.
    pub policy: String,
    /// The named network of the last recorded activity.
    pub network: Option<String>,
    /// When the subject last authenticated. `None` if the owner of an adopted session
    /// did not state it.
    pub authenticated_at: Option<Timestamp>,
    /// The class of that authentication (`acr`).
    pub acr: Option<String>,
    /// The routes under the policy that the request named by `?policy=`; absent
    /// without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaStatus>,
}

/// How long routes under a policy stay open to a session, in a [`StatusDocument`].
/// The session goes on after it: its user authenticates again to use the routes.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct AreaStatus {
    /// The policy's name.
    pub policy: String,
    /// Milliseconds until the routes ask for authentication; 0 if they do now.
    pub remaining_ms: u64,
    /// How long before that the user is warned, in milliseconds.
    pub warn_ms: u64,
    /// Whether activity still moves that instant. Otherwise only an authentication
    /// does.
    pub extendable: bool,
    /// Always `step_up_required`.
    pub ends_by: &'static str,
}

impl StatusDocument {
    /// Makes the document of a session; a refusal if it has ended meanwhile.
    pub(crate) fn of(session: &Session, area: &Area) -> Status {
        let (deadlines, record) = (session.deadlines(), session.record());
        let policies = session.handle().policies();
        let document = deadlines.zip(record).map(|(deadlines, record)| {
            let area = area.deadline(policies, &record);
            Self::new(policies, &deadlines, &record, area)
        });
        Status(document)
    }

    pub(crate) fn new(
        policies: &PolicySet,
        deadlines: &Deadlines,
        record: &SessionRecord,
        area: Option<(&str, AreaDeadline)>,
    ) -> Self {
        let facts = &record.facts;
        Self {
            state: "active",
            session: SessionRef::of(record.key),
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
            authenticated_at: facts
                .is_authentication_known()
                .then_some(facts.authenticated_at),
            acr: record
                .authentication()
                .and_then(|context| context.acr.map(Into::into)),
            area: area.map(|(policy, area)| AreaStatus {
                policy: policy.to_owned(),
                remaining_ms: as_millis(area.at - deadlines.now),
                warn_ms: as_millis(area.warn),
                extendable: area.extendable,
                ends_by: "step_up_required",
            }),
        }
    }
}

/// A status document, or a refusal if the session has ended meanwhile.
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
