//! What Dwell is compared with. Each has `/`, which refuses requests without a
//! session, and `/login?subject`.

pub mod axum_login;
pub mod axum_session;
pub mod floor;
pub mod session_guard;
pub mod tower_sessions;
