//! The background task that makes ends certain (law L12).

use std::hash::{BuildHasher, RandomState};
use std::sync::Weak;
use std::time::Duration;

use dwell_core::SessionManager;

/// Ends what is due even when no request ever comes again, and forgets
/// tombstones whose time is over.
///
/// The session layer starts one by itself on its first request. Its first
/// pass comes after a random part of the interval, so that nodes that start
/// together do not reap together; a pass looks at a bounded number of entries
/// and is followed by the next at once while more is due. A failed pass, or
/// one that panics, is logged, and the next one comes as planned.
///
/// ```
/// use std::time::Duration;
///
/// use dwell_core::{MemoryStore, PolicySet, SessionManager, hours, minutes};
/// use dwell_tower::Reaper;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let policies = PolicySet::simple(minutes(15), hours(8))?;
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
        tokio::time::sleep(self.interval.mul_f64(random_part())).await;
        while go_on() {
            while self.pass().await {
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(self.interval).await;
        }
    }

    /// One pass; `true` when more is due at once.
    async fn pass(&self) -> bool {
        let (manager, batch) = (self.manager.clone(), self.batch);
        // A task of its own, so that a panic ends the pass and not the reaper.
        let passed = tokio::spawn(async move { manager.reap(batch).await });
        match passed.await {
            Ok(Ok(more)) => more,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a reaping pass failed; the next one tries again");
                false
            }
            Err(error) => {
                tracing::error!(%error, "a reaping pass panicked; the next one tries again");
                false
            }
        }
    }
}

/// Between zero and one.
fn random_part() -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "any number will do")]
    let number = (RandomState::new().hash_one(0) >> 11) as f64;
    number / (1_u64 << 53) as f64
}
