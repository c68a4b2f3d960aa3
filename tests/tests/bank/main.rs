//! The bank, over real sockets and with a manual clock.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod activity;
mod admin;
mod bodies;
mod browsers;
mod connections;
mod cross_site;
mod deadlines;
mod events;
mod expired;
mod login;
mod outage;
mod pages;
mod reauthentication;
mod return_to;
mod story;
mod support;
