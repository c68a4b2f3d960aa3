//! The policy that a page names to the session endpoints: `?policy=admin`.

use axum::extract::{FromRequestParts, Query};
use axum::response::Response;
use dwell_core::engine::AreaDeadline;
use dwell_core::{NetworkMatch, PolicySet, SessionRecord};
use dwell_tower::rejection::session_state;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;

use crate::problem::problem_details;

/// The routes under a policy, whose time the caller asks for besides the session's.
#[derive(Clone)]
pub(crate) struct Area {
    policy: Option<String>,
    /// Where the caller is.
    network: NetworkMatch,
}

#[derive(Deserialize)]
struct Asked {
    policy: Option<String>,
}

impl Area {
    /// Returns the policy's name, and until when it admits the session. `None` if
    /// the caller asks for no policy, or if a reload has removed it.
    pub(crate) fn deadline(
        &self,
        policies: &PolicySet,
        record: &SessionRecord,
    ) -> Option<(&str, AreaDeadline)> {
        let name = self.policy.as_deref()?;
        let deadline = AreaDeadline::of(policies, name, &record.facts, self.network)?;
        Some((name, deadline))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Area {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let asked = Query::<Asked>::try_from_uri(&parts.uri);
        let state = session_state(parts).map_err(|response| response.map(Into::into))?;
        let (policies, network) = (state.policies(), state.network());
        match asked {
            Ok(Query(Asked { policy }))
                if policy.as_ref().is_none_or(|p| policies.policy(p).is_some()) =>
            {
                Ok(Self { policy, network })
            }
            _ => Err(problem_details(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown_policy",
            )),
        }
    }
}
