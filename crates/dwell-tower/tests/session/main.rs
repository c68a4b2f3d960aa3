//! Sessions over HTTP by the public API, over a store in memory: tokens, cookies,
//! races, ends, activity, networks, step-up and refusals.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says so when it fails"
)]

mod support;

mod activity;
mod afterwards;
mod bearer;
mod bounded;
mod caches;
mod candidates;
mod cookies;
mod edges;
mod end_all;
mod exempt;
mod in_flight;
mod lock;
mod navigation;
mod network;
mod one_end;
mod reauthentication;
mod refusals;
mod rejections;
mod reload;
mod remaining;
mod rotation;
mod secrets;
mod step_up;
mod strangers;
mod tokens;
mod unprompted;
