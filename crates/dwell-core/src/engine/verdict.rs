//! What a decision says: the one word for a session's state.

use std::time::Duration;

use crate::policy::Rule;
use crate::session::{EndReason, PolicyId};
use crate::time::Timestamp;

/// The deadlines of a live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// The instant of the decision, by the store's clock.
    pub now: Timestamp,
    /// When the session ends without activity.
    pub idle: Timestamp,
    /// When it ends despite activity: the absolute deadline, or the identity
    /// provider's where that comes first.
    pub absolute: Timestamp,
    /// The earliest of all.
    pub nearest: Timestamp,
    /// The reason of an end at the nearest.
    pub ends_by: EndReason,
    /// The rule that set the nearest.
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

/// What a request's session is to that request.
///
/// Variants are in the order of strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each state"
)]
pub enum Verdict {
    /// There is no session. Whether one is needed is the route's to say.
    Anonymous,
    /// The session may be used.
    Live(Deadlines),
    /// The session is live, but the route asks for authentication again: the
    /// session was idle for longer than the route's policy allows since its
    /// subject last authenticated.
    Stale {
        /// The session's deadlines.
        deadlines: Deadlines,
        /// The policy that asks.
        policy: PolicyId,
    },
    /// The session is locked until its subject authenticates again.
    Locked {
        /// When the session ends for good.
        until: Timestamp,
    },
    /// The session has ended, or ends by this decision.
    Ended(EndReason),
}

impl Verdict {
    /// Returns the deadlines of a live or stale session.
    #[must_use]
    pub fn deadlines(&self) -> Option<&Deadlines> {
        match self {
            Self::Live(deadlines) | Self::Stale { deadlines, .. } => Some(deadlines),
            Self::Anonymous | Self::Locked { .. } | Self::Ended(_) => None,
        }
    }

    /// Returns why the session is over, or `None` where there is none or its
    /// subject may go on.
    #[must_use]
    pub fn over(&self) -> Option<SessionOver> {
        match self {
            Self::Anonymous | Self::Live(_) | Self::Stale { .. } => None,
            Self::Locked { .. } => Some(SessionOver::Locked),
            Self::Ended(reason) => Some(SessionOver::Ended(*reason)),
        }
    }
}

/// Why a session can't be used any more: what refusals, errors of commands and
/// reasons for closing a connection are made from.
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
