//! A client for tests over real sockets that behaves like a browser.
//!
//! [`Browser`] honours cookie attributes, sends the headers that browsers send,
//! and follows redirects on request only. The tests of the bank are in
//! `tests/bank`.

#![allow(clippy::expect_used, clippy::panic, reason = "a panic fails the test")]

mod answer;
mod browser;
mod form;
mod jar;
mod wire;

pub use answer::{Answer, TimeLeft};
pub use browser::{Browser, Request};
pub use form::Form;
pub use jar::{Initiator, Jar};
pub use wire::{Wire, status};
