//! The background task that ends sessions without a request (law L12).

use std::hash::{BuildHasher, RandomState};
use std::sync::Weak;
use std::time::Duration;

use dwell_core::SessionManager;

use crate::log;
use crate::task::{Task, spawn};
use crate::touch::TouchQueue;

/// Ends overdue sessions without waiting for a request, and removes old
/// tombstones.
///
/// You rarely need it: the session layer starts a reaper when it wraps a
/// service, or with the first request if there is no tokio runtime before. Run
/// one yourself on a node without the layer, and turn the layer's off by
/// [`without_reaper`](crate::SessionTimeoutLayer::without_reaper).
///
/// The first pass comes after a random part of the interval, so that nodes
/// started together do not reap together. Each pass takes a bounded batch; while
/// more is due, the next batch follows at once. A pass that fails or panics is
/// logged, and the next one comes as planned.
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
    /// The touches of this node.
    touches: Option<TouchQueue>,
}

impl Reaper {
    /// Returns a reaper that runs every second, in batches of 1,000 sessions.
    #[must_use]
    pub fn new(manager: SessionManager) -> Self {
        manager.spawn_with(spawn);
        Self {
            manager,
            interval: Duration::from_secs(1),
            batch: 1_000,
            touches: None,
        }
    }

    /// Sets the time between passes. Defaults to one second.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how many sessions a batch takes. Defaults to 1,000; 0 counts as 1.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch.max(1);
        self
    }

    /// Lets touches that the store failed to record go first: their users are there,
    /// and a pass would end their sessions for want of them (law L5).
    pub(crate) fn with_touches(mut self, touches: TouchQueue) -> Self {
        self.touches = Some(touches);
        self
    }

    /// Runs until the task is aborted. Needs a tokio runtime with timers.
    pub async fn run(self) {
        self.run_while(|| true).await;
    }

    /// Runs until the other end of `alive` is dropped.
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
            // In a separate task, so that a panic ends the pass and not the reaper.
            let pass: Task = Box::pin(self.clone().pass());
            if let Err(error) = tokio::spawn(pass).await {
                log::error(
                    "reaper pass panicked; the next pass tries again",
                    Some(&error),
                );
            }
            pause = self.interval;
        }
    }

    /// Reaps batch after batch until nothing is due.
    async fn pass(self) {
        if let Some(touches) = &self.touches {
            touches.retry_now().await;
        }
        loop {
            match self.manager.reap(self.batch).await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => return,
                Err(error) => {
                    log::warn(
                        "reaper pass failed; ends are reported late, the next pass tries again",
                        Some(&log::Causes(&error)),
                    );
                    return;
                }
            }
        }
    }
}

/// Returns a random number from 0 to 1.
pub(crate) fn random_part() -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "any number will do")]
    let number = (RandomState::new().hash_one(0) >> 11) as f64;
    number / (1_u64 << 53) as f64
}
