//! The result of a decision: the state of a request's session.

use std::time::Duration;

use crate::policy::Rule;
use crate::session::EndReason;
use crate::time::Timestamp;

/// The deadlines of a live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "plain values, which tests of layers construct"
)]
pub struct Deadlines {
    /// The instant of the decision, by the store's clock.
    pub now: Timestamp,
    /// When the session ends or is locked without further activity.
    pub idle: Timestamp,
    /// When the session ends despite activity: the absolute deadline, or the
    /// identity provider's where that is earlier.
    pub absolute: Timestamp,
    /// The earlier of `idle` and `absolute`.
    pub nearest: Timestamp,
    /// The reason of an end at the nearest deadline.
    pub ends_by: EndReason,
    /// The rule that set the nearest deadline.
    pub set_by: Rule,
    /// How long before the nearest deadline the user is warned.
    pub warn: Duration,
}

impl Deadlines {
    /// Tells whether activity can still move the nearest deadline.
    #[must_use]
    pub fn extendable(&self) -> bool {
        self.idle < self.absolute
    }

    /// Returns the time left until the nearest deadline.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.nearest - self.now
    }
}

/// The state of a request's session.
///
/// Variants are in the order of strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each state"
)]
pub enum Verdict {
    /// The request has no session. The route decides whether it needs one.
    Anonymous,
    /// The session may be used.
    Live(Deadlines),
    /// The session is locked until its subject authenticates again.
    Locked {
        /// When the session ends for good.
        until: Timestamp,
    },
    /// The session has ended, or ends by this decision.
    Ended(EndReason),
}

impl Verdict {
    /// Returns the deadlines of a live session.
    #[must_use]
    pub fn deadlines(&self) -> Option<&Deadlines> {
        match self {
            Self::Live(deadlines) => Some(deadlines),
            Self::Anonymous | Self::Locked { .. } | Self::Ended(_) => None,
        }
    }

    /// Returns why the session can't be used. Returns `None` for a live
    /// session, and without a session.
    #[must_use]
    pub fn over(&self) -> Option<SessionOver> {
        match self {
            Self::Anonymous | Self::Live(_) => None,
            Self::Locked { .. } => Some(SessionOver::Locked),
            Self::Ended(reason) => Some(SessionOver::Ended(*reason)),
        }
    }
}

/// Why a session can't be used any more. Refusals, errors of commands and
/// close reasons of connections are made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each state"
)]
pub enum SessionOver {
    /// The session has ended.
    Ended(EndReason),
    /// The session is locked until its subject authenticates again.
    Locked,
    /// The store has no record of the session.
    Unknown,
}
