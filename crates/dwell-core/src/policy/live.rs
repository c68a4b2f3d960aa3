//! The policy set in force, which a reload replaces whole.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::set::PolicySet;

/// The policy set in force. Clones share it.
///
/// A stricter set applies at the next request, to sessions that exist already
/// (law L6). A set that can't be built never gets here, so a failed reload
/// leaves the last good one in force.
#[derive(Clone)]
pub struct LivePolicies(Arc<Live>);

struct Live {
    set: ArcSwap<PolicySet>,
    listeners: Mutex<Vec<Box<Listener>>>,
}

/// Is told that another set is in force, until it says that it need not be.
type Listener = dyn Fn() -> bool + Send + Sync;

impl LivePolicies {
    /// Puts a first set in force.
    #[must_use]
    pub fn new(set: PolicySet) -> Self {
        Self(Arc::new(Live {
            set: ArcSwap::from_pointee(set),
            listeners: Mutex::default(),
        }))
    }

    /// The set in force now. Whoever holds it keeps it whole over a reload.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.0.set.load_full()
    }

    /// The set in force now, borrowed for the length of a request: requests on
    /// several cores count no shared reference up and down.
    #[must_use]
    pub fn borrow(&self) -> PoliciesInForce {
        PoliciesInForce(self.0.set.load())
    }

    /// Puts another set in force.
    pub fn replace(&self, set: PolicySet) {
        self.0.set.store(Arc::new(set));
        self.listeners().retain(|listener| listener());
    }

    /// Calls `listener` after every [`replace`](Self::replace), for as long as
    /// it answers `true`: what is open for longer than a request has to hear
    /// of stricter policies. It must not replace the policies itself.
    pub fn on_replace(&self, listener: impl Fn() -> bool + Send + Sync + 'static) {
        self.listeners().push(Box::new(listener));
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Box<Listener>>> {
        self.0
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
