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
//!
//! Sessions of our own, for browsers and for programs:
//!
//! ```
//! use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
//! use dwell_memory::MemoryStore;
//! use dwell_tower::session::{SessionCookie, SessionLayer, Source};
//!
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let manager = SessionManager::builder(MemoryStore::new(), policies).build();
//! let cookie = SessionCookie::new().with_name("bank");
//! assert_eq!(cookie.name(), "__Host-bank");
//! let layer = SessionLayer::new(&manager).with_source(Source::cookie_or_bearer(cookie));
//! # let _ = layer;
//! # Ok::<(), dwell_core::PolicyError>(())
//! ```
//!
//! Sessions of another middleware, which left the claims of a token that it
//! has verified:
//!
//! ```
//! use dwell_core::{AdoptedSession, Timestamp};
//! use dwell_tower::session::Source;
//!
//! #[derive(Clone)]
//! struct Claims {
//!     sid: String,
//!     sub: String,
//!     iat: u64,
//! }
//!
//! let source = Source::foreign(|extensions, _headers| {
//!     let claims = extensions.get::<Claims>()?;
//!     let issued_at = Timestamp::from_millis(claims.iat.saturating_mul(1_000));
//!     let session = AdoptedSession::new(&claims.sid, claims.sub.as_str());
//!     Some(session.with_issued_at(issued_at))
//! });
//! # let _ = source;
//! ```

mod commit;
mod future;
mod guard;
mod layer;
mod resolve;
mod source;

pub use crate::cookie::SessionCookie;
pub use future::SessionFuture;
pub use layer::{SessionLayer, SessionService};
pub use source::Source;
