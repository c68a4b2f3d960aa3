//! Checks the last authentication against a route's requirement.

use std::time::Duration;

use super::SessionState;
use crate::engine::{self, AuthenticationCheck};
use crate::policy::AuthenticationRequirement;
use crate::session::SessionRecord;

impl SessionState {
    /// Checks the last authentication against a route's requirement. Returns
    /// `None` without a session.
    #[must_use]
    pub fn check_authentication(
        &self,
        requirement: &AuthenticationRequirement,
    ) -> Option<AuthenticationCheck> {
        let session = self.session()?;
        if requirement.max_age().is_none() {
            self.slots().demanded_by_policy.set();
        }
        let max_age = self.max_age(requirement);
        self.slots().demand_age(max_age);
        let check = |record: &SessionRecord| {
            let context = record.authentication();
            let context = context.as_ref();
            let now = session.now;
            engine::check_authentication(&record.facts, context, requirement, max_age, now)
        };
        Some(match self.is_changed() {
            true => check(&self.current_record(session)),
            false => check(&session.record),
        })
    }

    /// Returns `true` if a route has required an authentication by the policy's
    /// `reauthenticate`. A layer further inside that adds a stricter policy
    /// must check again.
    #[must_use]
    pub fn demanded_by_policy(&self) -> bool {
        self.slots().demanded_by_policy.is_set()
    }

    /// Returns the age limit of `requirement` for this request: the route's own
    /// or the policy's.
    #[must_use]
    pub fn max_age(&self, requirement: &AuthenticationRequirement) -> Duration {
        requirement.max_age().unwrap_or_else(|| {
            let slots = self.slots();
            slots.policies.reauthenticate(slots.policy(), slots.area())
        })
    }
}
