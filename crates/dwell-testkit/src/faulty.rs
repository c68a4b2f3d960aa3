//! A store around another one that fails on demand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dwell_core::delegate_store;
use dwell_core::store::{SessionStore, StoreError, StoreFuture};

/// A store that forwards every call to another one, until a test makes it fail,
/// hang, delay or panic. Clones share the fault. It is never local, so callers
/// wait for it as for a store behind a network.
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
    ReadOnly,
}

impl FaultyStore {
    /// Creates a store that forwards every call to `inner`.
    pub fn new(inner: impl SessionStore) -> Self {
        Self {
            inner: Arc::new(inner),
            shared: Arc::default(),
        }
    }

    /// Makes every further call fail. The inner store receives none.
    pub fn fail(&self) {
        self.set(Fault::Error);
    }

    /// Makes every further write fail, and answers reads: a full disk, a foreign
    /// lock, a replica that nobody may write to.
    pub fn fail_writes(&self) {
        self.set(Fault::ReadOnly);
    }

    /// Makes every further call hang forever. The inner store receives none.
    pub fn hang(&self) {
        self.set(Fault::Hang);
    }

    /// Delays every further call by `by`, on tokio's clock.
    pub fn delay(&self, by: Duration) {
        self.set(Fault::Delay(by));
    }

    /// Makes every further call panic when its answer is awaited.
    pub fn panic(&self) {
        self.set(Fault::Panic);
    }

    /// Forwards every further call again.
    pub fn heal(&self) {
        self.set(Fault::None);
    }

    /// Returns the number of look-ups and lists, failed ones included.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.shared.reads.load(Ordering::SeqCst)
    }

    /// Returns the number of creations, touches, updates and ends, failed ones
    /// included. Reaping passes do not count.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.shared.writes.load(Ordering::SeqCst)
    }

    /// Returns the number of calls that were reads or writes, failed ones
    /// included. `touch_and_load` is a read and a write in one call.
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
            "reap" | "acknowledge" => (false, false),
            operation => reads_and_writes(operation),
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

    /// Calls the inner store only when the fault allows it. A store in memory
    /// would do its work at the call.
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
                Fault::ReadOnly if reads_and_writes(operation).1 => {
                    return Err(StoreError::unavailable("a test made writes fail"));
                }
                Fault::None | Fault::ReadOnly => {}
                Fault::Delay(by) => tokio::time::sleep(by).await,
                Fault::Error => return Err(StoreError::unavailable("a test made the store fail")),
                Fault::Hang => std::future::pending().await,
                #[allow(clippy::panic, reason = "a test asked for it")]
                Fault::Panic => panic!("a test made the store panic"),
            }
            ask().await
        })
    }
}

/// Whether an operation reads, and whether it writes.
fn reads_and_writes(operation: &str) -> (bool, bool) {
    match operation {
        "now" => (false, false),
        "load" | "load_uncopied" | "list" => (true, false),
        "touch_and_load" => (true, true),
        _ => (false, true),
    }
}

impl SessionStore for FaultyStore {
    delegate_store!(self => self.inner, through answer, except is_local, watched);
}
