//! One request's session: what layers write, what its handler reads and does,
//! and what remains to be done after the answer.

mod command;
mod handle;
mod location;
mod recheck;
mod report;
mod requirement;
mod resolved;
mod settle;
mod slots;
mod state;

pub(crate) use command::policy_named;
pub use command::{CommandError, NewSession, SessionInfo, Which};
pub use handle::SessionHandle;
pub use recheck::{Recheck, Rechecked};
pub use resolved::{Resolved, ResolvedSession, TokenChange};
pub use settle::{DueTouch, Settlement};
pub use state::SessionState;
