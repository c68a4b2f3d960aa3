//! Open connections end with their session (law L14): streamed bodies, and other
//! connections with a lifeline.
//!
//! Tokio's clock is paused and advances when all tasks are idle. The store's clock
//! follows it.

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
mod held;
mod in_flight;
mod lifeline;
mod many;
mod near;
mod ordered;
mod outage;
mod policies;
mod ready;
mod recorder;
mod shared;
mod threads;
mod unbound;
mod untouched;
mod upgrade;
