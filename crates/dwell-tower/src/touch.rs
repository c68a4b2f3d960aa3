//! Touches on their way to a store that has to be waited for.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use dwell_core::store::SessionStore;
use dwell_core::{EventKind, SessionHandle, SessionKey, Touch};
use tokio::sync::{mpsc, oneshot};

/// The most touches that wait. One more is lost, which ends its session a
/// little sooner (law L5) and is an event.
const WAITING: usize = 1_024;

/// Records touches without making answers wait: at once in a local store,
/// else through a bounded queue in which the latest touch of a session counts
/// for all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct TouchQueue(Arc<OnceLock<mpsc::Sender<Message>>>);

#[derive(Debug)]
enum Message {
    Touch(Touch, SessionHandle),
    Flush(oneshot::Sender<()>),
}

impl TouchQueue {
    /// Records a touch; a failure is an event and nothing else.
    pub(crate) fn record(&self, touch: Touch, handle: &SessionHandle) {
        let store = handle.manager().store();
        if store.is_local() {
            match store.touch(touch.key, touch.activation).into_ready() {
                Ok(Ok(touched)) => handle.touch_recorded(&touch, touched),
                _ => handle.report(EventKind::TouchLost),
            }
            return;
        }
        let sent = self
            .sender(store)
            .is_some_and(|s| s.try_send(Message::Touch(touch, handle.clone())).is_ok());
        if !sent {
            handle.report(EventKind::TouchLost);
        }
    }

    /// Waits until every touch so far is recorded or lost.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if let Some(sender) = self.0.get()
            && sender.send(Message::Flush(done)).await.is_ok()
        {
            let _ = wait.await;
        }
    }

    fn sender(&self, store: &Arc<dyn SessionStore>) -> Option<&mpsc::Sender<Message>> {
        if self.0.get().is_none() {
            let runtime = tokio::runtime::Handle::try_current().ok()?;
            let store = Arc::clone(store);
            self.0.get_or_init(|| {
                let (sender, receiver) = mpsc::channel(WAITING);
                runtime.spawn(work(store, receiver));
                sender
            });
        }
        self.0.get()
    }
}

async fn work(store: Arc<dyn SessionStore>, mut receiver: mpsc::Receiver<Message>) {
    let mut batch = Vec::with_capacity(WAITING);
    while receiver.recv_many(&mut batch, WAITING).await > 0 {
        let mut latest: HashMap<SessionKey, (Touch, SessionHandle)> = HashMap::new();
        let mut waiting = Vec::new();
        for message in batch.drain(..) {
            match message {
                Message::Flush(done) => waiting.push(done),
                Message::Touch(touch, handle) => {
                    let newer = latest
                        .get(&touch.key)
                        .is_none_or(|(before, _)| before.activation.at < touch.activation.at);
                    if newer {
                        latest.insert(touch.key, (touch, handle));
                    }
                }
            }
        }
        for (touch, handle) in latest.into_values() {
            let store = Arc::clone(&store);
            let done = tokio::spawn(async move { store.touch(touch.key, touch.activation).await });
            match done.await {
                Ok(Ok(touched)) => handle.touch_recorded(&touch, touched),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a touch was lost");
                    handle.report(EventKind::TouchLost);
                }
                Err(error) => {
                    tracing::error!(%error, "a touch panicked");
                    handle.report(EventKind::TouchLost);
                }
            }
        }
        for done in waiting {
            let _ = done.send(());
        }
    }
}
