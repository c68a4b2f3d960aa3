//! A store that several nodes share and that tells them of changes, but for
//! touches.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use dwell_axum::dwell_core::delegate_store;
use dwell_axum::dwell_core::store::{BoxedAnswer, PULSE, SessionStore, Watched, Watcher};
use dwell_axum::{MemoryStore, SessionKey, Timestamp};
use dwell_testkit::FaultyStore;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::pass;

/// Has to be waited for; what it tells, the store in memory tells it. Clones
/// share everything.
#[derive(Clone, Debug)]
pub(crate) struct SharedStore {
    memory: MemoryStore,
    /// Counts, and fails as it is told to.
    inner: FaultyStore,
    /// How much later copies that are kept near are told of everything.
    lag: Duration,
}

impl SharedStore {
    /// `inner` stands before `memory`.
    pub(crate) fn new(memory: MemoryStore, inner: FaultyStore) -> Self {
        let lag = Duration::ZERO;
        Self { memory, inner, lag }
    }

    /// Tells copies that are kept near of everything so much later, which is
    /// their right up to a point.
    pub(crate) fn with_late_copies(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }
}

/// Passes on what is told, later.
#[derive(Debug)]
struct Late<'a> {
    watcher: &'a dyn Watcher,
    queue: mpsc::UnboundedSender<(Instant, Told)>,
    lag: Duration,
}

#[derive(Debug)]
enum Told {
    Changed(SessionKey),
    CaughtUp(Timestamp),
}

impl Late<'_> {
    #[allow(clippy::disallowed_methods, reason = "tokio's, which is paused")]
    fn tell(&self, told: Told) {
        let _ = self.queue.send((Instant::now() + self.lag, told));
    }
}

impl Watcher for Late<'_> {
    fn changed(&self, key: SessionKey) {
        self.tell(Told::Changed(key));
    }

    fn mark(&self) -> Timestamp {
        self.watcher.mark()
    }

    fn caught_up(&self, mark: Timestamp) {
        self.tell(Told::CaughtUp(mark));
    }

    fn pulse(&self) -> Duration {
        self.watcher.pulse()
    }
}

impl Watched for SharedStore {
    fn watch<'a>(&'a self, watcher: &'a dyn Watcher) -> BoxedAnswer<'a, Infallible> {
        Box::pin(async move {
            let (queue, mut late) = mpsc::unbounded_channel();
            let lag = match watcher.pulse() {
                PULSE => self.lag,
                _ => Duration::ZERO,
            };
            let told = Late {
                watcher,
                queue,
                lag,
            };
            let makes_sure = async {
                loop {
                    pass(told.pulse()).await;
                    told.caught_up(told.mark());
                }
            };
            let passes_on = async {
                while let Some((at, told)) = late.recv().await {
                    let _ = timeout_at(at, pending::<()>()).await;
                    match told {
                        Told::Changed(key) => watcher.changed(key),
                        Told::CaughtUp(mark) => watcher.caught_up(mark),
                    }
                }
            };
            tokio::select! {
                lost = self.memory.watch(&told) => lost,
                never = makes_sure => never,
                () = passes_on => unreachable!("the sender is here"),
            }
        })
    }
}

impl SessionStore for SharedStore {
    delegate_store!(self => self.inner, except load_uncopied, watched);

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }
}
