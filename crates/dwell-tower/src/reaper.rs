//! The background task that makes ends certain (law L12).

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Weak;
use std::time::Duration;

use dwell_core::SessionManager;

use crate::log;

/// Ends what is due even when no request ever comes again, and forgets
/// tombstones whose time is over.
///
/// The session layer starts one by itself when it is put around a service, or
/// on its first request where there is no tokio runtime before. Its first
/// pass comes after a random part of the interval, so that nodes that start
/// together do not reap together; a pass looks at a bounded number of entries
/// and is followed by the next at once while more is due. A failed pass, or
/// one that panics, is logged, and the next one comes as planned.
///
/// ```
/// use std::time::Duration;
///
/// use dwell_core::{PolicySet, Timeouts, SessionManager, hours, minutes};
/// use dwell_memory::MemoryStore;
/// use dwell_tower::Reaper;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let manager = SessionManager::builder(MemoryStore::new(), policies).build();
/// let reaper = Reaper::new(manager).with_interval(Duration::from_secs(5));
/// let running = tokio::spawn(reaper.run());
/// running.abort();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reaper {
    manager: SessionManager,
    interval: Duration,
    batch: usize,
}

impl Reaper {
    /// A reaper that passes every second and takes 1,000 entries at a time.
    #[must_use]
    pub fn new(manager: SessionManager) -> Self {
        Self {
            manager,
            interval: Duration::from_secs(1),
            batch: 1_000,
        }
    }

    /// The time between passes.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The most entries of a pass; at least one.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch.max(1);
        self
    }

    /// Passes for ever.
    pub async fn run(self) {
        self.run_while(|| true).await;
    }

    /// Passes until nobody holds the other end of `alive`.
    pub(crate) async fn run_until_dropped<T: Send + Sync>(self, alive: Weak<T>) {
        self.run_while(move || alive.strong_count() > 0).await;
    }

    async fn run_while(self, go_on: impl Fn() -> bool) {
        let mut pause = self.interval.mul_f64(random_part());
        loop {
            tokio::time::sleep(pause).await;
            if !go_on() {
                return;
            }
            // A task of its own, so that a panic ends the pass and not the reaper.
            let pass: Task = Box::pin(pass(self.manager.clone(), self.batch));
            if let Err(error) = tokio::spawn(pass).await {
                log::error(
                    "a reaping pass panicked; the next one tries again",
                    Some(&error),
                );
            }
            pause = self.interval;
        }
    }
}

/// A task for tokio, boxed: what its two schedulers need for each kind of
/// future is 12 KB of code, and no task of ours is started often.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes batch after batch until nothing more is due.
async fn pass(manager: SessionManager, batch: usize) {
    loop {
        match manager.reap(batch).await {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => return,
            Err(error) => {
                log::warn(
                    "a reaping pass failed; the next one tries again",
                    Some(&error),
                );
                return;
            }
        }
    }
}

/// Between zero and one.
pub(crate) fn random_part() -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "any number will do")]
    let number = (RandomState::new().hash_one(0) >> 11) as f64;
    number / (1_u64 << 53) as f64
}
