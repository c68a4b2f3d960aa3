//! Work that goes on when its caller goes away (law L19).

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

/// Runs work in the background; see
/// [`SessionManager::spawn_with`](crate::SessionManager::spawn_with).
pub type Spawn = fn(Pin<Box<dyn Future<Output = ()> + Send>>);

/// Work that its caller awaits. If the caller drops it half-way, the rest runs
/// in the background, where there is a way to spawn it.
pub(super) struct Outliving<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    spawn: Arc<OnceLock<Spawn>>,
}

impl<T: Send + 'static> Outliving<T> {
    pub(super) fn new(
        work: impl Future<Output = T> + Send + 'static,
        spawn: &Arc<OnceLock<Spawn>>,
    ) -> Self {
        Self {
            work: Some(Box::pin(work)),
            spawn: Arc::clone(spawn),
        }
    }
}

impl<T: Send + 'static> Future for Outliving<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Work that panics is not put back.
        let Some(mut work) = self.work.take() else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Outliving<T> {
    fn drop(&mut self) {
        if let (Some(work), Some(spawn)) = (self.work.take(), self.spawn.get()) {
            spawn(Box::pin(async move { drop(work.await) }));
        }
    }
}
