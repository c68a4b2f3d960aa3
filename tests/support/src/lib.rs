//! Helpers that the workspace's own tests share.
//!
//! | file | contents |
//! |---|---|
//! | `world` | sessions in one store, directly and behind a store that can fail |
//! | `records` | sessions for tests of stores |
//! | `client` | tokens, cookies and answers of a [`TestClient`](dwell_testkit::TestClient) |
//! | `body` | one type for any body, any service and any layer |
//! | `shared_store` | a store that several nodes share, whose watch can break |
//! | `time`, `pause`, `log` | time that passes at once, paused requests, captured log lines |
//! | `axum` | with the feature `axum`: a stack in axum and its clients |
//! | `folder` | a folder that is removed at the end |
//! | `page` | pages of the documentation and their blocks |

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test helper fails the test"
)]

#[cfg(feature = "axum")]
pub mod axum;
mod body;
mod client;
mod folder;
mod log;
pub mod page;
mod pause;
mod records;
mod shared_store;
mod time;
mod world;

pub use body::{AnyLayer, App, Body, Inner};
pub use client::{COOKIE, cookie, get, get_with, hold, issued, left, outcome, set_cookies, token};
pub use folder::Folder;
pub use log::Log;
pub use pause::Pause;
pub use records::{
    IDLE, default_policy, due_policy, keep, key, opened, policies, reap_all, start, state, touch,
};
pub use shared_store::SharedStore;
pub use time::{RuntimeClock, now, pass, soon};
pub use world::{HasToken, World};
