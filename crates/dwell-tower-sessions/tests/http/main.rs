//! tower-sessions around Dwell, over HTTP: logins, ends, races, and what reaches
//! their store.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says so when it fails"
)]

mod ends;
mod expiry;
mod races;
mod store;
mod support;
mod wiring;
