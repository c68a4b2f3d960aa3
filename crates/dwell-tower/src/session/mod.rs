//! Finds each request's session, and records what the request did.
//!
//! [`SessionLayer`] is the outermost layer. For every request it
//!
//! 1. finds the session by a [`SessionSource`];
//! 2. puts the [`SessionState`](dwell_core::SessionState) into the request's
//!    extensions;
//! 3. when the inner service has answered, records the touch that the request
//!    earned, ends a session that has run out, issues or removes the cookie, and
//!    writes the time left to `Session-Timeout`.
//!
//! | source | finds sessions by |
//! |---|---|
//! | [`TokenSource`] | Dwell's token in a cookie, in `Authorization: Bearer`, or in either |
//! | [`AdoptedSource`] | what another middleware has proved, such as a verified JWT |
//! | [`LinkedSource`] | Dwell's token in the data of a session that another middleware owns, such as tower-sessions |
//! | [your own](SessionSource#a-custom-source) | anything else, such as a header field |
//!
//! Several cookies of the same name are tried in turn. An unknown token never
//! creates a session.
//!
//! If the client leaves before there is an answer, the request still counts as
//! activity (law L5). If no layer inside has decided about the session by the
//! time of the answer, the answer becomes 500 (law L16): a stack that enforces
//! nothing fails with its first request.
//!
//! Sessions for browsers and for programs:
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
mod cache;
mod context;
mod cookie_probe;
mod find;
mod future;
mod guard;
mod layer;
mod long;
mod parts;
mod service;
mod source;

pub use crate::cookie::SessionCookie;
pub use cookie_probe::CookieProbe;
pub use future::SessionFuture;
pub use layer::SessionLayer;
pub use service::SessionService;
pub use source::{
    AdoptedSource, Field, Found, GiveBack, LinkedSource, SessionOwner, SessionSource, SourceError,
    SourceFuture, TokenSource,
};
