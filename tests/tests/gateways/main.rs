//! An application behind real gateways, with their defaults and with the lines of
//! docs/gateways.md.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod app;
mod asking;
mod checks;
mod client;
mod hosts;
mod matrix;
mod page;
mod prefix;
mod silent;
mod site;
mod uploads;
