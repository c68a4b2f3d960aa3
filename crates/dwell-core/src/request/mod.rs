//! One request's session state, and what its handler can do to sessions.

mod command;
mod decision;
mod handle;
mod location;
mod recheck;
mod report;
mod requirement;
mod resolved;
mod settle;

pub use command::{CommandError, NewSession, SessionInfo};
pub use decision::Decision;
pub use handle::SessionHandle;
pub use recheck::{Recheck, Rechecked};
pub use resolved::{Admission, Resolved, ResolvedSession, Shown, TokenChange};
pub use settle::{DueTouch, Settlement};
