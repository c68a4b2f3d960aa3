//! Connections that stay open end with their session (law L14): streamed
//! bodies, and everything else that holds a lifeline.
//!
//! Tokio's clock is paused and moves when there is nothing to do; the store's
//! clock goes with it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says so when it fails"
)]

mod support;

mod bodies;
mod deadline;
mod ends;
mod gone;
mod in_flight;
mod lifeline;
mod near;
mod outage;
mod policies;
mod ready;
mod recorder;
mod shared;
mod threads;
mod unbound;
mod untouched;
mod upgrade;
