//! Decisions, as pure functions of facts, limits and the time.
//!
//! Nothing here reads a clock, a store or a request. At a deadline the session
//! is already over (law L1).

mod activity;
mod area;
mod decide;
mod verdict;

pub use activity::{
    Activity, Declaration, Evidence, Fetch, Outcome, RequestEvidence, RouteMark, classify,
};
pub use area::AreaDeadline;
pub(crate) use area::area_deadline;
pub use decide::*;
pub use verdict::{Deadlines, SessionOver, Verdict};
