//! The suite that every [`SessionStore`] must pass.
//!
//! [`store_conformance!`](crate::store_conformance) makes a `#[test]` of every
//! case. Cases are functions, one module per subject, each with a name that
//! is a claim: read them to learn what is asked of a store.
//!
//! # What a store under test needs
//!
//! - Every case gets **a store of its own**: empty, and nobody else at it. For
//!   a store behind a network that is a schema, a database number or a key
//!   prefix of its own.
//! - **A clock that stands still until it is moved.** Deadlines are tested to
//!   the millisecond, so no time may pass but what the suite lets pass. A
//!   store that takes a [`Clock`](dwell_core::Clock) gets a [`ManualClock`]: see
//!   [`OnManualClock`]. One that asks a server for the time needs a hook for
//!   tests, by which the time to judge by is told to it: implement
//!   [`DriveClock`] over that hook.
//! - Where there is no such hook, `own_clock` runs those cases that can do
//!   without. They say nothing of instants: not of the boundary, not of
//!   tombstones' lifetimes, not of reaping.
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
//! dwell_testkit::store_conformance!(memory_by_the_wall, own_clock, async || MemoryStore::new());
//! ```
//!
//! # What is left to a store
//!
//! - A deadline may be noticed by a reaping pass up to a second late, so that
//!   a schedule may go by whole seconds; never early.
//! - [`Reaped::more`](dwell_core::store::Reaped::more) may be `true` although
//!   nothing is left, as long as it becomes `false`.
//! - The longest pause may stop counting at 2³² − 1 ms, some 49 days.
//! - A subject with a zero byte may be refused with an error. It may not
//!   become another subject.
//!
//! A case fails by panicking. Run one alone with [`run`].

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a case that fails panics, as every test does"
)]

pub mod clock;
pub mod end;
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

/// A store that is put to the test. Every [`SessionStore`] is one.
pub trait StoreUnderTest: Send + Sync + 'static {
    /// The store.
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
/// // the hook by which that store is told the time.
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
/// conformance::run(connect, clock::the_stores_clock_moves_by_what_it_is_moved_and_no_more);
/// ```
pub trait DriveClock: StoreUnderTest {
    /// How long the store keeps the tombstone of a session of our own: at
    /// least a minute.
    fn tombstones(&self) -> Duration;

    /// Moves the store's clock forward.
    fn advance(&self, by: Duration) -> impl Future<Output = ()> + Send;
}

/// A store that judges by a [`ManualClock`].
pub struct OnManualClock<S> {
    store: S,
    clock: ManualClock,
    tombstones: Duration,
}

impl<S: SessionStore> OnManualClock<S> {
    /// A store, the clock that it was made with, and how long it keeps
    /// tombstones.
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

/// Runs one case on a runtime of its own, with several threads: races are
/// meant to happen.
///
/// ```
/// use dwell_memory::MemoryStore;
/// use dwell_testkit::conformance::{run, touch};
///
/// run(async || MemoryStore::new(), touch::l05_of_many_touches_at_once_the_latest_stays);
/// ```
///
/// # Panics
/// When the store fails the case.
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
