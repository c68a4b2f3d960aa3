//! Annotations for routes, which read like what they mean.

use dwell_core::Freshness;
use dwell_tower::activity::MarkLayer;
use dwell_tower::idle::PolicyLayer;
use dwell_tower::step_up::StepUpLayer;

/// Requests of this route are never activity: polls, background refreshes.
///
/// ```
/// use axum::{Router, routing::get};
/// use dwell_axum::passive;
///
/// let app: Router = Router::new().route("/notifications", get(|| async {}).layer(passive()));
/// ```
#[must_use]
pub const fn passive() -> MarkLayer {
    MarkLayer::passive()
}

/// Requests of this route are activity, also under a policy whose unmarked
/// requests are passive. Passive wins where a route has both.
#[must_use]
pub const fn active() -> MarkLayer {
    MarkLayer::active()
}

/// This route, or every route of this router, opts in to a named policy: the
/// limits tighten to it, and a session that exceeds them is refused.
///
/// ```
/// use axum::{Router, routing::get};
/// use dwell_axum::policy;
///
/// let admin: Router = Router::new().route("/users", get(|| async {})).layer(policy("admin"));
/// ```
#[must_use]
pub fn policy(name: &str) -> PolicyLayer {
    PolicyLayer::new(name)
}

/// This route demands a recent and strong enough authentication.
///
/// ```
/// use axum::{Router, routing::post};
/// use dwell_axum::{Freshness, minutes, privileged};
///
/// let five_minutes = privileged(Freshness::within(minutes(5)));
/// let app: Router = Router::new().route("/transfer", post(|| async {}).layer(five_minutes));
/// ```
#[must_use]
pub fn privileged(demand: Freshness) -> StepUpLayer {
    StepUpLayer::new(demand)
}
