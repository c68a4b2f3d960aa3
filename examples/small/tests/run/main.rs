//! Starts each small example as a user does, and drives it over HTTP.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test helper fails the test"
)]

#[cfg(feature = "axum-session")]
mod axum_session;
mod limits;
mod logins;
#[cfg(feature = "redis")]
mod nodes;
mod open;
mod parts;
mod program;
mod readme;
mod sealed;
mod sibling_origin;
