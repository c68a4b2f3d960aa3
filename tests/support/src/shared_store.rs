//! A store that several nodes share and that sends changes, with a watch that
//! tests can delay, break or make panic.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dwell_core::store::{
    BoxedAnswer, Created, DuePolicy, End, Loaded, PULSE, Quota, Reaped, SessionStore, StoreError,
    StoreFuture, Update, Updated, Watched, Watcher,
};
use dwell_core::{EndReason, EndedSession, SessionKey, SessionRecord, delegate_store};
use dwell_testkit::FaultyStore;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::timeout;

use crate::{Pause, pass};

/// A store that sends changes as the test says. Clones share everything.
#[derive(Clone, Debug)]
pub struct SharedStore {
    /// The inner store, which counts calls and fails on demand.
    pub inner: FaultyStore,
    /// Pauses look-ups after the store has answered.
    pub late: Option<Pause>,
    told: broadcast::Sender<Told>,
    line: Arc<AtomicU8>,
    starts: Arc<watch::Sender<usize>>,
    /// Whether watches check regularly that nothing was missed.
    pulses: bool,
    /// The delay of changes in watches that begin from now on.
    lag: Arc<Mutex<Duration>>,
    /// The further delay of changes in watches of near copies.
    copies_lag: Duration,
}

#[derive(Clone, Debug)]
enum Told {
    Broken,
    Changed(SessionKey),
    /// A test waits until each node has received everything.
    Pulse {
        _heard: mpsc::Sender<()>,
    },
}

/// The state of watches that begin.
const SOUND: u8 = 0;
const BROKEN: u8 = 1;
const PANICS: u8 = 2;
/// Sends nothing, unnoticed.
const QUIET: u8 = 3;

impl SharedStore {
    /// Creates a store whose watches check for missed changes only on
    /// [`pulse`](Self::pulse).
    pub fn new(inner: FaultyStore) -> Self {
        Self {
            inner,
            late: None,
            told: broadcast::channel(64).0,
            line: Arc::default(),
            starts: Arc::default(),
            pulses: false,
            lag: Arc::default(),
            copies_lag: Duration::ZERO,
        }
    }

    /// Lets watches check for missed changes at every pulse.
    pub fn with_pulse(mut self) -> Self {
        self.pulses = true;
        self
    }

    /// Delays changes to near copies, which are allowed some delay.
    pub fn with_late_copies(mut self, lag: Duration) -> Self {
        self.copies_lag = lag;
        self
    }

    /// Delays changes in watches that begin from now on.
    pub fn lag(&self, lag: Duration) {
        *self.lag.lock().unwrap() = lag;
    }

    /// Waits until this many watches have begun.
    pub async fn watched(&self, times: usize) {
        let mut starts = self.starts.subscribe();
        starts.wait_for(|starts| *starts >= times).await.unwrap();
    }

    /// Returns how many watches have begun.
    pub fn starts(&self) -> usize {
        *self.starts.borrow()
    }

    /// Returns how many watches there are.
    pub fn watches(&self) -> usize {
        self.told.receiver_count()
    }

    /// Waits until every node has received everything so far.
    pub async fn pulse(&self) {
        let (heard, mut all) = mpsc::channel(1);
        self.tell(Told::Pulse { _heard: heard });
        assert_eq!(all.recv().await, None);
    }

    /// Sends a change of this session.
    pub fn tell_of(&self, key: SessionKey) {
        self.tell(Told::Changed(key));
    }

    /// Breaks all watches, also those that begin from now on.
    pub fn break_off(&self) {
        self.tell(Told::Broken);
        self.line.store(BROKEN, Ordering::SeqCst);
    }

    /// Makes watches that begin from now on panic, and breaks the others.
    pub fn panic(&self) {
        self.tell(Told::Broken);
        self.line.store(PANICS, Ordering::SeqCst);
    }

    /// Sends nothing from now on, unnoticed.
    pub fn fall_quiet(&self) {
        self.line.store(QUIET, Ordering::SeqCst);
    }

    /// Lets watches that begin from now on work.
    pub fn mend(&self) {
        self.line.store(SOUND, Ordering::SeqCst);
    }

    fn tell(&self, told: Told) {
        if self.line.load(Ordering::SeqCst) != QUIET {
            // There may be no receiver.
            let _ = self.told.send(told);
        }
    }
}

impl Watched for SharedStore {
    fn watch<'a>(&'a self, watcher: &'a dyn Watcher) -> BoxedAnswer<'a, Infallible> {
        Box::pin(async move {
            let mut told = self.told.subscribe();
            let mut lag = *self.lag.lock().unwrap();
            if watcher.pulse() == PULSE {
                lag += self.copies_lag;
            }
            let pulse = match self.pulses {
                true => watcher.pulse(),
                false => Duration::MAX,
            };
            self.starts.send_modify(|starts| *starts += 1);
            match self.line.load(Ordering::SeqCst) {
                BROKEN => return Err(StoreError::unavailable("a test broke the watch")),
                PANICS => panic!("a test made the watch panic"),
                _ => {}
            }
            loop {
                match timeout(pulse, told.recv()).await {
                    Ok(Ok(Told::Changed(key))) => {
                        pass(lag).await;
                        watcher.changed(key);
                    }
                    Ok(Ok(Told::Pulse { .. })) | Err(_) => {
                        let mark = watcher.mark();
                        watcher.caught_up(mark);
                    }
                    Ok(Ok(Told::Broken) | Err(_)) => {
                        return Err(StoreError::unavailable("a test broke the watch"));
                    }
                }
            }
        })
    }
}

impl SessionStore for SharedStore {
    delegate_store!(self => self.inner, only now, touch, count_failure, touch_and_load, list, acknowledge);

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        let loaded = self.inner.load(key);
        StoreFuture::boxed(async move {
            let loaded = loaded.await;
            if let Some(late) = &self.late {
                late.here().await;
            }
            loaded
        })
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        let created = self.inner.create(record, quota, due);
        StoreFuture::boxed(async move {
            let created = created.await?;
            if let Created::Created { ended } = &created {
                ended.iter().for_each(|one| self.tell_of(one.record.key));
            }
            Ok(created)
        })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        let updated = self.inner.update(key, version, update);
        StoreFuture::boxed(async move {
            let updated = updated.await?;
            if let Updated::Applied(_) = &updated {
                self.tell_of(key);
            }
            Ok(updated)
        })
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        let ended = self.inner.end(key, end);
        StoreFuture::boxed(async move {
            let ended = ended.await?;
            if ended.is_some() {
                self.tell_of(key);
            }
            Ok(ended)
        })
    }

    fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> StoreFuture<'_, Vec<EndedSession>> {
        let ended = self.inner.end_many(keys, reason);
        StoreFuture::boxed(async move {
            let ended = ended.await?;
            ended.iter().for_each(|one| self.tell_of(one.record.key));
            Ok(ended)
        })
    }

    fn reap(&self, due: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        let reaped = self.inner.reap(due, batch);
        StoreFuture::boxed(async move {
            let reaped = reaped.await?;
            let ended = reaped.ended.iter().map(|ended| ended.record.key);
            let locked = reaped.locked.iter().map(|record| record.key);
            ended.chain(locked).for_each(|key| self.tell_of(key));
            Ok(reaped)
        })
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }
}
