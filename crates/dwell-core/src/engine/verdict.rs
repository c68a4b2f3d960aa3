//! What a decision says.

use std::time::Duration;

use crate::policy::Rule;
use crate::session::{EndReason, PolicyId};
use crate::time::Timestamp;

/// The deadlines of a live session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// The instant the decision was made, by the store's clock.
    pub now: Timestamp,
    /// When the session ends without activity.
    pub idle: Timestamp,
    /// When it ends whatever happens: the absolute deadline, or the identity
    /// provider's where that comes first.
    pub absolute: Timestamp,
    /// The earliest of all.
    pub nearest: Timestamp,
    /// The reason that the nearest will give.
    pub ends_by: EndReason,
    /// The rule that set the nearest.
    pub set_by: Rule,
    /// How long before the nearest deadline the user is warned.
    pub warn: Duration,
}

impl Deadlines {
    /// Whether activity can still move the nearest deadline.
    #[must_use]
    pub fn extendable(&self) -> bool {
        self.idle < self.absolute
    }

    /// Time left until the nearest deadline.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.nearest - self.now
    }
}

/// The outcome of deciding whether a session may be used now.
///
/// Ordered by strictness: of two verdicts on one request the stricter stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The session may be used.
    Live(Deadlines),
    /// The session is live, but was left alone for longer than the route's
    /// policy allows since its subject last authenticated: the route asks
    /// for authentication again.
    Stale {
        /// The session's deadlines.
        deadlines: Deadlines,
        /// The policy that asks.
        policy: PolicyId,
    },
    /// The session is locked until its subject authenticates again.
    Locked {
        /// When it ends for good.
        until: Timestamp,
    },
    /// The session has ended, or ends by this decision.
    Ended(EndReason),
}

impl Verdict {
    /// The deadlines, while there are any.
    #[must_use]
    pub fn deadlines(&self) -> Option<&Deadlines> {
        match self {
            Self::Live(deadlines) | Self::Stale { deadlines, .. } => Some(deadlines),
            Self::Locked { .. } | Self::Ended(_) => None,
        }
    }

    /// The stricter of two; the later one where they are alike.
    #[must_use]
    pub fn strictest(self, later: Self) -> Self {
        if later.strictness() >= self.strictness() {
            later
        } else {
            self
        }
    }

    fn strictness(&self) -> u8 {
        match self {
            Self::Live(_) => 0,
            Self::Stale { .. } => 1,
            Self::Locked { .. } => 2,
            Self::Ended(_) => 3,
        }
    }
}
