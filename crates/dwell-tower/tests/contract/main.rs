//! What the layers owe to tower, and what happens when the store, the inner
//! service or the wiring fails.

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
mod order;
mod outage;
mod panics;
mod readiness;
mod reaper;
mod reaper_faults;
mod touches;
