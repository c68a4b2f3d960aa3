//! What a store has to do about a session that nobody is using.

use std::sync::Arc;

use super::Update;
use crate::engine;
use crate::engine::Verdict;
use crate::policy::PolicySet;
use crate::session::{EndReason, Facts};
use crate::time::Timestamp;

/// Decides for a store what is due, by the policies in force.
#[derive(Clone, Debug)]
pub struct DuePolicy(Arc<PolicySet>);

/// What is to be done about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// To end it.
    End(EndReason),
    /// To lock it, by this update.
    Lock(Update),
    /// To look at it again then.
    Later(Timestamp),
}

impl DuePolicy {
    /// Judges by these policies.
    #[must_use]
    pub fn new(policies: Arc<PolicySet>) -> Self {
        Self(policies)
    }

    /// The verdict on a session that nobody is using.
    #[must_use]
    pub fn verdict(&self, facts: &Facts, now: Timestamp) -> Verdict {
        let network = self.0.recorded_network(facts.network);
        let limits = self.0.limits(facts.policy, 0, facts.network, network);
        engine::decide(facts, &limits, now)
    }

    /// What is to be done at `now` about a session that nobody is using.
    #[must_use]
    pub fn due(&self, facts: &Facts, now: Timestamp) -> Due {
        match self.verdict(facts, now) {
            Verdict::Ended(reason) => Due::End(reason),
            Verdict::Locked { .. } if facts.locked_at.is_none() => Due::Lock(Update::Lock {
                at: facts.idle_deadline.min(now),
            }),
            verdict => Due::Later(next_look(facts, verdict, now)),
        }
    }

    /// When a store must look at a session next.
    #[must_use]
    pub fn next_look(&self, facts: &Facts, now: Timestamp) -> Timestamp {
        next_look(facts, self.verdict(facts, now), now)
    }

    /// Changes whenever other policies judge, so that a store knows when its
    /// schedule is out of date.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.generation()
    }
}

fn next_look(facts: &Facts, verdict: Verdict, now: Timestamp) -> Timestamp {
    match verdict {
        Verdict::Live(deadlines) | Verdict::Stale { deadlines, .. } => deadlines.nearest,
        Verdict::Locked { until } if facts.locked_at.is_some() => until,
        // Something is to be done at once.
        Verdict::Locked { .. } | Verdict::Ended(_) | Verdict::Anonymous => now,
    }
}
