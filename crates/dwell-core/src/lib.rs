//! The engine of Dwell: how long a session may dwell, decided on the server.
mod activity;
mod clock;
mod command;
pub mod engine;
mod event;
mod foreign;
mod handle;
mod id;
mod manager;
mod policy;
mod presented;
mod reason;
mod record;
mod settle;
pub mod store;
mod sync;
mod time;
mod token;
mod verdict;

pub use activity::{
    Activity, Declaration, Evidence, Fetch, Outcome, RequestEvidence, RouteMark, Unmarked, classify,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use command::{CommandError, NewSession, SessionInfo};
#[cfg(feature = "tracing")]
pub use event::TracingObserver;
pub use event::{Event, EventKind, Observer};
pub use foreign::ForeignSession;
pub use handle::SessionHandle;
pub use id::{NetworkId, PolicyId, SessionRef, SubjectId};
pub use manager::{EndHook, SessionManager, SessionManagerBuilder, Site};
pub use policy::*;
pub use presented::{Admission, Presented, PresentedSession, TokenChange};
pub use reason::EndReason;
pub use record::{Credential, EndedSession, Facts, Previous, SessionRecord, Strength};
pub use settle::{Settlement, Touch};
pub use store::memory::MemoryStore;
pub use time::{Timestamp, hours, millis, minutes, seconds};
pub use token::{NoRandomness, SessionKey, Token, TokenCheck};
pub use verdict::{Deadlines, Rule, Verdict};
