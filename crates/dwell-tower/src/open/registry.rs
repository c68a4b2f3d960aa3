//! The open connections of a stack, by session, and what notifies them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};

use dwell_core::engine::Touch;
use dwell_core::store::{Loaded, StoreError};
use dwell_core::{
    Clock, DueTouch, SessionHandle, SessionKey, SessionManager, SessionState, SystemClock,
    Timestamp,
};

use super::look_up::{LookUp, answered};
use super::notifier::Notifier;
use crate::remote::{Feed, Listener};
use crate::sync::lock;

/// The open connections of one stack. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenSessions(Arc<Inner>);

#[derive(Default)]
struct Inner {
    entries: Mutex<HashMap<SessionKey, Session>>,
    /// How many connections are open.
    count: AtomicUsize,
    /// How many event streams and WebSockets each session has.
    streams: Mutex<HashMap<SessionKey, usize>>,
    max_streams: MaxStreams,
    /// Whether the server shuts down.
    is_stopping: AtomicBool,
    clock: SystemClock,
    /// The touches of the stack.
    touches: OnceLock<Box<dyn KeepTouches>>,
    /// The store's change feed, if it has one; found by the first connection.
    feed: OnceLock<Option<Arc<Feed>>>,
}

/// Records the touches of open connections.
pub(crate) trait KeepTouches: Send + Sync {
    /// Records a touch, at `now` by the store's clock.
    fn record(&self, touch: DueTouch, state: &SessionState, now: Timestamp);

    /// Returns the latest touch of a session that the store has not recorded yet.
    fn unrecorded(&self, key: SessionKey) -> Option<Touch>;
}

/// The open connections of one session.
#[derive(Debug, Default)]
struct Session {
    entries: Vec<Entry>,
    /// How many changes they were notified of.
    changes: u64,
    /// Their last look-up.
    last: Option<LookUp>,
}

#[derive(Debug)]
struct Entry {
    notifier: Arc<Notifier>,
    /// Whether touches notify it, too.
    touches: bool,
}

/// An open connection's entry, removed when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    open: OpenSessions,
    key: SessionKey,
    pub(super) notifier: Arc<Notifier>,
}

/// The most event streams and WebSockets of a session.
struct MaxStreams(AtomicUsize);

impl Default for MaxStreams {
    fn default() -> Self {
        Self(AtomicUsize::new(32))
    }
}

/// One of a session's event streams and WebSockets, until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    open: OpenSessions,
    key: SessionKey,
}

impl OpenSessions {
    /// Those of the stack that a request came through.
    pub(super) fn of(handle: &SessionHandle) -> Option<&Self> {
        handle.manager().shared()
    }

    /// Enters a connection. From now on it is notified when its session ends
    /// or is updated on any node, when policies change, and, with `touches`,
    /// when this node records a touch.
    pub(super) fn enter(&self, manager: &SessionManager, key: SessionKey, touches: bool) -> Place {
        let notifier = Arc::new(Notifier::default());
        let entry = Entry {
            notifier: Arc::clone(&notifier),
            touches,
        };
        let mut sessions = self.entries();
        sessions.entry(key).or_default().entries.push(entry);
        drop(sessions);
        self.0.count.fetch_add(1, Ordering::AcqRel);
        self.subscribe(manager);
        Place {
            open: self.clone(),
            key,
            notifier,
        }
    }

    /// Whether changes notify connections. While they do not, each connection
    /// polls the store.
    pub(super) fn is_notified(&self) -> bool {
        let feed = self.0.feed.get().and_then(Option::as_deref);
        feed.is_some_and(Feed::is_live)
    }

    /// Sets who records touches.
    pub(crate) fn set_touches(&self, touches: Box<dyn KeepTouches>) {
        let _ = self.0.touches.set(touches);
    }

    /// Records a touch of an open connection.
    pub(super) fn record(&self, touch: DueTouch, state: &SessionState, now: Timestamp) {
        if let Some(touches) = self.0.touches.get() {
            touches.record(touch, state, now);
        }
    }

    /// Returns the latest touch of a session that the store has not recorded yet.
    pub(super) fn unrecorded(&self, key: SessionKey) -> Option<Touch> {
        self.0.touches.get()?.unrecorded(key)
    }

    /// Sets how many event streams and WebSockets a session may have.
    pub(crate) fn set_max_streams(&self, max: usize) {
        self.0.max_streams.0.store(max, Ordering::Relaxed);
    }

    /// Counts one more event stream or WebSocket of a session; `None` if there
    /// are as many as it may have.
    pub(super) fn count(&self, key: SessionKey) -> Option<Arc<Counted>> {
        let mut streams = lock(&self.0.streams);
        let count = streams.get(&key).copied().unwrap_or(0);
        if count >= self.0.max_streams.0.load(Ordering::Relaxed) {
            return None;
        }
        streams.insert(key, count + 1);
        let open = self.clone();
        Some(Arc::new(Counted { open, key }))
    }

    /// Ends the event streams of this node, now and from now on.
    pub(crate) fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::Release);
        self.0.missed();
    }

    /// Whether the server shuts down.
    pub(super) fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Ordering::Acquire)
    }

    /// The instant by the machine's clock, which also counts while the machine
    /// sleeps.
    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Notifies connections of a touch that this node has recorded.
    pub(crate) fn touched(&self, key: SessionKey) {
        // A request costs no more than this where nothing is open.
        if self.0.count.load(Ordering::Relaxed) != 0 {
            self.0.notify(key, |entry| entry.touches);
        }
    }

    /// Subscribes to policies and changes, at the first connection, and sees to
    /// it that the feed is running.
    fn subscribe(&self, manager: &SessionManager) {
        let feed = self.0.feed.get_or_init(|| {
            let open = Arc::downgrade(&self.0);
            manager.policies().on_replace(move || notify_all(&open));
            Feed::of(manager.store()).inspect(|feed| feed.subscribe(&self.0))
        });
        if let Some(feed) = feed {
            feed.start();
        }
    }

    /// Looks up a session that has open connections. They share one look-up, so
    /// that a change costs the store one, however many they are (N90). A look-up
    /// is not shared by connections that were notified after its start.
    pub(super) fn look_up(
        &self,
        manager: &SessionManager,
        key: SessionKey,
    ) -> impl Future<Output = Result<Loaded, StoreError>> + Send + use<> {
        let is_notified = self.is_notified();
        let mut sessions = self.entries();
        let session = sessions.entry(key).or_default();
        let changes = session.changes;
        let last = session.last.as_ref();
        let shared = last.and_then(|last| last.share(changes, is_notified));
        drop(sessions);
        let answer = shared.unwrap_or_else(|| {
            // Unlocked, since the store may notify.
            let last = LookUp::start(manager.store(), key, changes);
            let answer = last.answer.clone();
            self.entries().entry(key).or_default().last = Some(last);
            answer
        });
        answered(answer)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<SessionKey, Session>> {
        lock(&self.0.entries)
    }
}

/// Notifies every connection. Returns whether the stack still exists.
fn notify_all(open: &Weak<Inner>) -> bool {
    open.upgrade().map(|open| open.missed()).is_some()
}

impl Inner {
    fn notify(&self, key: SessionKey, filter: impl Fn(&Entry) -> bool) {
        if let Some(session) = lock(&self.entries).get_mut(&key) {
            session.changes += 1;
            let notified = session.entries.iter().filter(|entry| filter(entry));
            notified.for_each(|entry| entry.notifier.notify());
        }
    }
}

impl Listener for Inner {
    fn changed(&self, key: SessionKey) {
        self.notify(key, |_| true);
    }

    fn missed(&self) {
        for session in lock(&self.entries).values_mut() {
            session.changes += 1;
            session
                .entries
                .iter()
                .for_each(|entry| entry.notifier.notify());
        }
    }

    fn is_active(&self) -> bool {
        self.count.load(Ordering::Acquire) != 0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut streams = lock(&self.open.0.streams);
        if let Some(count) = streams.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.key);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.open.entries();
        if let Some(session) = all.get_mut(&self.key) {
            let entries = &mut session.entries;
            entries.retain(|entry| !Arc::ptr_eq(&entry.notifier, &self.notifier));
            if entries.is_empty() {
                all.remove(&self.key);
            }
        }
        drop(all);
        self.open.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenSessions")
            .field("count", &self.count)
            .field("feed", &self.feed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use dwell_core::{PolicySet, Timeouts, hours, minutes};
    use dwell_memory::MemoryStore;

    use super::*;

    fn manager() -> SessionManager {
        let policies = PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap();
        SessionManager::builder(MemoryStore::new(), policies).build()
    }

    fn key(name: &str) -> SessionKey {
        SessionKey::adopted(name.as_bytes())
    }

    fn take(place: &Place) -> bool {
        place.notifier.take(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn closed_connection_leaves_no_entry() {
        let (open, manager) = (OpenSessions::default(), manager());
        let enter = |name| open.enter(&manager, key(name), false);
        let (one, two, other) = (enter("a"), enter("a"), enter("b"));
        assert_eq!(open.0.count.load(Ordering::Relaxed), 3);
        assert!(open.0.is_active());
        drop(one);
        open.0.changed(key("a"));
        assert!(take(&two), "the other one of its session is still there");
        drop((two, other));
        assert!(!open.0.is_active());
        assert!(open.entries().is_empty());
        open.0.changed(key("a"));
        open.touched(key("a"));
        assert!(open.entries().is_empty());
    }

    #[test]
    fn entry_is_notified_of_its_session_and_optionally_of_touches() {
        let (open, manager) = (OpenSessions::default(), manager());
        let plain = open.enter(&manager, key("a"), false);
        let touches = open.enter(&manager, key("a"), true);
        let other = open.enter(&manager, key("b"), true);
        assert!(![&plain, &touches, &other].map(take).contains(&true));
        open.0.changed(key("a"));
        assert_eq!([&plain, &touches, &other].map(take), [true, true, false]);
        open.touched(key("a"));
        assert_eq!([&plain, &touches, &other].map(take), [false, true, false]);
        assert!(
            ![&plain, &touches, &other].map(take).contains(&true),
            "once"
        );
    }

    #[test]
    fn l06_new_policies_notify_all_until_stack_is_gone() {
        let (open, manager) = (OpenSessions::default(), manager());
        let (one, two) = (
            open.enter(&manager, key("a"), false),
            open.enter(&manager, key("b"), false),
        );
        let stricter = || {
            PolicySet::simple(Timeouts {
                idle: minutes(5),
                absolute: hours(8),
            })
            .unwrap()
        };
        manager.policies().replace(stricter());
        assert_eq!([&one, &two].map(take), [true, true]);
        let weak = Arc::downgrade(&open.0);
        assert!(notify_all(&weak));
        drop((one, two, open));
        assert!(weak.upgrade().is_none(), "policies keep no stack alive");
        assert!(!notify_all(&weak));
        manager.policies().replace(stricter());
    }

    #[test]
    fn l14_gap_in_changes_notifies_all() {
        let (open, manager) = (OpenSessions::default(), manager());
        let places = ["a", "b"].map(|name| open.enter(&manager, key(name), false));
        assert!(!open.is_notified(), "there is no runtime to watch on");
        assert_eq!(places.each_ref().map(take), [false, false]);
        open.0.missed();
        assert_eq!(places.each_ref().map(take), [true, true]);
    }
}
