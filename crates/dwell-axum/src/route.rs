//! Annotations for routes.
//!
//! Combine several as a tuple:
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
//! With axum's [`Handler`](axum::handler::Handler) they go on a handler as well.
//! That saves axum an inner route, and so an allocation per request.
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
use dwell_tower::activity::{MarkLayer, RefreshLayer};
use dwell_tower::idle::PolicyLayer;
use dwell_tower::step_up::StepUpLayer;

/// Marks a route as passive: its requests are never activity. For polls and
/// background refreshes.
///
/// The route still needs a live session, and its answers carry the time left.
/// However often it is called, the idle deadline stays. No request can declare
/// itself active here.
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

/// Marks a route that refreshes tokens: its requests are never activity, and need a
/// live session whatever the handler asks for. So who has idled too long, or has
/// reached the absolute timeout, gets no token, however often a page asks.
///
/// Clamp what the handler issues: [`Session::clamp_expiry`](crate::Session::clamp_expiry).
///
/// ```
/// use axum::{Router, routing::post};
/// use dwell_axum::{Session, token_refresh};
///
/// async fn refresh(session: Session) -> String {
///     // … check the refresh token, replace it, and issue an access token:
///     format!("tokens for {}", session.subject())
/// }
///
/// let app: Router = Router::new().route("/refresh", post(refresh).layer(token_refresh()));
/// # let _ = app;
/// ```
#[must_use]
pub const fn token_refresh() -> RefreshLayer {
    RefreshLayer::new()
}

/// Marks a route as active: its requests are activity, also under a policy whose
/// unmarked requests are passive ([`Unmarked::Passive`](crate::Unmarked)). On a
/// route with both marks, passive wins.
///
/// A single request can still not count: one that declares itself passive, a
/// prefetch, a subresource of another site, or one answered with 401, 403, 429
/// or 5xx.
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
/// // Under these policies only marked routes count.
/// let app: Router = Router::new().route("/draft", post(|| async {}).layer(active()));
/// # let _ = (policies, app);
/// # Ok::<(), dwell_axum::PolicyError>(())
/// ```
#[must_use]
pub const fn active() -> MarkLayer {
    MarkLayer::active()
}

/// Puts a route or router under a named policy: an area that asks for
/// authentication more often than the rest. It never ends the session.
///
/// | case | answer |
/// |---|---|
/// | since its subject last authenticated, the session had a pause as long as the policy's idle timeout | 401 `step_up_required`: activity elsewhere does not open the area |
/// | that authentication is as old as the policy's absolute timeout | 401 `step_up_required` |
/// | there is no live session | the request passes; the handler asks for a session if it needs one |
/// | no policy has this name | 500 |
///
/// Several policies on one route combine by minimum. To *end* an administrator's
/// session after ten minutes, start it under that policy:
/// [`NewSession::with_policy`](crate::NewSession::with_policy).
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

/// Requires a live session whose authentication is recent and strong enough.
///
/// The age counts from the last authentication, and use does not extend it. An
/// authentication of exactly the given age is too old. A request that does not
/// meet the requirement is answered with 401 `step_up_required` and a challenge
/// (RFC 9470), or redirected to the re-authentication page. The session itself
/// does not change. [`LoginSession::reauthenticated`](crate::LoginSession::reauthenticated)
/// meets the requirement.
///
/// ```
/// use axum::{Router, routing::post};
/// use dwell_axum::{AuthenticationRequirement, minutes, privileged};
///
/// let recent = privileged(AuthenticationRequirement::within(minutes(5)));
/// let strong = privileged(AuthenticationRequirement::within(minutes(5)).with_acr(["aal2", "aal3"]));
/// // As recent as the policy in force requires with `reauthenticate`.
/// let by_policy = privileged(AuthenticationRequirement::by_policy());
/// let app: Router = Router::new()
///     .route("/transfer", post(|| async {}).layer(recent))
///     .route("/limits", post(|| async {}).layer(strong))
///     .route("/address", post(|| async {}).layer(by_policy));
/// # let _ = app;
/// ```
#[must_use]
pub fn privileged(requirement: AuthenticationRequirement) -> StepUpLayer {
    StepUpLayer::new(requirement)
}
