//! Locking without poisoning.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, ignoring poisoning: no lock of this crate guards a change in several
/// steps.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
