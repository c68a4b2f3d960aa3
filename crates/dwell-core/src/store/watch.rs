//! How a shared store tells a node what other nodes changed.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use super::{BoxedAnswer, SessionStore};
use crate::session::SessionKey;
use crate::time::Timestamp;

/// How often a watch makes sure that it has missed nothing, where its watcher
/// says nothing else.
pub const PULSE: Duration = Duration::from_millis(25);

/// A store that tells of changes, so that a copy of what it holds can be kept
/// near.
pub trait Watched: SessionStore {
    /// Tells `watcher` of every session that ends or is updated, on whatever
    /// node, from the first [`Watcher::caught_up`] on until the answer comes,
    /// which is always an error: the watch is lost, and what happens from then
    /// on is not told. Touches are not told of.
    ///
    /// Every [`Watcher::pulse`] the store takes a [`Watcher::mark`], asks its server
    /// something on the connection on which changes arrive, and hands the mark
    /// back once the server has answered: whatever had changed when the mark
    /// was taken has been told by then. A store that nobody else writes to has
    /// nothing to ask, and may do so once, at the start.
    fn watch<'a>(&'a self, watcher: &'a dyn Watcher) -> BoxedAnswer<'a, Infallible>;
}

/// Is told of changes by a store.
pub trait Watcher: Send + Sync + fmt::Debug {
    /// The session under this key has ended or was updated.
    fn changed(&self, key: SessionKey);

    /// This instant, by the watcher's own clock.
    fn mark(&self) -> Timestamp;

    /// Every change up to this mark has been told.
    fn caught_up(&self, mark: Timestamp);

    /// How often the store is to make sure.
    fn pulse(&self) -> Duration {
        PULSE
    }
}
