//! An observer that keeps every event.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dwell_core::{EndReason, Event, EventKind, Observer};

/// Keeps every event. Clones share them.
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
    /// Has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every event so far, the earliest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// What happened so far, the earliest first.
    #[must_use]
    pub fn kinds(&self) -> Vec<EventKind> {
        self.lock().iter().map(|event| event.event).collect()
    }

    /// How often this happened.
    #[must_use]
    pub fn count(&self, kind: EventKind) -> usize {
        self.lock().iter().filter(|e| e.event == kind).count()
    }

    /// The reasons of the ends so far, sign-outs among them.
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

    /// Forgets what it has seen.
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
