//! What tests over real sockets share: a client that behaves like a browser.
//!
//! [`Browser`] keeps cookies by their attributes, sends the headers that
//! browsers send, and follows redirects only when it is told to. The tests of
//! the bank are in `tests/bank`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test helper fails the test"
)]

mod answer;
mod browser;
mod form;
mod jar;

pub use answer::{Answer, TimeLeft};
pub use browser::{Browser, Request};
pub use form::Form;
pub use jar::{Jar, RequestContext};
