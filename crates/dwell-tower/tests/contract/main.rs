//! What the layers owe to tower, and what happens when the store, the inner
//! service or the wiring fails; and what copies of a shared store may answer.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says so when it fails"
)]

mod support;

mod auto_traits;
mod composition;
mod dropped;
mod errors;
mod foreign;
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
mod touches;
