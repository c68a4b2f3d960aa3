//! The engine of Dwell: how long a session may dwell, decided on the server.
//!
//! This crate knows no HTTP, no runtime and no I/O. Applications use it
//! through `dwell-axum`, other services through `dwell-tower`; whoever writes
//! a store, a sink for events or a layer of their own needs this crate alone.
//!
//! | part | is |
//! |---|---|
//! | [`Facts`] | what is known of a session: timestamps, policy, network |
//! | [`PolicySet`] | the limits in force, from code or from TOML |
//! | [`engine`] | the decisions: pure functions of facts, limits and now |
//! | [`classify`] | what counts as activity |
//! | [`store::SessionStore`] | keeps facts and changes them narrowly; `dwell-memory` does it on one node |
//! | [`SessionManager`] | store, policies and observers together |
//! | [`SessionHandle`] | one request's session state, shared by all layers |
//! | [`Event`], [`Observer`] | what happened, for those who watch |
//! | [`Clock`] | where time comes from; [`ManualClock`] for tests |
//!
//! A deadline is an instant at which it is already too late. Durations are
//! [`Duration`](std::time::Duration)s, and all arithmetic on instants
//! saturates.
//!
//! # A session, without a web framework
//!
//! ```
//! use dwell_core::{
//!     Admission, ManualClock, NewSession, PolicySet, Resolved, SessionHandle, SessionManager,
//!     Timeouts, hours, minutes,
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
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?; // idle, absolute
//! let manager = SessionManager::builder(store, policies).build();
//!
//! // What the session layer does for a request without a session.
//! let policies = manager.policies().current();
//! let request = SessionHandle::new(manager.clone(), policies, Resolved::Nothing);
//! assert_eq!(request.decide(), Admission::Anonymous);
//! request.start(NewSession::new("alice")).await?;
//!
//! // Nobody comes again: the session ends all the same, and is reported.
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
//! - `policy-file` (default): read policies from TOML.
//! - `tracing` (default): `TracingObserver`, which writes every event as a
//!   `tracing` event.

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
pub use manager::{AdoptedSession, EndHook, Selection, SessionManager, SessionManagerBuilder};
pub use policy::*;
pub use request::*;
pub use session::*;
pub use time::{Timestamp, as_millis, hours, minutes, seconds};
