//! A near cache conforms to the store's contract.

use dwell_core::{ManualClock, hours};
use dwell_memory::MemoryStore;
use dwell_testkit::conformance::OnManualClock;
use dwell_testkit::{FaultyStore, store_conformance};
use dwell_tower::NearCache;

use crate::support::SharedStore;

store_conformance!(suite, async || {
    let clock = ManualClock::new();
    let memory = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
    let shared = SharedStore::new(FaultyStore::new(memory)).with_pulse();
    let cache = NearCache::new(shared).with_clock(clock.clone());
    OnManualClock::new(cache, clock, hours(1))
});
