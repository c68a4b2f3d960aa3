//! The law, as pure functions of facts, limits and now.
//!
//! Nothing here reads a clock, a store or a request. A deadline is an
//! instant at which the session is already over (law L1).

mod activity;
mod decide;
mod verdict;

pub use activity::{
    Activity, Declaration, Evidence, Fetch, Outcome, RequestEvidence, RouteMark, classify,
};
pub use decide::*;
pub use verdict::{Deadlines, SessionOver, Verdict};
