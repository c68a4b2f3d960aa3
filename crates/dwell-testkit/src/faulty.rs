//! A store around another one that fails as it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    TouchOutcome, Update, Updated,
};
use dwell_core::{EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};

/// A store that passes everything on, until it is told to fail, hang, be slow
/// or panic. Clones share what they are told. It is never local: whoever uses
/// it has to wait, as for a store behind a network.
///
/// ```
/// use dwell_core::store::SessionStore;
/// use dwell_core::SessionKey;
/// use dwell_memory::MemoryStore;
/// use dwell_testkit::FaultyStore;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = FaultyStore::new(MemoryStore::new());
/// let key = SessionKey::from_bytes([7; 16]);
/// store.fail();
/// assert!(store.load(key).await.is_err());
/// store.heal();
/// assert!(store.load(key).await.is_ok());
/// assert_eq!((store.reads(), store.writes()), (2, 0));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FaultyStore {
    inner: Arc<dyn SessionStore>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    fault: Mutex<Fault>,
    reads: AtomicUsize,
    writes: AtomicUsize,
    /// Calls that are both.
    both: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default)]
enum Fault {
    #[default]
    None,
    Delay(Duration),
    Error,
    Hang,
    Panic,
}

impl FaultyStore {
    /// Passes everything on to `inner` for now.
    pub fn new(inner: impl SessionStore) -> Self {
        Self {
            inner: Arc::new(inner),
            shared: Arc::default(),
        }
    }

    /// From now on answers nothing but errors; nothing reaches the inner
    /// store.
    pub fn fail(&self) {
        self.set(Fault::Error);
    }

    /// From now on never answers; nothing reaches the inner store.
    pub fn hang(&self) {
        self.set(Fault::Hang);
    }

    /// From now on answers after so long, by tokio's clock.
    pub fn delay(&self, by: Duration) {
        self.set(Fault::Delay(by));
    }

    /// From now on panics when its answer is awaited.
    pub fn panic(&self) {
        self.set(Fault::Panic);
    }

    /// From now on passes everything on again.
    pub fn heal(&self) {
        self.set(Fault::None);
    }

    /// How many look-ups and lists there were, failed ones included.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.shared.reads.load(Ordering::SeqCst)
    }

    /// How many creations, touches, updates and ends there were, failed ones
    /// included. Reaping passes do not count.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.shared.writes.load(Ordering::SeqCst)
    }

    /// How often it was asked for any of that, failed calls included: a touch
    /// that goes along with a look-up is a write and a read in one call.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.reads() + self.writes() - self.shared.both.load(Ordering::SeqCst)
    }

    fn set(&self, fault: Fault) {
        *self
            .shared
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn read<'a, T: Send + 'a>(
        &'a self,
        answer: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        self.shared.reads.fetch_add(1, Ordering::SeqCst);
        self.answer(answer)
    }

    fn write<'a, T: Send + 'a>(
        &'a self,
        answer: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        self.shared.writes.fetch_add(1, Ordering::SeqCst);
        self.answer(answer)
    }

    /// The inner store is asked when its turn comes, and not before: one in
    /// memory would have done its work already.
    fn answer<'a, T: Send + 'a>(
        &'a self,
        answer: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let fault = *self
            .shared
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        StoreFuture::boxed(async move {
            match fault {
                Fault::None => {}
                Fault::Delay(by) => tokio::time::sleep(by).await,
                Fault::Error => return Err(StoreError::unavailable("the store was told to fail")),
                Fault::Hang => std::future::pending().await,
                #[allow(clippy::panic, reason = "it was told to")]
                Fault::Panic => panic!("the store was told to panic"),
            }
            answer().await
        })
    }
}

impl SessionStore for FaultyStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        self.answer(|| self.inner.now())
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.read(move || self.inner.load(key))
    }

    fn load_uncopied(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.read(move || self.inner.load_uncopied(key))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        self.write(move || self.inner.create(record, quota, judge))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        self.write(move || self.inner.touch(key, touch))
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        self.write(move || self.inner.update(key, version, update))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        self.write(move || self.inner.end(key, end))
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        self.shared.reads.fetch_add(1, Ordering::SeqCst);
        self.shared.both.fetch_add(1, Ordering::SeqCst);
        self.write(move || self.inner.touch_and_load(key, touch))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        self.read(move || self.inner.list(subject))
    }

    fn reap(&self, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        self.answer(move || self.inner.reap(judge, batch))
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        self.answer(move || self.inner.acknowledge(keys))
    }
}
