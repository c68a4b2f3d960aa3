//! Session timeouts on an axum router: annotations, extractors, session
//! endpoints, and the stack among other layers and routers.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod support;

mod activity;
mod areas;
mod callers;
mod cookie_probe;
mod extend;
mod faults;
mod limit;
mod lists;
mod login;
mod marks;
mod mounting;
mod neighbours;
mod network;
mod origins;
mod policies;
mod privileged;
#[cfg(feature = "proxy-protocol")]
mod proxy_protocol;
mod readme;
mod refresh;
mod reload;
mod routing;
mod same_origin;
mod session;
mod sign_out;
mod status;
mod wiring;
