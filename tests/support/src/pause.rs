//! Holds what is in flight.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Holds whatever is in flight until it is let go.
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
    /// Of what is held: waits to be let go.
    pub async fn here(&self) {
        self.arrived.add_permits(1);
        self.gone_on.acquire().await.unwrap().forget();
    }

    /// Waits until one more has come this far.
    pub async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets so many go.
    pub fn release(&self, count: usize) {
        self.gone_on.add_permits(count);
    }
}
