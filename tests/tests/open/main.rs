//! Open connections over real stores and real sockets: an end on another node
//! closes them, also without a watch for changes, and so does a store that hangs
//! at the deadline.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic fails the test"
)]

mod another_node;
mod client;
mod http2;
mod hung;
mod in_flight;
mod lost_watch;
mod node;
mod one_watch;
mod servers;
