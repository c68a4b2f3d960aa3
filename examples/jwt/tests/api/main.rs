//! The API over HTTP, as a client with bearer tokens sees it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod forged;
mod nodes;
mod sessions;
mod support;
