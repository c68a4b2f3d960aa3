//! A store around another one that fails as it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dwell_core::delegate_store;
use dwell_core::store::{SessionStore, StoreError, StoreFuture};

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

    fn count(&self, operation: &'static str) {
        let (is_read, is_write) = match operation {
            "now" | "reap" | "acknowledge" => (false, false),
            "load" | "load_uncopied" | "list" => (true, false),
            "touch_and_load" => (true, true),
            _ => (false, true),
        };
        let counts = [
            (is_read, &self.shared.reads),
            (is_write, &self.shared.writes),
            (is_read && is_write, &self.shared.both),
        ];
        for (counts, counter) in counts {
            counter.fetch_add(counts.into(), Ordering::SeqCst);
        }
    }

    /// The inner store is asked when its turn comes, and not before: one in
    /// memory would have done its work already.
    fn answer<'a, T: Send + 'a>(
        &self,
        operation: &'static str,
        ask: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        self.count(operation);
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
            ask().await
        })
    }
}

impl SessionStore for FaultyStore {
    delegate_store!(self => self.inner, through answer, except is_local, watched);
}
