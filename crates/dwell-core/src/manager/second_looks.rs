//! A second look after all sessions of a subject were ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Selection;
use crate::session::{EndReason, SubjectId};
use crate::sync::{Mutex, lock};
use crate::time::{Timestamp, seconds};

/// How long after it has read the clock a login on another node may write its
/// session. Longer than a layer waits for the store.
const LATEST: Duration = seconds(10);

/// The most looks that are kept. One more takes the place of the oldest.
const MAX: usize = 10_000;

/// The looks of this process, the next one first. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct SecondLooks(Arc<Mutex<VecDeque<SecondLook>>>);

/// What to end, if a login elsewhere has written it since.
#[derive(Clone, Debug)]
pub(super) struct SecondLook {
    pub(super) subject: SubjectId,
    pub(super) selection: Selection,
    pub(super) reason: EndReason,
    /// Sessions that began later stay.
    pub(super) began: Timestamp,
}

impl SecondLooks {
    pub(super) fn add(&self, look: SecondLook) {
        let mut looks = lock(&self.0);
        if looks.len() == MAX {
            looks.pop_front();
        }
        looks.push_back(look);
    }

    /// Takes a look that is due.
    pub(super) fn take_due(&self, now: Timestamp) -> Option<SecondLook> {
        let mut looks = lock(&self.0);
        let is_due = looks.front().is_some_and(|look| now >= look.began + LATEST);
        is_due.then(|| looks.pop_front()).flatten()
    }

    /// Puts a look back that could not be done.
    pub(super) fn put_back(&self, look: SecondLook) {
        lock(&self.0).push_front(look);
    }
}
