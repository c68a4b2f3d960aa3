//! Finds the session, hands it inward, commits when the answer comes back.
//!
//! The outermost layer. For every request it
//!
//! 1. finds the session by its [`SessionSource`]: a cookie, a bearer token, or a
//!    session that another middleware owns. Several cookies of the same name
//!    are tried in turn; an unknown token never creates a session;
//! 2. puts the shared [`SessionState`](dwell_core::SessionState) into the
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
//! use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
//! use dwell_memory::MemoryStore;
//! use dwell_tower::session::{SessionCookie, SessionLayer, TokenSource};
//!
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let manager = SessionManager::builder(MemoryStore::new(), policies).build();
//! let cookie = SessionCookie::new().with_name("bank");
//! assert_eq!(cookie.name(), "__Host-bank");
//! let layer = SessionLayer::new(&manager).with_source(TokenSource::cookie_or_bearer(cookie));
//! # let _ = layer;
//! # Ok::<(), dwell_core::PolicyError>(())
//! ```

mod answer;
mod context;
mod find;
mod future;
mod guard;
mod layer;
mod parts;
mod service;
mod source;

pub use crate::cookie::SessionCookie;
pub use future::SessionFuture;
pub use layer::SessionLayer;
pub use service::SessionService;
pub use source::{
    AdoptedSource, Field, Found, GiveBack, SessionSource, SourceError, SourceFuture, TokenSource,
};
