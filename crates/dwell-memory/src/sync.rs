//! Locks, atomics and published values, which model tests replace by ones that
//! try every schedule.

use std::sync::Arc;

#[cfg(shuttle)]
pub(crate) use shuttle::sync::atomic::AtomicU64;
#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::atomic::AtomicU64;
#[cfg(not(shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Takes a lock. A thread that panicked with it can't have left the data
/// half changed in a way that matters, since every change is one assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A value that is replaced as a whole and read without waiting for whoever
/// replaces it.
#[cfg(not(shuttle))]
pub(crate) struct Published<T>(arc_swap::ArcSwap<T>);

/// A model of it, in which reading and replacing are steps of a schedule.
#[cfg(shuttle)]
pub(crate) struct Published<T>(Mutex<Arc<T>>);

#[cfg(not(shuttle))]
impl<T> Published<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(arc_swap::ArcSwap::new(value))
    }

    pub(crate) fn load(&self) -> arc_swap::Guard<Arc<T>> {
        self.0.load()
    }

    /// Gives back what was published before, so that the caller says when it
    /// is dropped.
    pub(crate) fn replace(&self, value: Arc<T>) -> Arc<T> {
        self.0.swap(value)
    }
}

#[cfg(shuttle)]
impl<T> Published<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn load(&self) -> Arc<T> {
        lock(&self.0).clone()
    }

    pub(crate) fn replace(&self, value: Arc<T>) -> Arc<T> {
        std::mem::replace(&mut *lock(&self.0), value)
    }
}
