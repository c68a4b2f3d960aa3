//! Arbitrary histories against a naive model, and properties of any input.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test panics"
)]

mod histories;
mod naive;
mod properties;
mod run;
