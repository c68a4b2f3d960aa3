//! Whether the last authentication meets what a route demands.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::SessionState;
use crate::engine::{self, AuthenticationCheck};
use crate::policy::AuthenticationRequirement;
use crate::session::{PolicyId, SessionRecord};

impl SessionState {
    /// Checks the last authentication against what a route demands.
    #[must_use]
    pub fn check_authentication(
        &self,
        demand: &AuthenticationRequirement,
    ) -> Option<AuthenticationCheck> {
        let session = self.session()?;
        if demand.max_age().is_none() {
            self.slots()
                .demanded_by_policy
                .store(true, Ordering::Relaxed);
        }
        let max_age = self.max_age(demand);
        let check = |record: &SessionRecord| {
            let context = record.authentication();
            let context = context.as_ref();
            engine::check_authentication(&record.facts, context, demand, max_age, session.now)
        };
        Some(match self.is_changed() {
            true => check(&self.current_record(session)),
            false => check(&session.record),
        })
    }

    /// Whether a route has demanded an authentication as recent as the policy
    /// says. A policy further inside may say it stricter, and checks again.
    #[must_use]
    pub fn demanded_by_policy(&self) -> bool {
        self.slots().demanded_by_policy.load(Ordering::Relaxed)
    }

    /// The oldest authentication that satisfies `demand` here.
    #[must_use]
    pub fn max_age(&self, demand: &AuthenticationRequirement) -> Duration {
        demand.max_age().unwrap_or_else(|| {
            let policy = self.session().map(|s| s.record.facts.policy);
            let policy = policy.unwrap_or(PolicyId::DEFAULT);
            self.policies()
                .reauthenticate(policy, self.slots().overlays())
        })
    }
}
