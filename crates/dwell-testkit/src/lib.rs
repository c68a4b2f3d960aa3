//! Helpers for tests of session timeouts.
//!
//! | item | purpose |
//! |---|---|
//! | [`TestClient`] | a client with a cookie jar, over any tower service |
//! | [`Recorder`] | an observer that keeps every event |
//! | [`FaultyStore`] | a store around another one that fails, hangs or is slow on demand |
//! | [`conformance`] | the suite that every store must pass |
//!
//! # Time
//!
//! Tests need not sleep: give the store a
//! [`ManualClock`](dwell_core::ManualClock) and move it.
//!
//! ```
//! use dwell_core::{EndReason, EventKind, ManualClock, PolicySet, Timeouts, SessionManager};
//! use dwell_memory::MemoryStore;
//! use dwell_core::{NewSession, Resolved, SessionState, hours, minutes};
//! use dwell_testkit::Recorder;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let (clock, events) = (ManualClock::new(), Recorder::new());
//! let store = MemoryStore::with_clock(clock.clone());
//! let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
//! let manager = SessionManager::builder(store, policies)
//!     .observer(events.clone())
//!     .build();
//! let policies = manager.policies().current();
//! let request = SessionState::new(manager.clone(), policies, Resolved::Nothing);
//! request.start(NewSession::new("alice")).await?;
//!
//! clock.advance(minutes(15));
//! manager.reap(100).await?;
//! assert_eq!(events.kinds(), [EventKind::SessionCreated, EventKind::SessionExpired]);
//! assert_eq!(events.ends(), [EndReason::IdleTimeout]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A store of your own
//!
//! [`store_conformance!`] makes a `#[test]` of every case of the suite. It
//! takes the name of a module, and an async function that creates an empty store
//! for each case:
//!
//! ```
//! # fn main() {}
//! use dwell_core::{ManualClock, hours};
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::OnManualClock;
//!
//! dwell_testkit::store_conformance!(my_store, async || {
//!     let clock = ManualClock::new();
//!     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
//!     OnManualClock::new(store, clock, hours(1))
//! });
//! ```
//!
//! A store that takes no [`Clock`](dwell_core::Clock) implements
//! [`conformance::DriveClock`]. To run a single case:
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{end, run};
//!
//! run(async || MemoryStore::new(), end::l12_one_of_many_concurrent_ends_wins);
//! ```
//!
//! # A store that is away
//!
//! With [`FaultyStore`] a test sees how a service behaves while its store does
//! not answer, and that sessions are unchanged afterwards:
//!
//! ```
//! use dwell_core::store::SessionStore;
//! use dwell_core::SubjectId;
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::FaultyStore;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let store = FaultyStore::new(MemoryStore::new());
//! let alice = SubjectId::from("alice");
//! store.fail();
//! assert!(store.list(alice.clone()).await.is_err());
//! store.heal();
//! assert!(store.list(alice).await.is_ok_and(|sessions| sessions.is_empty()));
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # A client with cookies
//!
//! [`TestClient`] sends requests to a service in the same process. It keeps the
//! cookies that answers set, and drops those that answers remove:
//!
//! ```
//! use bytes::Bytes;
//! use dwell_testkit::TestClient;
//! use http::{Request, Response};
//! use http_body_util::Full;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let service = tower::service_fn(async |request: Request<Full<Bytes>>| {
//!     let cookie = match request.uri().path() {
//!         "/login" => "session=secret; Path=/",
//!         _ => "session=; Path=/; Max-Age=0",
//!     };
//!     Response::builder().header("set-cookie", cookie).body(Full::<Bytes>::default())
//! });
//! let mut client = TestClient::new(service);
//! client.get("/login").await;
//! assert_eq!(client.cookie("session"), Some("secret"));
//! client.post("/logout", "{}").await;
//! assert_eq!(client.cookie("session"), None);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod client;
pub mod conformance;
mod faulty;
mod recorder;

pub use client::{TestClient, TestResponse};
pub use faulty::FaultyStore;
pub use recorder::Recorder;
