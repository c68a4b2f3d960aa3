//! Annotations for routes, which read like what they mean.
//!
//! Several go together as a tuple:
//!
//! ```
//! use axum::{Router, routing::post};
//! use dwell_axum::{AuthenticationRequirement, minutes, policy, privileged};
//!
//! let recent = privileged(AuthenticationRequirement::within(minutes(5)));
//! let revoke = post(async || "revoked").layer((policy("admin"), recent));
//! let admin: Router = Router::new().route("/revoke", revoke);
//! # let _ = admin;
//! ```
//!
//! They go on a handler as well, by axum's
//! [`Handler`](axum::handler::Handler): there they cost a request 500
//! instructions and an allocation less, since axum makes no route of them.
//!
//! ```
//! use axum::handler::Handler;
//! use axum::{Router, routing::get};
//! use dwell_axum::passive;
//!
//! async fn unread() -> &'static str {
//!     "3"
//! }
//!
//! let app: Router = Router::new().route("/unread", get(unread.layer(passive())));
//! # let _ = app;
//! ```

use dwell_core::AuthenticationRequirement;
use dwell_tower::activity::MarkLayer;
use dwell_tower::idle::PolicyLayer;
use dwell_tower::step_up::StepUpLayer;

/// Requests of this route are never activity: polls, background refreshes.
///
/// They need a live session like all others, and are told the time left, but
/// can be sent for ever without moving the idle deadline. No request can
/// declare itself active here.
///
/// ```
/// use axum::{Router, routing::get};
/// use dwell_axum::passive;
///
/// let app: Router = Router::new().route("/notifications", get(|| async {}).layer(passive()));
/// # let _ = app;
/// ```
#[must_use]
pub const fn passive() -> MarkLayer {
    MarkLayer::passive()
}

/// Requests of this route are activity, also under a policy whose unmarked
/// requests are passive ([`Unmarked::Passive`](crate::Unmarked)). Passive
/// wins where a route has both.
///
/// What a single request shows still weakens it: one that declares itself
/// passive, a prefetch, a subresource of another site, and one that is
/// answered 401, 403, 429 or 5xx is no activity.
///
/// ```
/// use axum::{Router, routing::post};
/// use dwell_axum::{Policy, PolicySet, Unmarked, active, hours, minutes};
///
/// let strict = Policy::named("default")
///     .idle(minutes(15))
///     .absolute(hours(8))
///     .unmarked(Unmarked::Passive);
/// let policies = PolicySet::builder(strict).build()?;
/// // Under these policies nothing else counts.
/// let app: Router = Router::new().route("/draft", post(|| async {}).layer(active()));
/// # let _ = (policies, app);
/// # Ok::<(), dwell_axum::PolicyError>(())
/// ```
#[must_use]
pub const fn active() -> MarkLayer {
    MarkLayer::active()
}

/// This route, or every route of this router, opts in to a named policy: for
/// its requests the limits tighten to the policy's, and never loosen.
///
/// - A session that has run out by them ends here: 401 `idle_timeout` or
///   `absolute_timeout`.
/// - One that was left alone for longer than the policy's idle timeout since
///   its subject last authenticated, but was used elsewhere meanwhile, is
///   asked to authenticate again: 401 `step_up_required`. Activity elsewhere
///   does not buy back a stricter route.
/// - A request without a session goes on; the route asks for one itself.
/// - While no policy has this name, requests are answered 500.
///
/// ```
/// use axum::{Router, routing::get};
/// use dwell_axum::{Policy, PolicySet, hours, minutes, policy};
///
/// let default = Policy::named("default").idle(minutes(15)).absolute(hours(8));
/// let policies = PolicySet::builder(default)
///     .policy(Policy::named("admin").idle(minutes(5)).absolute(hours(1)))
///     .build()?;
/// let admin: Router = Router::new().route("/users", get(|| async {})).layer(policy("admin"));
/// let app: Router = Router::new().nest("/admin", admin);
/// # let _ = (policies, app);
/// # Ok::<(), dwell_axum::PolicyError>(())
/// ```
#[must_use]
pub fn policy(name: &str) -> PolicyLayer {
    PolicyLayer::new(name)
}

/// This route demands a live session whose authentication is recent and
/// strong enough.
///
/// The age is counted from the last authentication and not slid by use; at
/// exactly the age that is given it is too old. A request that does not meet
/// the demand is answered 401 `step_up_required` with a challenge (RFC 9470),
/// or sent to the re-authentication page, and the session stays as it was.
/// [`LoginSession::reauthenticated`](crate::LoginSession::reauthenticated)
/// meets the demand.
///
/// ```
/// use axum::{Router, routing::post};
/// use dwell_axum::{AuthenticationRequirement, minutes, privileged};
///
/// let recent = privileged(AuthenticationRequirement::within(minutes(5)));
/// let strong = privileged(AuthenticationRequirement::within(minutes(5)).with_acr(["aal2", "aal3"]));
/// // As recent as the policy in force wants it: its `reauthenticate`.
/// let by_policy = privileged(AuthenticationRequirement::by_policy());
/// let app: Router = Router::new()
///     .route("/transfer", post(|| async {}).layer(recent))
///     .route("/limits", post(|| async {}).layer(strong))
///     .route("/address", post(|| async {}).layer(by_policy));
/// # let _ = app;
/// ```
#[must_use]
pub fn privileged(demand: AuthenticationRequirement) -> StepUpLayer {
    StepUpLayer::new(demand)
}
