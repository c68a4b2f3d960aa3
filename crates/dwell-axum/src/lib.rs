//! Session timeouts for axum.

mod endpoints;
mod error;
mod extract;
mod problem;
mod route;
mod same_origin;
mod stack;
mod status;

pub use dwell_core::*;
pub use dwell_tower::{SessionTimeoutLayer, safe_return_to};
pub use {dwell_core, dwell_tower};

pub use endpoints::{session_endpoints, session_endpoints_at};
pub use error::SessionError;
pub use extract::{LoginSession, Session, SessionRejection};
pub use route::{active, passive, policy, privileged};
pub use stack::session_timeout;
pub use status::StatusDocument;
