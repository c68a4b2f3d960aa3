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
const WAIT: Duration = Duration::from_millis(500);
/// After a replica did not answer in time, so many changes do without, and
/// twice as many after each further time, so that a slow moment leaves little
/// unprotected and a service whose replica is down is not slow for as long.
const SKIP: u32 = 8;
const MOST_SKIPPED: u32 = 1_024;

/// Connections for changes that replicas must have before they are answered.
#[derive(Clone)]
pub(crate) struct Durable {
    way: Way,
    replicas: usize,
    state: Arc<State>,
}

struct State {
    /// How many changes still do without.
    skip: AtomicU32,
    /// How many will, the next time.
    next: AtomicU32,
}

impl Durable {
    pub(crate) fn new(way: Way, replicas: usize) -> Self {
        Self {
            way,
            replicas,
            state: Arc::new(State {
                skip: AtomicU32::new(0),
                next: AtomicU32::new(SKIP),
            }),
        }
    }

    /// Sends a call, which is done when replicas have it too, or when it is
    /// plain that they will not have it soon.
    pub(crate) async fn send(&self, call: &Call, command: Cmd) -> RedisResult<Value> {
        let fewer = |skip: u32| skip.checked_sub(1);
        let skip = &self.state.skip;
        let skipped = skip.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
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
        self.note(confirmed);
        Ok(answer)
    }

    fn note(&self, confirmed: usize) {
        let State { skip, next } = &*self.state;
        if confirmed >= self.replicas {
            next.store(SKIP, Ordering::Relaxed);
            return;
        }
        let count = next.load(Ordering::Relaxed);
        next.store((2 * count).min(MOST_SKIPPED), Ordering::Relaxed);
        skip.store(count, Ordering::Relaxed);
        tracing::warn!(
            confirmed,
            wanted = self.replicas,
            "replicas did not confirm a change to a session in time: a failover now could undo \
             it, and the next {count} changes, which do not wait"
        );
    }
}
