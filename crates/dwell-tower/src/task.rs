//! Background tasks.

use std::future::Future;
use std::pin::Pin;

/// A boxed task for tokio. Tokio generates code for every type of task, and
/// tasks here are started too rarely for that to pay.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Spawns a task on the current tokio runtime; without one the work is lost.
pub(crate) fn spawn(work: Task) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}
