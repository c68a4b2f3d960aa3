//! The suite that every [`SessionStore`] must pass.
//!
//! [`store_conformance!`](crate::store_conformance) makes a `#[test]` of every
//! case. Cases are functions in one module per subject. The name of each states
//! what it requires of a store.
//!
//! # What a store under test needs
//!
//! - **A separate, empty store for every case**, which nothing else uses. For a
//!   store behind a network that is a separate schema, database number or key
//!   prefix.
//! - **A clock that stands still until it is moved.** Deadlines are tested to
//!   the millisecond. A store that takes a [`Clock`](dwell_core::Clock) gets a
//!   [`ManualClock`]: see [`OnManualClock`]. A store that asks a server for the
//!   time needs a hook that sets the time in tests: implement [`DriveClock`]
//!   with that hook.
//! - Without such a hook, use `own_clock`. It runs the cases that move no clock,
//!   and so tests neither exact deadlines, nor the lifetime of tombstones, nor
//!   reaping.
//!
//! ```
//! # fn main() {}
//! use dwell_core::{ManualClock, hours};
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::OnManualClock;
//!
//! dwell_testkit::store_conformance!(memory, async || {
//!     let clock = ManualClock::new();
//!     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
//!     OnManualClock::new(store, clock, hours(1))
//! });
//! // The same store on the system's clock.
//! dwell_testkit::store_conformance!(memory_on_system_clock, own_clock, async || MemoryStore::new());
//! ```
//!
//! # What a store may do
//!
//! - A reaping pass may notice a deadline up to a second late, never early, so
//!   that a schedule may use whole seconds.
//! - [`Reaped::more`](dwell_core::store::Reaped::more) may be `true` although
//!   nothing more is due, as long as it becomes `false` in the end.
//! - The longest pause may stop counting at 2³² − 1 ms, some 49 days.
//! - A subject with a zero byte may be refused with an error. It must not become
//!   another subject.
//!
//! A case fails by panicking. Run a single case with [`run`].

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a case that fails panics, as every test does"
)]

pub mod adopted;
pub mod clock;
pub mod end;
pub mod failures;
mod fixture;
mod in_one;
pub mod keeping;
pub mod limit;
mod list;
pub mod locking;
pub mod newer;
pub mod open_part;
pub mod outage;
pub mod outliving;
pub mod reapers;
pub mod reaping;
pub mod records;
pub mod retried_touch;
pub mod subjects;
pub mod together;
pub mod tombstones;
pub mod touch;
pub mod update;

use std::fmt;
use std::time::Duration;

#[doc(hidden)]
pub use in_one::InOne;

use dwell_core::ManualClock;
use dwell_core::store::SessionStore;

/// A store under test. Every [`SessionStore`] is one.
pub trait StoreUnderTest: Send + Sync + 'static {
    /// Returns the store.
    fn store(&self) -> &dyn SessionStore;
}

impl<S: SessionStore> StoreUnderTest for S {
    fn store(&self) -> &dyn SessionStore {
        self
    }
}

/// A store under test whose clock stands still until it is moved.
///
/// ```
/// use std::time::Duration;
///
/// use dwell_core::store::SessionStore;
/// use dwell_core::{ManualClock, minutes};
/// use dwell_memory::MemoryStore;
/// use dwell_testkit::conformance::{self, DriveClock, StoreUnderTest, clock};
///
/// // `MemoryStore` stands here for a store behind a network, and the clock for
/// // the hook that sets its time.
/// struct Remote {
///     store: MemoryStore,
///     hook: ManualClock,
/// }
///
/// impl StoreUnderTest for Remote {
///     fn store(&self) -> &dyn SessionStore {
///         &self.store
///     }
/// }
///
/// impl DriveClock for Remote {
///     fn tombstones(&self) -> Duration {
///         minutes(30)
///     }
///
///     async fn advance(&self, by: Duration) {
///         // UPDATE test_clock SET now = now + $1
///         self.hook.advance(by);
///     }
/// }
///
/// async fn connect() -> Remote {
///     let hook = ManualClock::new();
///     let store = MemoryStore::with_clock_and_tombstones(hook.clone(), minutes(30));
///     Remote { store, hook }
/// }
///
/// conformance::run(connect, clock::store_clock_moves_only_when_moved);
/// ```
pub trait DriveClock: StoreUnderTest {
    /// Returns how long the store keeps the tombstone of a session that is not
    /// adopted. At least a minute.
    fn tombstones(&self) -> Duration;

    /// Moves the store's clock forward.
    fn advance(&self, by: Duration) -> impl Future<Output = ()> + Send;
}

/// A store on a [`ManualClock`].
pub struct OnManualClock<S> {
    store: S,
    clock: ManualClock,
    tombstones: Duration,
}

impl<S: SessionStore> OnManualClock<S> {
    /// Combines a store with the clock that it was created with, and how long
    /// it keeps tombstones.
    #[must_use]
    pub fn new(store: S, clock: ManualClock, tombstones: Duration) -> Self {
        Self {
            store,
            clock,
            tombstones,
        }
    }
}

impl<S: SessionStore> StoreUnderTest for OnManualClock<S> {
    fn store(&self) -> &dyn SessionStore {
        &self.store
    }
}

impl<S: SessionStore> DriveClock for OnManualClock<S> {
    fn tombstones(&self) -> Duration {
        self.tombstones
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl<S: fmt::Debug> fmt::Debug for OnManualClock<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnManualClock")
            .field("store", &self.store)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// Runs one case on a new runtime with four threads, so that races can happen.
///
/// ```
/// use dwell_memory::MemoryStore;
/// use dwell_testkit::conformance::{run, touch};
///
/// run(async || MemoryStore::new(), touch::l05_latest_of_concurrent_touches_stays);
/// ```
///
/// # Panics
/// If the store fails the case.
pub fn run<T>(make: impl AsyncFnOnce() -> T, case: impl AsyncFnOnce(T)) {
    runtime().block_on(async { case(make().await).await });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("the system has threads")
}
