//! Demands a recent and strong enough authentication for a route.
//!
//! A request whose session's last authentication does not suffice is answered
//! with 401 `step_up_required` and a challenge (RFC 9470), or a redirect to
//! the re-authentication page. The session stays as it is: a refused step-up
//! neither touches it nor un-authenticates it.
//!
//! ```
//! use dwell_core::{AuthenticationRequirement, minutes};
//! use dwell_tower::step_up::StepUpLayer;
//!
//! // Signed in with a second factor, within the last five minutes.
//! let demand = AuthenticationRequirement::within(minutes(5)).with_amr(["mfa"]);
//! let layer = StepUpLayer::new(demand);
//! # let _ = layer;
//! ```

mod layer;

pub use layer::{StepUp, StepUpLayer};
