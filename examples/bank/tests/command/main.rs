//! The command `bank`, as somebody starts it.

#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test helper fails the test"
)]

mod audit;
mod config;
mod flags;
mod signals;
mod stores;
mod support;
