//! Changes that a failover must not undo.
//!
//! Replicas of Redis follow a moment later. A primary that goes down in that
//! moment takes what it has just answered with it: an end would be undone (law
//! L4), a new token forgotten. So these changes are sent with `WAIT`, on
//! connections of their own, for it holds up what comes after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redis::{Cmd, RedisError, RedisResult, Value};

use super::Way;
use crate::script::Call;

/// How long a replica is waited for.
const WAIT: Duration = Duration::from_millis(100);
/// After a replica did not answer, so many changes do without, so that a
/// service whose replica is down is not slow for as long.
const SKIP: u32 = 1_000;

/// Connections for changes that replicas must have before they are answered.
#[derive(Clone)]
pub(crate) struct Durable {
    way: Way,
    replicas: usize,
    /// How many changes still do without.
    skip: Arc<AtomicU32>,
}

impl Durable {
    pub(crate) fn new(way: Way, replicas: usize) -> Self {
        Self {
            way,
            replicas,
            skip: Arc::default(),
        }
    }

    /// Sends a call, which is done when replicas have it too, or when it is
    /// plain that they will not have it soon.
    pub(crate) async fn send(&self, call: &Call, command: Cmd) -> RedisResult<Value> {
        let skipped = self
            .skip
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |skip| {
                skip.checked_sub(1)
            });
        if skipped.is_ok() {
            return self.way.send(&command).await;
        }
        let mut wait = redis::cmd("WAIT");
        wait.arg(self.replicas);
        wait.arg(u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX));
        let mut both = redis::pipe();
        both.add_command(command).add_command(wait);
        let answers = self.way.send_both(&both, call.first_key()).await?;
        let Ok([answer, waited]) = <[Value; 2]>::try_from(answers) else {
            let unexpected = std::io::Error::from(std::io::ErrorKind::InvalidData);
            return Err(RedisError::from(unexpected));
        };
        let answer = answer.extract_error()?;
        let confirmed: usize = redis::from_redis_value(waited).unwrap_or(0);
        if confirmed < self.replicas {
            tracing::warn!(
                confirmed,
                wanted = self.replicas,
                "replicas did not confirm a change to a session in time: \
                 a failover now could undo it"
            );
            self.skip.store(SKIP, Ordering::Relaxed);
        }
        Ok(answer)
    }
}
