//! Pauses requests in flight.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Pauses tasks until they are released.
#[derive(Clone, Debug)]
pub struct Pause {
    arrived: Arc<Semaphore>,
    gone_on: Arc<Semaphore>,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            arrived: Arc::new(Semaphore::new(0)),
            gone_on: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Pause {
    /// Pauses the calling task until it is released.
    pub async fn here(&self) {
        self.arrived.add_permits(1);
        self.gone_on.acquire().await.unwrap().forget();
    }

    /// Waits until one more task is paused.
    pub async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Releases `count` tasks.
    pub fn release(&self, count: usize) {
        self.gone_on.add_permits(count);
    }
}
