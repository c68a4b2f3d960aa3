//! A store that is not waited for longer than stated.

use std::sync::Arc;
use std::time::Duration;

use dwell_core::delegate_store;
use dwell_core::store::{SessionStore, StoreError, StoreFuture};

/// Bounds how long any answer of a store is waited for (law L8): after that
/// it counts as unreachable.
///
/// The session layer puts it around its store; answers that are there at once
/// pass through without a timer. Waiting needs a tokio runtime.
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
    /// Waits for answers of `inner` no longer than `limit`.
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
