//! How a store notifies a node of changes by other nodes.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use super::{BoxedAnswer, SessionStore};
use crate::session::SessionKey;
use crate::time::Timestamp;

/// How often a watch checks that it has missed nothing, by default: 25 ms.
pub const PULSE: Duration = Duration::from_millis(25);

/// A store that sends changes. Open connections and near copies need it.
pub trait Watched: SessionStore {
    /// Notifies `watcher` of every session that ends or is updated, on any
    /// node, from the first [`Watcher::caught_up`] until the future completes.
    /// It completes only with an error: the watch is lost, and later changes
    /// are not sent. Touches are not sent.
    ///
    /// Every [`Watcher::pulse`] the store takes a [`Watcher::mark`], sends its
    /// server a query on the connection on which changes arrive, and returns the
    /// mark with [`Watcher::caught_up`] once the server has answered. Every
    /// change before the mark has been sent by then. A store that no other
    /// process writes to needs no query, and may call `caught_up` only once, at
    /// the start.
    fn watch<'a>(&'a self, watcher: &'a dyn Watcher) -> BoxedAnswer<'a, Infallible>;
}

/// Receives changes from a store; see [`Watched::watch`].
pub trait Watcher: Send + Sync + fmt::Debug {
    /// Called when the session under this key has ended or was updated.
    fn changed(&self, key: SessionKey);

    /// Returns the current instant, by the watcher's own clock.
    fn mark(&self) -> Timestamp;

    /// Called when every change before this mark has been sent.
    fn caught_up(&self, mark: Timestamp);

    /// Returns how often the store must check that nothing was missed. Defaults
    /// to [`PULSE`].
    fn pulse(&self) -> Duration {
        PULSE
    }
}
