//! The store in memory passes the suite: on a manual clock, on the system's
//! clock, and behind a store that adds waiting.

use dwell_core::store::SessionStore;
use dwell_core::{ManualClock, hours};
use dwell_memory::MemoryStore;
use dwell_testkit::conformance::OnManualClock;
use dwell_testkit::{FaultyStore, store_conformance};

/// The store that `wrap` makes of a store in memory.
fn driven<S: SessionStore>(wrap: impl FnOnce(MemoryStore) -> S) -> OnManualClock<S> {
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
    OnManualClock::new(wrap(store), clock, hours(1))
}

store_conformance!(memory, async || driven(|store| store));
store_conformance!(
    memory_on_system_clock,
    own_clock,
    async || MemoryStore::new()
);
store_conformance!(behind_faulty_store, async || driven(FaultyStore::new));
store_conformance!(behind_failing_store, outage, async || FaultyStore::new(
    MemoryStore::new()
));
