//! Sealed sessions over the full stack, by HTTP.

#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

mod streams;
mod support;
mod tokens;
