//! The strictest decision on a request so far: the handle's slot for
//! enforcing layers.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::engine::Verdict;
use crate::request::Admission;
use crate::session::EndReason;

/// What has been decided of a request, without the deadlines.
///
/// Ordered by strictness: of two decisions the stricter stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It has no session. Whether it needs one is for the route to say.
    Anonymous,
    /// Its session may be used.
    Live,
    /// Its session is live, but the route asks for authentication again.
    Stale,
    /// Its session is locked until its subject authenticates again.
    Locked,
    /// Its session has ended, or ends by this decision.
    Ended(EndReason),
}

impl Decision {
    /// The reason, when the session has ended.
    #[must_use]
    pub const fn end_reason(self) -> Option<EndReason> {
        match self {
            Self::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    /// Never zero, and larger the stricter it is.
    const fn to_byte(self) -> u8 {
        match self {
            Self::Anonymous => 1,
            Self::Live => 2,
            Self::Stale => 3,
            Self::Locked => 4,
            Self::Ended(reason) => FIRST_END + reason as u8,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => None,
            1 => Some(Self::Anonymous),
            2 => Some(Self::Live),
            3 => Some(Self::Stale),
            4 => Some(Self::Locked),
            _ => {
                let reason = EndReason::ALL.get(usize::from(byte - FIRST_END));
                reason.copied().map(Self::Ended)
            }
        }
    }
}

/// Above all that is not an end.
const FIRST_END: u8 = 5;

impl From<&Admission> for Decision {
    fn from(admission: &Admission) -> Self {
        match admission {
            Admission::Anonymous => Self::Anonymous,
            Admission::Session(Verdict::Live(_)) => Self::Live,
            Admission::Session(Verdict::Stale { .. }) => Self::Stale,
            Admission::Session(Verdict::Locked { .. }) => Self::Locked,
            Admission::Session(Verdict::Ended(reason)) => Self::Ended(*reason),
        }
    }
}

/// The strictest decision so far, in a byte: a verdict with its deadlines would
/// need a lock. Deadlines follow from the facts again.
#[derive(Debug, Default)]
pub(crate) struct Decided(AtomicU8);

impl Decided {
    /// Beforehand, while nobody else sees the slot.
    pub(crate) fn new(decision: Decision) -> Self {
        Self(AtomicU8::new(decision.to_byte()))
    }

    pub(crate) fn add(&self, decision: Decision) {
        self.0.fetch_max(decision.to_byte(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<Decision> {
        Decision::from_byte(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_decisions_the_strictest_stays() {
        use Decision as D;
        let ends = EndReason::ALL.map(D::Ended);
        let mut all = vec![D::Anonymous, D::Live, D::Stale, D::Locked];
        all.extend(ends);
        let decided = Decided::default();
        assert_eq!(decided.get(), None);
        for decision in &all {
            decided.add(*decision);
            assert_eq!(decided.get(), Some(*decision));
            assert_eq!(Decided::new(*decision).get(), Some(*decision));
            decided.add(D::Live);
            let stays = if *decision == D::Anonymous {
                D::Live
            } else {
                *decision
            };
            assert_eq!(decided.get(), Some(stays));
        }
    }
}
