//! Hears of a store's changes, and starts again when that breaks off.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use dwell_core::store::{StoreError, Watched, Watcher};

use crate::reaper::{Task, random_part};

/// The pauses between tries: from the first on twice as long each time, a
/// random part of it less, so that nodes do not come back together.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A watcher that is told when nobody tells it any more.
pub(crate) trait Follower: Watcher {
    /// What happens from now on is not told. Whether it was until now.
    fn lose(&self) -> bool;

    /// Says so in the log.
    fn log_loss(&self, why: &dyn fmt::Display);
}

/// Lets `follower` hear of changes until the task is aborted. `find` gives the
/// part of the store that tells of them; without one there is nothing to do.
pub(crate) fn follow<S, F>(
    store: Arc<S>,
    find: fn(&S) -> Option<&dyn Watched>,
    follower: Arc<F>,
) -> Task
where
    S: Send + Sync + ?Sized + 'static,
    F: Follower + 'static,
{
    Box::pin(async move {
        // Also when the runtime is shut down, or the task was aborted.
        let told = Told(follower);
        let Some(watched) = find(&store) else { return };
        let mut pause = FIRST_PAUSE;
        loop {
            let why = watch(watched, &*told.0).await;
            if told.0.lose() {
                pause = FIRST_PAUSE;
            }
            match &why {
                Some(error) => told.0.log_loss(error),
                None => told.0.log_loss(&"it panicked"),
            }
            tokio::time::sleep(pause.mul_f64(1.0 - random_part() / 2.0)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    })
}

/// Whoever stops telling says so.
struct Told<F: Follower>(Arc<F>);

impl<F: Follower> Drop for Told<F> {
    fn drop(&mut self) {
        self.0.lose();
    }
}

/// Watches until that breaks off; `None` where it panicked.
async fn watch(store: &dyn Watched, watcher: &dyn Watcher) -> Option<StoreError> {
    let never = |lost: Result<Infallible, StoreError>| match lost {
        Err(error) => error,
    };
    let mut watch = None;
    poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| {
            let watch = watch.get_or_insert_with(|| store.watch(watcher));
            watch.as_mut().poll(cx)
        });
        match catch_unwind(poll) {
            Ok(poll) => poll.map(|lost| Some(never(lost))),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
