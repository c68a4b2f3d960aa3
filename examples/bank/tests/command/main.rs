//! The command `bank`, run as a process.

#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod audit;
mod config;
mod flags;
mod signals;
mod stores;
mod support;
