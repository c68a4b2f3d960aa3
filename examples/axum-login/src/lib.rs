//! An application of axum-login as its authors write them, with Dwell beside it.
//!
//! `web/app.rs` is where both meet. `web/auth.rs`, `web/protected.rs` and `users.rs`
//! are as they were before; `web/more.rs` uses more of Dwell.

pub mod users;
pub mod web;
