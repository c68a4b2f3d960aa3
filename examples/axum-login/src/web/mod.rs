//! The pages, and the application that serves them.

mod app;
mod auth;
mod more;
mod protected;

pub use app::App;
