//! What stays open over real stores and real sockets: an end on another node
//! closes it, also while nobody tells of changes, and when the store hangs at
//! the deadline it is closed all the same.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says so when it fails"
)]

mod another_node;
mod client;
mod http2;
mod hung;
mod lost_watch;
mod node;
mod one_watch;
mod servers;
