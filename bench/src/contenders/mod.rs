//! The rows of the comparison.

pub mod dwell;
pub mod floor;
pub mod session_guard;
pub mod tower_sessions;
