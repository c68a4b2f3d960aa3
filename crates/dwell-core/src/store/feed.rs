//! Notifies watchers of changes within one process.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use crate::session::SessionKey;
use crate::sync::{Mutex, lock};

/// Notifies subscribers of the changes that this process makes. A store that no
/// other process writes to needs it for [`Watched`](super::Watched).
///
/// ```
/// use dwell_core::SessionKey;
/// use dwell_core::store::ChangeFeed;
///
/// let feed = ChangeFeed::new();
/// let changes = feed.subscribe();
/// feed.tell(SessionKey::adopted(b"a"));
/// # async fn read(mut changes: dwell_core::store::Changes) {
/// assert_eq!(changes.next().await, [SessionKey::adopted(b"a")]);
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ChangeFeed(Arc<Feed>);

#[derive(Debug, Default)]
struct Feed {
    /// Whether there are subscribers. Most services never have one.
    heard: AtomicBool,
    boxes: Mutex<Vec<Weak<Mailbox>>>,
}

/// Changes that the subscriber has not taken yet.
#[derive(Debug, Default)]
struct Mailbox(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    keys: Vec<SessionKey>,
    reader: Option<Waker>,
}

/// The changes since [`ChangeFeed::subscribe`]. Drop it to unsubscribe.
#[derive(Debug)]
pub struct Changes(Arc<Mailbox>);

impl ChangeFeed {
    /// Creates a feed without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Subscribes to all changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> Changes {
        let mailbox = Arc::new(Mailbox::default());
        let mut boxes = lock(&self.0.boxes);
        boxes.retain(|other| other.strong_count() > 0);
        boxes.push(Arc::downgrade(&mailbox));
        self.0.heard.store(true, Ordering::Release);
        Changes(mailbox)
    }

    /// Notifies subscribers that the session under this key has ended or was
    /// updated.
    pub fn tell(&self, key: SessionKey) {
        if !self.0.heard.load(Ordering::Acquire) {
            return;
        }
        let mut boxes = lock(&self.0.boxes);
        boxes.retain(|mailbox| mailbox.upgrade().map(|mailbox| mailbox.put(key)).is_some());
        self.0.heard.store(!boxes.is_empty(), Ordering::Release);
    }
}

impl Mailbox {
    fn put(&self, key: SessionKey) {
        let reader = {
            let mut waiting = lock(&self.0);
            waiting.keys.push(key);
            waiting.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Changes {
    /// Waits until there are changes, and returns them all.
    pub async fn next(&mut self) -> Vec<SessionKey> {
        poll_fn(|cx| {
            let mut waiting = lock(&self.0.0);
            if waiting.keys.is_empty() {
                waiting.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(std::mem::take(&mut waiting.keys))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    fn taken(changes: &mut Changes) -> Option<Vec<SessionKey>> {
        let mut next = pin!(changes.next());
        match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(keys) => Some(keys),
            Poll::Pending => None,
        }
    }

    #[test]
    fn subscribers_receive_changes_until_dropped() {
        let key = |name: &str| SessionKey::adopted(name.as_bytes());
        let feed = ChangeFeed::new();
        feed.tell(key("before"));
        let mut one = feed.subscribe();
        let mut two = feed.subscribe();
        assert_eq!(taken(&mut one), None);
        feed.tell(key("a"));
        feed.tell(key("b"));
        assert_eq!(taken(&mut one), Some(vec![key("a"), key("b")]));
        drop(one);
        feed.tell(key("c"));
        assert_eq!(taken(&mut two), Some(vec![key("a"), key("b"), key("c")]));
        drop(two);
        feed.tell(key("d"));
        assert!(lock(&feed.0.boxes).is_empty());
        assert!(!feed.0.heard.load(Ordering::Acquire));
    }
}
