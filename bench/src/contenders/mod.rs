//! What the rows of the comparison are made of.

pub mod actix;
pub mod axum_login;
pub mod axum_session;
pub mod counting;
pub mod dwell;
pub mod floor;
pub mod maps;
pub mod noop;
pub mod plain;
pub mod session_guard;
pub mod tower_sessions;
