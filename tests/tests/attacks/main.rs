//! Attacks on the running bank, over sockets. `docs/threats.md` says who does each
//! and what stops it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod bodies;
mod evidence;
mod floods;
#[path = "../bank/support.rs"]
#[allow(dead_code, reason = "the tests of the bank use the rest")]
mod support;
mod tokens;
mod wire;
