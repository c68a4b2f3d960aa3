//! The policy set in force, which a reload replaces whole.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::set::PolicySet;

/// The policy set in force. Clones share it.
///
/// A stricter set applies at the next request, to sessions that exist already
/// (law L6). A set that can't be built never gets here, so a failed reload
/// leaves the last good one in force.
#[derive(Clone)]
pub struct LivePolicies(Arc<ArcSwap<PolicySet>>);

impl LivePolicies {
    /// Puts a first set in force.
    #[must_use]
    pub fn new(set: PolicySet) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(set)))
    }

    /// The set in force now. Whoever holds it keeps it whole over a reload.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.0.load_full()
    }

    /// Puts another set in force.
    pub fn replace(&self, set: PolicySet) {
        self.0.store(Arc::new(set));
    }
}

impl From<PolicySet> for LivePolicies {
    fn from(set: PolicySet) -> Self {
        Self::new(set)
    }
}

impl fmt::Debug for LivePolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LivePolicies")
            .field(&self.current())
            .finish()
    }
}
