//! Enforces deadlines: decides whether the session is live, and refuses the
//! request if it is not.
//!
//! [`IdleTimeoutLayer`] enforces idle timeout, absolute timeout and the identity
//! provider's limit on everything inside it. [`PolicyLayer`] tightens the limits
//! for a route or a group of routes by a named policy.
//!
//! A session that has run out by a route's stricter policy ends there (law L1).
//! If it was idle too long for the route but was used elsewhere since, the user
//! has to authenticate again: activity elsewhere does not reopen a stricter
//! route.
//!
//! ```
//! use dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer, SessionRequirement};
//!
//! // Everything inside needs a session, except the login page and assets.
//! let enforce = IdleTimeoutLayer::new()
//!     .with_requirement(SessionRequirement::Required)
//!     .add_exempt_path("/login")
//!     .add_exempt_path("/static/");
//! // Goes around the routes of the admin area, inside the other layer.
//! let admin = PolicyLayer::new("admin");
//! # let _ = (enforce, admin);
//! ```

mod layer;
mod policy;

pub use layer::{IdleTimeout, IdleTimeoutLayer, SessionRequirement};
pub use policy::{PolicyLayer, PolicyService};
