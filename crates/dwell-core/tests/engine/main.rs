//! The law, by tables of cases.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

#[path = "../support/mod.rs"]
mod support;

mod authentication;
mod deadlines;
mod touch;
