//! The layers as tower services, faults of the store, the inner service and the
//! wiring, custom session sources, and what copies of a shared store may answer.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says so when it fails"
)]

mod support;

mod adopted;
mod adopted_proofs;
mod auto_traits;
mod composition;
mod dropped;
mod edges;
mod errors;
mod in_flight;
mod log;
mod miswired;
mod near_cache;
mod order;
mod outage;
mod panics;
mod readiness;
mod reaper;
mod reaper_faults;
mod rides;
mod source_linked;
mod source_sealed;
mod touches;
mod unreadable;
mod unrecorded;
