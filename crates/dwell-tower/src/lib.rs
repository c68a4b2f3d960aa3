//! Session timeout layers for any `tower::Service<http::Request<B>>`.
pub mod activity;
mod bounded;
mod future;
pub mod gate;
pub mod idle;
pub mod network;
mod reaper;
pub mod rejection;
mod return_to;
pub mod session;
mod shared;
mod stack;
pub mod step_up;
mod touch;

pub use bounded::BoundedStore;
pub use future::ResponseFuture;
pub use reaper::Reaper;
pub use return_to::safe_return_to;
pub use stack::{SessionTimeout, SessionTimeoutLayer};
