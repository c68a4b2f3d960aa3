//! Arbitrary histories against a naive model, and properties that hold for any
//! input.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod histories;
mod naive;
mod properties;
mod run;
