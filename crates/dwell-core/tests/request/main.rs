//! Requests and their sessions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test panics")]

mod demands;
mod edges;
mod open_part;
mod races;
mod recheck;
mod refused;
mod still_live;
