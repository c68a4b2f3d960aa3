//! Requests and what comes of their sessions.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod open_part;
mod recheck;
