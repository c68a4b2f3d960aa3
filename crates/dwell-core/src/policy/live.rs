//! The policy set in force, which a reload replaces whole.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

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

    /// The set in force now, borrowed for the length of a request: requests on
    /// several cores count no shared reference up and down.
    #[must_use]
    pub fn borrow(&self) -> PoliciesInForce {
        PoliciesInForce(self.0.load())
    }

    /// Puts another set in force.
    pub fn replace(&self, set: PolicySet) {
        self.0.store(Arc::new(set));
    }
}

/// The policy set of one request, whole over a reload.
pub struct PoliciesInForce(Guard<Arc<PolicySet>>);

impl Deref for PoliciesInForce {
    type Target = Arc<PolicySet>;

    fn deref(&self) -> &Arc<PolicySet> {
        &self.0
    }
}

impl From<Arc<PolicySet>> for PoliciesInForce {
    fn from(set: Arc<PolicySet>) -> Self {
        Self(Guard::from_inner(set))
    }
}

impl fmt::Debug for PoliciesInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PoliciesInForce").field(&**self.0).finish()
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
