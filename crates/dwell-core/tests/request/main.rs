//! Requests and their sessions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test panics")]

mod open_part;
mod recheck;
