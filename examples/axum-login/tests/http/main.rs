//! The application over real sockets: by a browser's client, on a clock that is moved by
//! hand.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says so when it fails"
)]

mod ends;
mod node;
mod nodes;
mod page;
mod program;
mod stores;
mod timeouts;
