//! Demands a recent and strong enough authentication for a route.
//!
//! If the session's last authentication does not suffice, the answer is 401
//! `step_up_required` with a challenge (RFC 9470 §3), or a redirect to the
//! re-authentication page. The refusal does not change the session. When the
//! user has authenticated again, call
//! [`reauthenticated`](dwell_core::SessionHandle::reauthenticated).
//!
//! ```
//! use dwell_core::{AuthenticationRequirement, minutes};
//! use dwell_tower::step_up::StepUpLayer;
//!
//! // Signed in with a second factor, within the last five minutes.
//! let requirement = AuthenticationRequirement::within(minutes(5)).with_amr(["mfa"]);
//! let layer = StepUpLayer::new(requirement);
//! # let _ = layer;
//! ```

mod layer;

pub use layer::{StepUp, StepUpLayer};
