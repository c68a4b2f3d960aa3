//! Enforces deadlines: decides whether the session is live. If it is not, the
//! request is anonymous and knows why, and whatever needs a session refuses it.
//!
//! [`IdleTimeoutLayer`] enforces idle timeout, absolute timeout and the identity
//! provider's limit on everything inside it. [`PolicyLayer`] puts a route or a
//! group of routes under a named policy: an area that asks for authentication
//! after a shorter pause or a shorter time. It never ends the session.
//!
//! A request with a session of another middleware that is over is refused at once:
//! the handlers may ask that middleware and not Dwell.
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
