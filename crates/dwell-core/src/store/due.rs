//! What a store must do about a session without requests.

use std::sync::Arc;

use super::Update;
use crate::engine;
use crate::engine::{Touch, Verdict};
use crate::policy::PolicySet;
use crate::session::{EndReason, Facts};
use crate::time::Timestamp;

/// Decides for a store which sessions are due, by the policies in force.
#[derive(Clone, Debug)]
pub struct DuePolicy(Arc<PolicySet>);

/// What a store must do about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "every store must do each")]
pub enum Due {
    /// End the session for this reason.
    End(EndReason),
    /// Lock the session by this update.
    Lock(Update),
    /// Look at the session again at this instant.
    Later(Timestamp),
}

impl DuePolicy {
    /// Decides by these policies.
    #[must_use]
    pub fn new(policies: Arc<PolicySet>) -> Self {
        Self(policies)
    }

    /// Returns the verdict on a session without a request.
    #[must_use]
    pub fn verdict(&self, facts: &Facts, now: Timestamp) -> Verdict {
        let network = self.0.recorded_network(facts.network);
        let limits = self.0.limits(facts.policy, facts.network, network);
        engine::decide(facts, &limits, now)
    }

    /// Returns `true` if a session is over at `now`, and would not be if the store
    /// had recorded this touch.
    #[must_use]
    pub fn lacks_touch(&self, facts: &Facts, touch: Touch, now: Timestamp) -> bool {
        let is_over = |facts: &Facts| self.verdict(facts, now).over().is_some();
        let mut touched = *facts;
        let retried = true;
        touched.touch(Touch { retried, ..touch }, now);
        is_over(facts) && !is_over(&touched)
    }

    /// Returns what to do at `now` about a session without a request.
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

    /// Returns when a store must look at a session next.
    #[must_use]
    pub fn next_look(&self, facts: &Facts, now: Timestamp) -> Timestamp {
        next_look(facts, self.verdict(facts, now), now)
    }

    /// Returns the number of the policy set. When it changes, a store's schedule
    /// is out of date.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.generation()
    }
}

fn next_look(facts: &Facts, verdict: Verdict, now: Timestamp) -> Timestamp {
    match verdict {
        Verdict::Live(deadlines) => deadlines.nearest,
        Verdict::Locked { until } if facts.locked_at.is_some() => until,
        // The session must be ended or locked at once.
        Verdict::Locked { .. } | Verdict::Ended(_) | Verdict::Anonymous => now,
    }
}
