//! A store that is not waited for longer than stated.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dwell_core::engine::Activation;
use dwell_core::store::{
    BoxedAnswer, Created, End, Judge, Loaded, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    Touched, Update, Updated,
};
use dwell_core::{EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};
use pin_project_lite::pin_project;
use tokio::task::coop::{Unconstrained, unconstrained};
use tokio::time::{Sleep, sleep};

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
/// use dwell_core::MemoryStore;
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

    fn bound<'a, T: Send + 'a>(&self, answer: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        let limit = self.limit;
        match answer.into_ready() {
            Ok(answer) => StoreFuture::ready(answer),
            Err(future) => StoreFuture::boxed(Waiting {
                answer: future,
                patience: unconstrained(sleep(limit)),
                limit,
            }),
        }
    }
}

pin_project! {
    /// An answer that is waited for. `tokio::time::timeout` does the same with
    /// 600 bytes more of code for each kind of answer.
    struct Waiting<'a, T> {
        answer: BoxedAnswer<'a, T>,
        // Also when the answer's polls use up what a task may do in one go.
        #[pin]
        patience: Unconstrained<Sleep>,
        limit: Duration,
    }
}

impl<T> Future for Waiting<'_, T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => {
                let over = this.patience.poll(cx);
                over.map(|()| Err(StoreError::Timeout(*this.limit)))
            }
        }
    }
}

impl SessionStore for BoundedStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        self.bound(self.inner.now())
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.bound(self.inner.load(key))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: Judge,
    ) -> StoreFuture<'_, Created> {
        self.bound(self.inner.create(record, quota, judge))
    }

    fn touch(&self, key: SessionKey, activation: Activation) -> StoreFuture<'_, Touched> {
        self.bound(self.inner.touch(key, activation))
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        self.bound(self.inner.update(key, version, update))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        self.bound(self.inner.end(key, end))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        self.bound(self.inner.list(subject))
    }

    fn reap(&self, judge: Judge, batch: usize) -> StoreFuture<'_, Reaped> {
        self.bound(self.inner.reap(judge, batch))
    }

    fn is_local(&self) -> bool {
        self.inner.is_local()
    }
}
