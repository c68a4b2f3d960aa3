//! The gateway over real sockets: alone, and behind nginx, HAProxy and Caddy.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod addresses;
mod asking;
mod behind;
mod command;
mod config;
mod login;
mod open;
mod passing_on;
mod service;
mod site;
mod smuggling;
mod upstreams;
