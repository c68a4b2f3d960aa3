//! What tests of session timeouts need.
//!
//! - [`FaultyStore`]: a store around another one that fails, hangs or is slow
//!   as it is told to;
//! - [`Recorder`]: an observer that keeps every event;
//! - [`TestClient`]: a client with a cookie jar over any tower service.
//!
//! Time is driven by [`ManualClock`](dwell_core::ManualClock): no test sleeps.
//!
//! ```
//! use dwell_core::{EventKind, ManualClock, MemoryStore, PolicySet, SessionManager};
//! use dwell_core::{Presented, NewSession, SessionHandle, hours, minutes};
//! use dwell_testkit::Recorder;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let (clock, events) = (ManualClock::new(), Recorder::new());
//! let store = MemoryStore::with_clock(clock.clone());
//! let policies = PolicySet::simple(minutes(15), hours(8))?;
//! let manager = SessionManager::builder(store, policies)
//!     .observer(events.clone())
//!     .build();
//! let policies = manager.policies().current();
//! let request = SessionHandle::new(manager.clone(), policies, Presented::Nothing);
//! request.start(NewSession::new("alice")).await?;
//!
//! clock.advance(minutes(15));
//! manager.reap(100).await?;
//! assert_eq!(events.kinds(), [EventKind::SessionCreated, EventKind::SessionExpired]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod faulty;
mod recorder;

pub use client::{TestClient, TestResponse};
pub use faulty::FaultyStore;
pub use recorder::Recorder;
