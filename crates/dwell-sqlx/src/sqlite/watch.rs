//! Changes, for caches and open connections. All of them are made in this
//! process.

use std::convert::Infallible;

use dwell_core::SessionKey;
use dwell_core::store::{BoxedAnswer, ChangeFeed, Watched, Watcher};
use tokio::time::{MissedTickBehavior, interval};

use super::store::SqliteStore;

impl SqliteStore {
    pub(super) fn tell(&self, keys: impl IntoIterator<Item = SessionKey>) {
        for key in keys {
            self.0.changes.tell(key);
        }
    }

    /// Reports a change when the returned guard is dropped. A change whose
    /// future was dropped is reported too, since it may have been made.
    pub(super) fn changing(&self, key: SessionKey) -> Changing<'_> {
        Changing {
            changes: &self.0.changes,
            key,
        }
    }
}

pub(super) struct Changing<'a> {
    changes: &'a ChangeFeed,
    key: SessionKey,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.changes.tell(self.key);
    }
}

impl Watched for SqliteStore {
    fn watch<'a>(&'a self, watcher: &'a dyn Watcher) -> BoxedAnswer<'a, Infallible> {
        let mut changes = self.0.changes.subscribe();
        Box::pin(async move {
            let mut pulse = interval(watcher.pulse());
            pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    biased;
                    keys = changes.next() => keys.into_iter().for_each(|key| watcher.changed(key)),
                    _ = pulse.tick() => watcher.caught_up(watcher.mark()),
                }
            }
        })
    }
}
