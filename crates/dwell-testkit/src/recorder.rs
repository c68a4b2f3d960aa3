//! An observer that keeps every event.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dwell_core::{EndReason, Event, EventKind, Observer};

/// An observer that keeps every event. Clones share the events.
///
/// ```
/// use dwell_core::{Event, EventKind, Observer, Timestamp};
/// use dwell_testkit::Recorder;
///
/// let events = Recorder::new();
/// events.observe(&Event::new(EventKind::SessionCreated, Timestamp::MIN));
/// assert_eq!(events.kinds(), [EventKind::SessionCreated]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Recorder {
    /// Creates a recorder without events.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns every event so far, the earliest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// Returns the kind of every event so far, the earliest first.
    #[must_use]
    pub fn kinds(&self) -> Vec<EventKind> {
        self.lock().iter().map(|event| event.event).collect()
    }

    /// Returns the number of events of this kind.
    #[must_use]
    pub fn count(&self, kind: EventKind) -> usize {
        self.lock().iter().filter(|e| e.event == kind).count()
    }

    /// Returns the reason of every end so far, sign-outs included.
    #[must_use]
    pub fn ends(&self) -> Vec<EndReason> {
        let is_end = |event: &&Event| {
            let kinds = [EventKind::SessionExpired, EventKind::SessionLogout];
            kinds.contains(&event.event)
        };
        let events = self.lock();
        events
            .iter()
            .filter(is_end)
            .filter_map(|e| e.reason)
            .collect()
    }

    /// Forgets all events.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&self, event: &Event) {
        self.lock().push(event.clone());
    }
}
