//! The policy set in force. A reload replaces it whole.

use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::set::PolicySet;
use crate::sync::{Mutex, MutexGuard, lock};

/// The policy set in force. Clones share it: replace it in one, and all clones
/// and the manager use the new set.
///
/// A stricter set binds existing sessions from their next request (law L6). A
/// set with an error can't be built, so a failed reload leaves the last good
/// one in force.
#[derive(Clone)]
pub struct LivePolicies(Arc<Live>);

struct Live {
    set: ArcSwap<PolicySet>,
    listeners: Mutex<Vec<Box<Listener>>>,
}

/// Called after each replacement until it returns `false`.
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

    /// Returns the set in force. A reload does not change the returned set.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        self.0.set.load_full()
    }

    /// Borrows the set in force for the length of a request. Cheaper than
    /// [`current`](Self::current) where many cores do it at once. A reload does
    /// not change the borrowed set.
    #[inline]
    #[must_use]
    pub fn borrow(&self) -> PoliciesInForce {
        PoliciesInForce(self.0.set.load())
    }

    /// Puts another set in force, at once and for all clones. Requests under
    /// way keep the set that they started with; open connections are checked
    /// again.
    ///
    /// ```
    /// use dwell_core::{LivePolicies, PolicySet, Timeouts, hours, minutes};
    ///
    /// let policies = LivePolicies::new(PolicySet::simple(Timeouts {
    ///     idle: minutes(15),
    ///     absolute: hours(8),
    /// })?);
    /// // Give a clone to `SessionManager::builder`, or take the manager's own
    /// // with `SessionManager::policies`. Later, from a signal or an endpoint:
    /// let stricter = PolicySet::simple(Timeouts { idle: minutes(5), absolute: hours(8) })?;
    /// policies.replace(stricter);
    /// assert_eq!(policies.current().policy("default").map(|p| p.idle()), Some(minutes(5)));
    /// # Ok::<(), dwell_core::PolicyError>(())
    /// ```
    pub fn replace(&self, set: PolicySet) {
        self.0.set.store(Arc::new(set));
        // A listener that panics is dropped; the others are still called.
        self.listeners()
            .retain(|listener| catch_unwind(AssertUnwindSafe(listener)).unwrap_or(false));
    }

    /// Calls `listener` after every [`replace`](Self::replace), for as long as
    /// it returns `true`: for caches, and for what stays open longer than a
    /// request. The listener must not call `replace`, or it may deadlock.
    pub fn on_replace(&self, listener: impl Fn() -> bool + Send + Sync + 'static) {
        self.listeners().push(Box::new(listener));
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Box<Listener>>> {
        lock(&self.0.listeners)
    }
}

/// The policy set of one request; see [`LivePolicies::borrow`]. A reload does
/// not change it.
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
    fn l06_listeners_run_after_each_replacement() {
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
    fn listener_that_returns_false_is_dropped() {
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
    fn panicking_listener_blocks_no_replacement() {
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
            // The caller may see the panic, but the new set is in force.
            let _ = catch_unwind(AssertUnwindSafe(|| policies.replace(set(stricter))));
            assert_eq!(idle(&policies.current()), stricter);
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}
