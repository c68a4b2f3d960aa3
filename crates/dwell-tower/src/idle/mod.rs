//! Enforces the deadlines: decides, writes the verdict, refuses.
//!
//! [`IdleTimeoutLayer`] enforces idle and absolute timeouts and the identity
//! provider's limit on everything inside it. [`PolicyLayer`] tightens the
//! limits for a route or a group of routes by a named policy, and decides
//! again.
//!
//! A session that has run out by a route's stricter policy ends there (law
//! L1). One that was left alone too long for the route, but was used
//! elsewhere since, is asked to authenticate again: activity elsewhere does
//! not buy back a stricter route.
//!
//! ```
//! use dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer, SessionRequirement};
//!
//! // Everything inside needs a session, but for the login page and assets.
//! let enforce = IdleTimeoutLayer::new()
//!     .with_requirement(SessionRequirement::Required)
//!     .add_exempt_path("/login")
//!     .add_exempt_path("/static/");
//! // Stands around the routes of the admin area, inside of the former.
//! let admin = PolicyLayer::new("admin");
//! # let _ = (enforce, admin);
//! ```

mod layer;
mod policy;

pub use layer::{IdleTimeout, IdleTimeoutLayer, SessionRequirement};
pub use policy::{PolicyLayer, PolicyService};
