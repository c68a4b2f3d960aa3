//! What a session check costs a request: an application, the requests of a
//! browser, and callgrind to count with. No session layer but Dwell's.

pub mod app;
pub mod callgrind;
pub mod check;
pub mod dwell;
pub mod noop;
pub mod row;
pub mod section;
pub mod stats;
pub mod traffic;
