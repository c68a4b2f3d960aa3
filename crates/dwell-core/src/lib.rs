//! The engine of Dwell: decides on the server how long a session lives.
//!
//! This crate knows no HTTP, no runtime and no I/O. Applications use it
//! through `dwell-axum` or `dwell-tower`. Use it directly to write a store, an
//! observer of events, or a layer.
//!
//! | item | purpose |
//! |---|---|
//! | [`PolicySet`], [`LivePolicies`] | the limits, from code or from TOML, and how to reload them |
//! | [`SessionManager`] | store, policies and observers together |
//! | [`SessionHandle`] | one request's session, for its handler |
//! | [`SessionState`] | the same session, for layers |
//! | [`Event`], [`Observer`] | what happened |
//! | [`store::SessionStore`] | keeps sessions; `dwell-memory` is one for a single node |
//! | [`SessionRecord`], [`Facts`] | what a store keeps of a session |
//! | [`engine`] | the decisions: pure functions of facts, limits and the time |
//! | [`Clock`] | tells the time; [`ManualClock`] for tests |
//!
//! At a deadline the session is already over. Durations are
//! [`Duration`](std::time::Duration)s, and all arithmetic on instants
//! saturates.
//!
//! # A session, without a web framework
//!
//! ```
//! use dwell_core::{
//!     ManualClock, NewSession, PolicySet, Resolved, SessionManager, SessionState, Timeouts,
//!     Verdict, hours, minutes,
//! };
//! use dwell_memory::MemoryStore;
//!
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     match std::pin::pin!(future).poll(&mut context) {
//! #         std::task::Poll::Ready(value) => value,
//! #         std::task::Poll::Pending => unreachable!("a store in memory answers at once"),
//! #     }
//! # }
//! # block_on(async {
//! let clock = ManualClock::new();
//! let store = MemoryStore::with_clock(clock.clone());
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let manager = SessionManager::builder(store, policies).build();
//!
//! // What the session layer does for a request without a session.
//! let policies = manager.policies().current();
//! let request = SessionState::new(manager.clone(), policies, Resolved::Nothing);
//! assert_eq!(request.decide(), Verdict::Anonymous);
//! request.start(NewSession::new("alice")).await?;
//!
//! // No request comes any more: the reaper ends the session and reports it.
//! clock.advance(minutes(15));
//! manager.reap(1_000).await?;
//! assert!(manager.list(&"alice".into()).await?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! - `policy-file` (default): reads policies from TOML.
//! - `tracing` (default): adds `TracingObserver`, which writes every event as
//!   a `tracing` event, and the crate's own log lines.

#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
pub mod engine;
mod event;
mod manager;
mod policy;
mod request;
mod session;
pub mod store;
mod sync;
mod time;

pub use clock::{Clock, ManualClock, SystemClock};
pub use engine::{
    Activity, Deadlines, Declaration, Evidence, Fetch, Outcome, RequestEvidence, RouteMark,
    SessionOver, Verdict, classify,
};
#[cfg(feature = "tracing")]
pub use event::TracingObserver;
pub use event::{Event, EventKind, Observer, RequestContext};
pub use manager::{
    AdoptedSession, EndHook, OwnerEnd, Selection, SessionManager, SessionManagerBuilder, Spawn,
};
pub use policy::*;
pub use request::*;
pub use session::*;
pub use time::{Timestamp, as_millis, hours, minutes, seconds};
