//! A store with a bound on waiting for its answers.

use std::sync::Arc;
use std::time::Duration;

use dwell_core::delegate_store;
use dwell_core::store::{SessionStore, StoreError, StoreFuture};

/// Bounds how long each answer of a store is waited for (law L8). After that the
/// answer is [`StoreError::Timeout`].
///
/// The session layer wraps its store in one with two seconds. Answers that are
/// ready at once need no timer. Waiting needs a tokio runtime.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use dwell_memory::MemoryStore;
/// use dwell_tower::BoundedStore;
///
/// let store = BoundedStore::new(Arc::new(MemoryStore::new()), Duration::from_millis(500));
/// # let _ = store;
/// ```
#[derive(Debug)]
pub struct BoundedStore {
    inner: Arc<dyn SessionStore>,
    limit: Duration,
}

impl BoundedStore {
    /// Returns a store that waits for answers of `inner` for at most `limit`.
    #[must_use]
    pub fn new(inner: Arc<dyn SessionStore>, limit: Duration) -> Self {
        Self { inner, limit }
    }

    fn bound<'a, T: Send + 'a>(
        &self,
        _operation: &'static str,
        ask: impl FnOnce() -> StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        let limit = self.limit;
        match ask().into_ready() {
            Ok(answer) => StoreFuture::ready(answer),
            Err(future) => StoreFuture::boxed(async move {
                let answer = tokio::time::timeout(limit, future).await;
                answer.unwrap_or(Err(StoreError::Timeout(limit)))
            }),
        }
    }
}

impl SessionStore for BoundedStore {
    delegate_store!(self => self.inner, through bound);
}
