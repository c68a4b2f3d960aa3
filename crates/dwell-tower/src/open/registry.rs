//! Which connections are open, by session, and how they hear of changes.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use dwell_core::store::{SessionStore, Watched, Watcher};
use dwell_core::{Clock, SessionHandle, SessionKey, SessionManager, SystemClock, Timestamp};
use tokio::task::AbortHandle;

use super::notifier::Notifier;
use crate::follow::{Follower, follow};
use crate::log;
use crate::reaper::Task;
use crate::sync::lock;

/// How often a shared store is to make sure that it has told of every change,
/// and how often it is looked whether it did.
const PULSE: Duration = Duration::from_millis(250);

/// With no word from the store for so long, changes count as not told.
const SILENCE: Duration = Duration::from_millis(750);

/// How often the watch is looked after while there is nobody to tell, until it
/// is given up: a minute.
const IDLE_ROUNDS: u32 = 240;

/// The open connections of one stack. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenSessions(Arc<Inner>);

#[derive(Default)]
struct Inner {
    entries: Mutex<HashMap<SessionKey, Vec<Entry>>>,
    /// How many connections are open.
    count: AtomicUsize,
    /// When every change had been told last, by `clock`, in milliseconds; 0
    /// while nobody tells.
    told: AtomicU64,
    clock: SystemClock,
    is_lost: AtomicBool,
    watch: Mutex<Option<AbortHandle>>,
    policies: OnceLock<()>,
}

#[derive(Debug)]
struct Entry {
    notifier: Arc<Notifier>,
    /// Whether it is to hear of touches, too.
    touches: bool,
}

/// An open connection's place; it is left when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    open: OpenSessions,
    key: SessionKey,
    pub(super) notifier: Arc<Notifier>,
}

impl OpenSessions {
    /// Those of the stack that a request came through.
    pub(super) fn of(handle: &SessionHandle) -> Option<&Self> {
        handle.manager().shared()
    }

    /// Enters a connection: from now on its notifier is rung when its session ends
    /// or is updated on whatever node, when policies change, and, where it is
    /// to hear of `touches`, when this node records one.
    pub(super) fn enter(&self, manager: &SessionManager, key: SessionKey, touches: bool) -> Place {
        let notifier = Arc::new(Notifier::default());
        let entry = Entry {
            notifier: Arc::clone(&notifier),
            touches,
        };
        self.entries().entry(key).or_default().push(entry);
        self.0.count.fetch_add(1, Ordering::AcqRel);
        self.hear_of_policies(manager);
        self.watch(manager);
        Place {
            open: self.clone(),
            key,
            notifier,
        }
    }

    /// Whether changes are told of. While they are not, a connection asks by
    /// itself.
    pub(super) fn is_notified(&self) -> bool {
        self.0.told.load(Ordering::Acquire) != 0
    }

    /// What the time is by the machine's clock, which goes on while it sleeps.
    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// This node has recorded activity of the session.
    pub(crate) fn touched(&self, key: SessionKey) {
        // A request costs no more than this where nothing is open.
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let entries = self.entries();
        let entries = entries.get(&key).into_iter().flatten();
        entries
            .filter(|entry| entry.touches)
            .for_each(|entry| entry.notifier.notify());
    }

    fn hear_of_policies(&self, manager: &SessionManager) {
        self.0.policies.get_or_init(|| {
            let open = Arc::downgrade(&self.0);
            manager.policies().on_replace(move || ring_all(&open));
        });
    }

    /// Sets somebody to watch the store, unless somebody does or the store
    /// tells nothing.
    fn watch(&self, manager: &SessionManager) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let mut watch = lock(&self.0.watch);
        if watch.as_ref().is_some_and(|watch| !watch.is_finished()) {
            return;
        }
        let store = Arc::clone(manager.store());
        if store.watched().is_none() {
            return;
        }
        let is_local = store.is_local();
        let following = runtime.spawn(follow(store, watched, Arc::clone(&self.0)));
        let minding = mind(
            Arc::clone(&self.0),
            Following(following.abort_handle()),
            is_local,
        );
        *watch = Some(runtime.spawn(minding).abort_handle());
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<SessionKey, Vec<Entry>>> {
        lock(&self.0.entries)
    }
}

fn watched(store: &dyn SessionStore) -> Option<&dyn Watched> {
    store.watched()
}

/// Rings every notifier, while there is somebody to hear it.
fn ring_all(open: &Weak<Inner>) -> bool {
    open.upgrade().map(|open| open.ring_all()).is_some()
}

/// Ends with the task that looks after it.
struct Following(AbortHandle);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Notices when the store falls silent, and gives the watch up when nothing
/// has been open for a while.
fn mind(inner: Arc<Inner>, following: Following, is_local: bool) -> Task {
    Box::pin(async move {
        let _following = following;
        let mut idle = 0;
        loop {
            tokio::time::sleep(PULSE).await;
            if !is_local {
                inner.notice_silence();
            }
            idle = match inner.count.load(Ordering::Acquire) {
                0 => idle + 1,
                _ => 0,
            };
            if idle >= IDLE_ROUNDS {
                // Under the lock, so that whoever enters now starts another.
                let mut watch = lock(&inner.watch);
                if inner.count.load(Ordering::Acquire) == 0 {
                    *watch = None;
                    return;
                }
            }
        }
    })
}

impl Inner {
    fn ring_all(&self) {
        let entries = lock(&self.entries);
        entries
            .values()
            .flatten()
            .for_each(|entry| entry.notifier.notify());
    }

    fn notice_silence(&self) {
        let told = self.told.load(Ordering::Acquire);
        let silent = self.clock.now() - Timestamp::from_millis(told);
        if told != 0 && silent > SILENCE && self.lose() {
            self.log_loss(&"it fell silent");
        }
    }
}

impl Watcher for Inner {
    fn changed(&self, key: SessionKey) {
        let entries = lock(&self.entries);
        let entries = entries.get(&key).into_iter().flatten();
        entries.for_each(|entry| entry.notifier.notify());
    }

    fn mark(&self) -> Timestamp {
        self.clock.now()
    }

    fn caught_up(&self, mark: Timestamp) {
        if self
            .told
            .fetch_max(mark.as_millis().max(1), Ordering::AcqRel)
            != 0
        {
            return;
        }
        // What changed before was not told.
        self.ring_all();
        if self.is_lost.swap(false, Ordering::Relaxed) {
            tracing::info!("open connections hear of changes again");
        }
    }

    fn pulse(&self) -> Duration {
        PULSE
    }
}

impl Follower for Inner {
    fn lose(&self) -> bool {
        let told = self.told.swap(0, Ordering::AcqRel) != 0;
        if told {
            self.ring_all();
        }
        told
    }

    fn log_loss(&self, why: &dyn fmt::Display) {
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            let message = "open connections do not hear of changes: until they do again, each asks \
                           the session store once a second";
            log::warn(message, Some(why));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.open.entries();
        if let Some(entries) = all.get_mut(&self.key) {
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
            .field("is_told", &self.told)
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

    fn heard(place: &Place) -> bool {
        place.notifier.take(&Context::from_waker(Waker::noop()))
    }

    fn now(open: &OpenSessions) -> u64 {
        open.now().as_millis()
    }

    #[test]
    fn a_connection_that_is_gone_leaves_nothing_behind() {
        let (open, manager) = (OpenSessions::default(), manager());
        let enter = |name| open.enter(&manager, key(name), false);
        let (one, two, other) = (enter("a"), enter("a"), enter("b"));
        assert_eq!(open.0.count.load(Ordering::Relaxed), 3);
        drop(one);
        open.0.changed(key("a"));
        assert!(heard(&two), "the other one of its session is still there");
        drop((two, other));
        assert_eq!(open.0.count.load(Ordering::Relaxed), 0);
        assert!(open.entries().is_empty());
        open.0.changed(key("a"));
        open.touched(key("a"));
        assert!(open.entries().is_empty());
    }

    #[test]
    fn each_hears_of_its_own_session_and_of_touches_only_where_it_is_to() {
        let (open, manager) = (OpenSessions::default(), manager());
        let plain = open.enter(&manager, key("a"), false);
        let touches = open.enter(&manager, key("a"), true);
        let other = open.enter(&manager, key("b"), true);
        assert!(![&plain, &touches, &other].map(heard).contains(&true));
        open.0.changed(key("a"));
        assert_eq!([&plain, &touches, &other].map(heard), [true, true, false]);
        open.touched(key("a"));
        assert_eq!([&plain, &touches, &other].map(heard), [false, true, false]);
        assert!(
            ![&plain, &touches, &other].map(heard).contains(&true),
            "once"
        );
    }

    #[test]
    fn l06_all_hear_of_other_policies_until_the_stack_is_gone() {
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
        assert_eq!([&one, &two].map(heard), [true, true]);
        let weak = Arc::downgrade(&open.0);
        assert!(ring_all(&weak));
        drop((one, two, open));
        assert!(weak.upgrade().is_none(), "policies keep no stack alive");
        assert!(!ring_all(&weak));
        manager.policies().replace(stricter());
    }

    #[test]
    fn l14_who_begins_to_be_told_looks_once_for_what_it_was_not_told() {
        let (open, manager) = (OpenSessions::default(), manager());
        let place = open.enter(&manager, key("a"), false);
        assert!(!open.is_notified(), "there is no runtime to watch on");
        open.0.caught_up(open.0.mark());
        assert!(open.is_notified() && heard(&place));
        open.0.caught_up(open.0.mark());
        assert!(open.is_notified() && !heard(&place));
    }

    #[test]
    fn l14_a_loss_is_heard_by_all_and_once() {
        let (open, manager) = (OpenSessions::default(), manager());
        let place = open.enter(&manager, key("a"), false);
        assert!(!open.0.lose() && !heard(&place), "nobody told");
        open.0.caught_up(open.0.mark());
        heard(&place);
        assert!(open.0.lose());
        assert!(!open.is_notified() && heard(&place));
        assert!(!open.0.lose() && !heard(&place));
    }

    #[test]
    fn l14_a_store_that_has_fallen_silent_counts_as_not_telling() {
        let (open, manager) = (OpenSessions::default(), manager());
        let place = open.enter(&manager, key("a"), false);
        let silent_for = |millis: u64| {
            let told = now(&open) - millis;
            open.0.told.store(told, Ordering::Release);
            open.0.notice_silence();
            (open.is_notified(), heard(&place))
        };
        assert_eq!(silent_for(0), (true, false));
        assert_eq!(silent_for(600), (true, false), "it may be slow");
        assert_eq!(silent_for(850), (false, true));
        open.0.notice_silence();
        assert!(!heard(&place), "it is known by now");
        open.0.caught_up(open.0.mark());
        assert!(open.is_notified() && heard(&place));
    }

    // Marks that come back late or out of order are no news.
    #[test]
    fn an_older_mark_takes_nothing_back() {
        let open = OpenSessions::default();
        let (early, late) = (now(&open) - 1_000, now(&open));
        open.0.caught_up(Timestamp::from_millis(late));
        open.0.caught_up(Timestamp::from_millis(early));
        assert_eq!(open.0.told.load(Ordering::Acquire), late);
    }
}
