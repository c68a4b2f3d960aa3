//! The naive model: keeps every event and computes each answer from scratch.

use std::time::Duration;

use dwell_core::{EndReason, Policy, PolicySet};

/// Idle, office idle and absolute timeout in milliseconds.
pub(crate) const POLICIES: [(u64, u64, u64); 3] = [
    (600_000, 1_200_000, 3_600_000),
    (300_000, 400_000, 1_800_000),
    (1_800_000, 3_000_000, 7_200_000),
];
/// A stamp further ahead is corrupt.
pub(crate) const FUTURE: u64 = 60_000;
/// Set explicitly, so that all three sets have the same.
pub(crate) const GRANULARITY: u64 = 5_000;

pub(crate) fn policy_set(ix: usize) -> PolicySet {
    let (idle, office, absolute) = POLICIES[ix];
    let ms = Duration::from_millis;
    let policy = Policy::named("default")
        .idle(ms(idle))
        .absolute(ms(absolute));
    PolicySet::builder(policy.granularity(ms(GRANULARITY)))
        .network("office", ["10.0.0.0/8"], ms(office))
        .build()
        .unwrap()
}

/// A session of the model: its events, and nothing computed.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) created: u64,
    pub(crate) absolute: u64,
    /// Recorded activity: the instant, whether from the office, the policy.
    pub(crate) activity: Vec<(u64, bool, usize)>,
    pub(crate) ended: Option<EndReason>,
}

impl Naive {
    fn idle_of(office: bool, policy: usize) -> u64 {
        let (idle, at_office, _) = POLICIES[policy];
        if office { at_office } else { idle }
    }

    /// Returns why a request at `at` must be refused, or `None`.
    pub(crate) fn refusal(
        &self,
        at: u64,
        office: Option<bool>,
        policy: usize,
    ) -> Option<EndReason> {
        if let Some(reason) = self.ended {
            return Some(reason);
        }
        let (last, last_office, last_policy) = *self.activity.last().unwrap();
        if self.created.max(last) > at + FUTURE {
            return Some(EndReason::IdleTimeout);
        }
        let mut idle = last + Self::idle_of(last_office, last_policy);
        idle = idle.min(last + Self::idle_of(last_office, policy));
        if let Some(office) = office {
            idle = idle.min(last + Self::idle_of(office, policy));
        }
        let absolute = (self.created + self.absolute).min(self.created + POLICIES[policy].2);
        if at < idle && at < absolute {
            None
        } else if absolute <= idle {
            Some(EndReason::AbsoluteTimeout)
        } else {
            Some(EndReason::IdleTimeout)
        }
    }

    /// Records the activity of a request at `at` that was answered at `answered`.
    pub(crate) fn touch(&mut self, at: u64, answered: u64, office: bool, policy: usize) {
        let (last, last_office, last_policy) = *self.activity.last().unwrap();
        let recorded = last + Self::idle_of(last_office, last_policy);
        let alive =
            self.ended.is_none() && answered < recorded && answered < self.created + self.absolute;
        if alive && at >= last + GRANULARITY {
            self.activity.push((at, office, policy));
        }
    }
}
