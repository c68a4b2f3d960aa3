//! A store's change feed: one watch for everything on this node that listens.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use dwell_core::store::{self, SessionStore, Watcher};
use dwell_core::{Clock, SessionKey, SystemClock, Timestamp};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::follow::follow;
use crate::log;
use crate::sync::lock;
use crate::task::Task;

/// How often the store confirms that it has delivered every change, if nothing
/// but open connections listens; and how often the feed looks for silence, and
/// for listeners.
const PULSE: Duration = Duration::from_millis(250);

/// A feed that was not confirmed for this long counts as lost.
const SILENCE: Duration = Duration::from_millis(750);

/// Pulses without an active listener until the watch is given up: a minute.
const IDLE_PULSES: u32 = 240;

/// The feeds of this process, by the address of what is watched. A feed keeps
/// its store alive, so no two stores with a feed share an address.
static FEEDS: Mutex<Feeds> = Mutex::new(Vec::new());

type Feeds = Vec<(Option<usize>, Weak<Feed>)>;

/// Receives a store's changes.
pub(crate) trait Listener: Send + Sync {
    /// The session under this key has ended or was updated.
    fn changed(&self, key: SessionKey);

    /// Changes may have been missed: the feed is lost, or it has just begun.
    fn missed(&self);

    /// Whether the feed is needed now.
    fn is_active(&self) -> bool;
}

/// The changes of one store. The watch ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Feed(Arc<State>);

#[derive(Debug)]
struct State {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    pulse: Duration,
    /// The last mark up to which every change was delivered, in milliseconds
    /// by `clock`; 0 while the feed is down.
    complete_to: AtomicU64,
    /// Whether the log says that the feed is lost.
    is_loss_logged: AtomicBool,
    listeners: Mutex<Vec<Weak<dyn Listener>>>,
    task: Mutex<Option<AbortHandle>>,
}

impl Feed {
    /// Finds or makes the feed of a store; `None` if the store has none.
    pub(crate) fn of(store: &Arc<dyn SessionStore>) -> Option<Arc<Self>> {
        let address = Some(address(store)?);
        let mut feeds = lock(&FEEDS);
        let mut newest_first = feeds.iter().rev();
        let known = newest_first.find_map(|(at, feed)| (*at == address).then(|| feed.upgrade())?);
        Some(known.unwrap_or_else(|| {
            let clock = Arc::new(SystemClock::new());
            Self::insert(&mut feeds, Arc::clone(store), clock, PULSE)
        }))
    }

    /// Makes the feed of a store for a near cache, which needs a shorter pulse
    /// than open connections.
    pub(crate) fn near(store: Arc<dyn SessionStore>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::insert(&mut lock(&FEEDS), store, clock, store::PULSE)
    }

    fn insert(
        feeds: &mut Feeds,
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        pulse: Duration,
    ) -> Arc<Self> {
        let address = address(&store);
        let feed = Arc::new(Self(Arc::new(State {
            store,
            clock,
            pulse,
            complete_to: AtomicU64::new(0),
            is_loss_logged: AtomicBool::new(false),
            listeners: Mutex::default(),
            task: Mutex::default(),
        })));
        feeds.retain(|(_, other)| other.strong_count() > 0);
        feeds.push((address, Arc::downgrade(&feed)));
        feed
    }

    /// Delivers changes to `listener` from now on, while there is a watch.
    pub(crate) fn subscribe(&self, listener: &Arc<impl Listener + 'static>) {
        let listener = Arc::downgrade(listener);
        lock(&self.0.listeners).push(listener);
    }

    /// Starts the watch on this task's runtime, if none is running.
    pub(crate) fn start(&self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut task = lock(&self.0.task);
        if task.as_ref().is_none_or(AbortHandle::is_finished) {
            let run: Task = Box::pin(run(Arc::clone(&self.0)));
            *task = Some(runtime.spawn(run).abort_handle());
        }
    }

    /// Whether changes are delivered.
    pub(crate) fn is_live(&self) -> bool {
        self.complete_to().is_some()
    }

    /// The instant up to which every change was delivered; `None` while the
    /// feed is down.
    pub(crate) fn complete_to(&self) -> Option<Timestamp> {
        self.0.complete_to()
    }

    /// The store whose changes these are.
    pub(crate) fn store(&self) -> &Arc<dyn SessionStore> {
        &self.0.store
    }

    /// The clock of [`complete_to`](Self::complete_to).
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }
}

fn address(store: &Arc<dyn SessionStore>) -> Option<usize> {
    Some(std::ptr::from_ref(store.watched()?).addr())
}

impl Drop for Feed {
    fn drop(&mut self) {
        let task = lock(&self.0.task).take();
        task.inspect(AbortHandle::abort);
    }
}

/// Watches until no listener has been active for a while.
async fn run(state: Arc<State>) {
    let running = Running(Arc::clone(&state));
    let Some(store) = state.store.watched() else {
        state.fail(&"`SessionStore::watched` returns `None`");
        return;
    };
    let mut following = pin!(follow(store, &*state, |why| state.fail(why)));
    let mut idle_pulses = 0;
    loop {
        let Err(_) = timeout(PULSE, following.as_mut()).await;
        // A local store has nothing to ask, so it is always silent.
        if !store.is_local() {
            state.notice_silence();
        }
        idle_pulses += 1;
        if state.is_needed() {
            idle_pulses = 0;
        }
        if idle_pulses < IDLE_PULSES {
            continue;
        }
        // Under the lock, so that a listener that comes now starts the next
        // watch, and that watch is not marked as lost by this one's end.
        let mut task = lock(&state.task);
        if !state.is_needed() {
            *task = None;
            drop(running);
            return;
        }
    }
}

/// Marks the feed as lost also when the task is aborted or its runtime shuts
/// down.
struct Running(Arc<State>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lose();
    }
}

impl State {
    fn complete_to(&self) -> Option<Timestamp> {
        let millis = self.complete_to.load(Ordering::Acquire);
        (millis != 0).then(|| Timestamp::from_millis(millis))
    }

    fn listeners(&self) -> Vec<Arc<dyn Listener>> {
        let mut listeners = lock(&self.listeners);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.iter().filter_map(Weak::upgrade).collect()
    }

    fn is_needed(&self) -> bool {
        self.listeners().iter().any(|one| one.is_active())
    }

    fn notice_silence(&self) {
        let complete_to = self.complete_to();
        if complete_to.is_some_and(|at| self.clock.now() - at > SILENCE) {
            self.fail(&"the store fell silent");
        }
    }

    /// Marks the feed as lost. Returns whether it was live.
    fn lose(&self) -> bool {
        // First, so that nothing relies on the feed any more.
        let was_live = self.complete_to.swap(0, Ordering::AcqRel) != 0;
        if was_live {
            self.listeners().iter().for_each(|one| one.missed());
        }
        was_live
    }

    /// Marks the feed as lost and logs why. Returns whether it was live.
    fn fail(&self, why: &dyn fmt::Display) -> bool {
        let was_live = self.lose();
        if !self.is_loss_logged.swap(true, Ordering::Relaxed) {
            let message = "change feed lost; until it is back, near caches do not answer and open \
                           connections poll the session store every second";
            log::warn(message, Some(why));
        }
        was_live
    }
}

impl Watcher for State {
    fn changed(&self, key: SessionKey) {
        self.listeners().iter().for_each(|one| one.changed(key));
    }

    fn mark(&self) -> Timestamp {
        self.clock.now()
    }

    fn caught_up(&self, mark: Timestamp) {
        let mark = mark.as_millis().max(1);
        if self.complete_to.fetch_max(mark, Ordering::AcqRel) != 0 {
            return;
        }
        // Changes before this one mark were not delivered.
        self.listeners().iter().for_each(|one| one.missed());
        if self.is_loss_logged.swap(false, Ordering::Relaxed) {
            tracing::info!("change feed is back");
        }
    }

    fn pulse(&self) -> Duration {
        self.pulse
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use dwell_core::ManualClock;
    use dwell_memory::MemoryStore;

    use super::*;

    #[derive(Default)]
    struct Counter {
        changed: AtomicUsize,
        missed: AtomicUsize,
    }

    impl Listener for Counter {
        fn changed(&self, _: SessionKey) {
            self.changed.fetch_add(1, Ordering::Relaxed);
        }

        fn missed(&self) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }

        fn is_active(&self) -> bool {
            true
        }
    }

    impl Counter {
        fn changed(&self) -> usize {
            self.changed.swap(0, Ordering::Relaxed)
        }

        fn missed(&self) -> usize {
            self.missed.swap(0, Ordering::Relaxed)
        }
    }

    fn feed() -> (Arc<Feed>, ManualClock) {
        let clock = ManualClock::new();
        let feed = Feed::near(Arc::new(MemoryStore::new()), Arc::new(clock.clone()));
        (feed, clock)
    }

    fn listener(feed: &Feed) -> Arc<Counter> {
        let counter = Arc::new(Counter::default());
        feed.subscribe(&counter);
        counter
    }

    fn catch_up(feed: &Feed) {
        feed.0.caught_up(feed.0.mark());
    }

    #[test]
    fn every_listener_gets_every_change_until_it_is_gone() {
        let (feed, _) = feed();
        let (one, two) = (listener(&feed), listener(&feed));
        feed.0.changed(SessionKey::adopted(b"a"));
        assert_eq!((one.changed(), two.changed()), (1, 1));
        drop(one);
        feed.0.changed(SessionKey::adopted(b"b"));
        assert_eq!(two.changed(), 1);
        assert!(feed.0.is_needed());
        drop(two);
        assert!(!feed.0.is_needed());
        assert!(lock(&feed.0.listeners).is_empty());
    }

    #[test]
    fn l14_starting_feed_reports_gap_before_it_once() {
        let (feed, _) = feed();
        let listener = listener(&feed);
        assert!(!feed.is_live());
        catch_up(&feed);
        assert!(feed.is_live());
        assert_eq!(listener.missed(), 1);
        catch_up(&feed);
        assert!(feed.is_live());
        assert_eq!(listener.missed(), 0);
    }

    #[test]
    fn l14_loss_is_reported_to_all_once() {
        let (feed, _) = feed();
        let (one, two) = (listener(&feed), listener(&feed));
        assert!(!feed.0.lose(), "it was not live");
        assert_eq!((one.missed(), two.missed()), (0, 0));
        catch_up(&feed);
        assert_eq!((one.missed(), two.missed()), (1, 1));
        assert!(feed.0.lose());
        assert!(!feed.is_live());
        assert_eq!((one.missed(), two.missed()), (1, 1));
        assert!(!feed.0.lose());
        assert_eq!((one.missed(), two.missed()), (0, 0));
    }

    #[test]
    fn l14_silent_store_counts_as_lost() {
        let (feed, clock) = feed();
        let listener = listener(&feed);
        let silent_for = |millis| {
            catch_up(&feed);
            listener.missed();
            clock.advance(Duration::from_millis(millis));
            feed.0.notice_silence();
            (feed.is_live(), listener.missed())
        };
        assert_eq!(silent_for(0), (true, 0));
        assert_eq!(silent_for(750), (true, 0), "it may be slow");
        assert_eq!(silent_for(751), (false, 1));
        feed.0.notice_silence();
        assert_eq!(listener.missed(), 0, "it is known by now");
        catch_up(&feed);
        assert_eq!((feed.is_live(), listener.missed()), (true, 1));
    }

    #[test]
    fn late_mark_takes_nothing_back() {
        let (feed, clock) = feed();
        let early = feed.0.mark();
        clock.advance(Duration::from_secs(1));
        let late = feed.0.mark();
        feed.0.caught_up(late);
        feed.0.caught_up(early);
        assert_eq!(feed.complete_to(), Some(late));
    }

    #[test]
    fn feed_is_found_by_its_store_while_it_exists() {
        let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
        let other: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
        let one = Feed::of(&store).unwrap();
        assert!(Arc::ptr_eq(&one, &Feed::of(&store).unwrap()));
        assert!(!Arc::ptr_eq(&one, &Feed::of(&other).unwrap()));
        catch_up(&one);
        drop(one);
        assert!(!Feed::of(&store).unwrap().is_live(), "a new one");
    }
}
