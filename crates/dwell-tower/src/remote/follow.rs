//! Keeps a watch on a store: begins it again when it is lost.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use dwell_core::store::{StoreError, Watched, Watcher};

use crate::reaper::random_part;

/// The pauses between attempts double from the first on. A random part of up
/// to half is taken off, so that nodes do not come back together.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Watches `store` for `watcher`, forever. `fail` notes each loss, and returns
/// whether changes were delivered until then.
pub(crate) async fn follow(
    store: &dyn Watched,
    watcher: &dyn Watcher,
    fail: impl Fn(&dyn fmt::Display) -> bool,
) -> Infallible {
    let mut pause = FIRST_PAUSE;
    loop {
        let was_live = match watch(store, watcher).await {
            Some(error) => fail(&error),
            None => fail(&"the watch panicked"),
        };
        if was_live {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause.mul_f64(1.0 - random_part() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Watches until the watch is lost; returns `None` if it panicked.
async fn watch(store: &dyn Watched, watcher: &dyn Watcher) -> Option<StoreError> {
    let mut watch = None;
    poll_fn(|cx| {
        let poll = AssertUnwindSafe(|| {
            let watch = watch.get_or_insert_with(|| store.watch(watcher));
            watch.as_mut().poll(cx)
        });
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Result::err),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
