//! A primary, and what its replicas have.

use std::sync::atomic::{AtomicU64, Ordering};

use dwell_core::Timestamp;

use super::server::Server;

/// A primary, and how it stands with its replicas.
pub(super) struct Primary {
    /// The connection that waits.
    pub(super) server: Server,
    /// Held by whoever waits.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Changes that were answered, counted.
    pub(super) answered: AtomicU64,
    /// Up to which of them replicas have all.
    pub(super) confirmed: AtomicU64,
    /// Until when changes do without, by this node's clock in milliseconds; 0
    /// after replicas confirmed.
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
