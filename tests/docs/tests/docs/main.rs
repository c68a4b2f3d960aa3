//! The documentation against the code and the servers: links, and every block
//! that is not Rust.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test helper fails the test"
)]

mod database;
mod page;
mod pages;
mod policy_file;
