//! Open connections end with their session (law L14): the stream of a session's
//! deadlines, event streams and downloads of handlers, WebSockets; and the
//! replacement for pages without JavaScript.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod support;

mod areas;
mod bodies;
#[cfg(feature = "browser")]
mod browser;
mod downloads;
mod ends;
mod http10;
mod mounting;
mod nodes;
mod noscript;
mod refused_bodies;
mod sse;
mod status;
mod warnings;
#[cfg(feature = "ws")]
mod web_socket;
