//! Finds the session, hands it inward, commits when the answer comes back.
//!
//! The outermost layer. For every request it
//!
//! 1. finds the session by its [`Source`]: a cookie, a bearer token, or a
//!    session that another middleware owns. Several cookies of the same name
//!    are tried in turn; an unknown token never creates a session;
//! 2. puts the shared [`SessionHandle`](dwell_core::SessionHandle) into the
//!    request's extensions;
//! 3. reads it back when the inner service has answered: records the touch
//!    that the request earned, ends what has run out, issues or removes the
//!    cookie, tells the client the time left in `Session-Timeout`.
//!
//! When the client leaves before there is an answer, a guard hands the touch
//! over (law L5). When no layer has written a verdict by the time the answer
//! is there, the answer is replaced by 500 (law L16): a stack without its
//! enforcer fails its first request.

mod commit;
mod cookie;
mod future;
mod layer;
mod resolve;
mod source;

pub use self::cookie::SessionCookie;
pub use future::SessionFuture;
pub use layer::{SessionLayer, SessionService};
pub use source::Source;
