//! The policy set in force, which a reload replaces whole.

use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::set::PolicySet;
use crate::sync::{Mutex, MutexGuard, lock};

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
    #[inline]
    #[must_use]
    pub fn borrow(&self) -> PoliciesInForce {
        PoliciesInForce(self.0.set.load())
    }

    /// Puts another set in force.
    pub fn replace(&self, set: PolicySet) {
        self.0.set.store(Arc::new(set));
        // One that panics is not called again, and keeps no other from hearing.
        self.listeners()
            .retain(|listener| catch_unwind(AssertUnwindSafe(listener)).unwrap_or(false));
    }

    /// Calls `listener` after every [`replace`](Self::replace), for as long as
    /// it answers `true`: what is open for longer than a request has to hear
    /// of stricter policies. It must not replace the policies itself.
    pub fn on_replace(&self, listener: impl Fn() -> bool + Send + Sync + 'static) {
        self.listeners().push(Box::new(listener));
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Box<Listener>>> {
        lock(&self.0.listeners)
    }
}

/// The policy set of one request, whole over a reload.
pub struct PoliciesInForce(Guard<Arc<PolicySet>>);

impl Deref for PoliciesInForce {
    type Target = Arc<PolicySet>;

    #[inline]
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::policy::Timeouts;
    use crate::time::{hours, minutes};

    fn set(idle: u64) -> PolicySet {
        PolicySet::simple(Timeouts {
            idle: minutes(idle),
            absolute: hours(8),
        })
        .unwrap()
    }

    fn idle(set: &PolicySet) -> u64 {
        set.policy("default").unwrap().idle().as_secs() / 60
    }

    #[test]
    fn l06_listeners_hear_of_every_replacement_when_it_is_in_force() {
        let policies = LivePolicies::new(set(15));
        let heard = Arc::<Mutex<Vec<(u8, u64)>>>::default();
        for name in [1, 2] {
            let (of, heard) = (policies.clone(), Arc::clone(&heard));
            policies.on_replace(move || {
                heard.lock().unwrap().push((name, idle(&of.current())));
                true
            });
        }
        assert_eq!(*heard.lock().unwrap(), [], "nothing was replaced yet");
        policies.replace(set(10));
        // Clones share the listeners.
        policies.clone().replace(set(5));
        assert_eq!(*heard.lock().unwrap(), [(1, 10), (2, 10), (1, 5), (2, 5)]);
    }

    #[test]
    fn a_listener_that_need_not_be_told_any_more_is_forgotten() {
        let policies = LivePolicies::new(set(15));
        let (calls, wanted) = (
            Arc::<AtomicUsize>::default(),
            Arc::new(AtomicBool::new(true)),
        );
        let (counted, still) = (Arc::clone(&calls), Arc::clone(&wanted));
        policies.on_replace(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            still.load(Ordering::SeqCst)
        });
        policies.replace(set(14));
        wanted.store(false, Ordering::SeqCst);
        policies.replace(set(13));
        wanted.store(true, Ordering::SeqCst);
        policies.replace(set(12));
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(Arc::strong_count(&calls), 1, "and dropped");
    }

    #[test]
    fn a_listener_that_panics_keeps_no_policy_and_no_other_listener_back() {
        use std::panic::{AssertUnwindSafe, catch_unwind};

        let policies = LivePolicies::new(set(15));
        let calls = Arc::<AtomicUsize>::default();
        policies.on_replace(|| panic!("told to panic"));
        let counted = Arc::clone(&calls);
        policies.on_replace(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            true
        });
        for stricter in [10, 5] {
            // Whoever replaces may hear of the panic, but it is in force.
            let _ = catch_unwind(AssertUnwindSafe(|| policies.replace(set(stricter))));
            assert_eq!(idle(&policies.current()), stricter);
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}
