//! A look-up that the open connections of one session share.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dwell_core::SessionKey;
use dwell_core::store::{Loaded, SessionStore, StoreError};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::timer::timer_now;

/// How long an answer is shared, for connections that are woken together and
/// polled one after the other.
const FRESH: Duration = Duration::from_millis(100);

/// The answer, when it is there.
type Answer = watch::Receiver<Option<Result<Loaded, StoreError>>>;

/// A look-up under way, or answered.
#[derive(Debug)]
pub(super) struct LookUp {
    pub(super) answer: Answer,
    /// How many changes the session had at the start.
    changes: u64,
    started: Instant,
}

impl LookUp {
    /// Starts a look-up. If the store does not answer at once, a task waits for
    /// the answer, so that no connection that leaves takes it from the others.
    pub(super) fn start(store: &Arc<dyn SessionStore>, key: SessionKey, changes: u64) -> Self {
        let (tell, answer) = watch::channel(None);
        let (store, started) = (Arc::clone(store), timer_now());
        // A near copy may not have received a change that caused this.
        let mut asking = Box::pin(async move { store.load_uncopied(key).await });
        match asking
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(found) => {
                tell.send_replace(Some(found));
            }
            Poll::Pending => {
                // Without a runtime nothing answers.
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(async move { tell.send_replace(Some(asking.await)) });
                }
            }
        }
        Self {
            answer,
            changes,
            started,
        }
    }

    /// Returns the answer for a connection that knows of this many changes;
    /// `None` if the look-up may have missed one. Where nothing notifies of
    /// changes, an answer that is there is already too old.
    pub(super) fn share(&self, changes: u64, is_notified: bool) -> Option<Answer> {
        let is_answered = self.answer.borrow().is_some();
        let is_fresh = match is_answered {
            true => is_notified && timer_now() - self.started < FRESH,
            false => self.answer.has_changed().is_ok(),
        };
        (self.changes == changes && is_fresh).then(|| self.answer.clone())
    }
}

/// Waits for the answer.
pub(super) async fn answered(mut answer: Answer) -> Result<Loaded, StoreError> {
    match answer.wait_for(Option::is_some).await {
        Ok(found) => match &*found {
            Some(found) => found.clone(),
            None => Err(StoreError::unavailable("the look-up has no answer")),
        },
        Err(_) => Err(StoreError::unavailable(
            "the look-up was given up or panicked",
        )),
    }
}
