//! A primary, and which changes its replicas have.

use std::sync::atomic::{AtomicU64, Ordering};

use dwell_core::Timestamp;

use super::server::Server;

/// A primary, and the state of its replicas.
pub(super) struct Primary {
    /// The connection on which `WAIT` runs.
    pub(super) server: Server,
    /// Held by the task that waits.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// The number of changes that were answered.
    pub(super) answered: AtomicU64,
    /// The number of those that replicas have.
    pub(super) confirmed: AtomicU64,
    /// Until when changes do not wait, in milliseconds by this node's clock; 0
    /// while replicas confirm.
    pub(super) paused: AtomicU64,
}

impl Primary {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            turn: tokio::sync::Mutex::default(),
            answered: AtomicU64::new(0),
            confirmed: AtomicU64::new(0),
            paused: AtomicU64::new(0),
        }
    }

    pub(super) fn is_paused(&self, now: Timestamp) -> bool {
        now.as_millis() < self.paused.load(Ordering::Relaxed)
    }
}
