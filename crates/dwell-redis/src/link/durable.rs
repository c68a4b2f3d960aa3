//! Changes that a failover must not undo.
//!
//! Replicas of Redis follow asynchronously. A primary that crashes takes what
//! it has just answered with it: an end would be undone (law L4), a new token
//! forgotten. So the answer to such a change is held back until replicas have
//! it.
//!
//! `WAIT` blocks its connection, so each primary has a separate connection for
//! it. A write precedes each `WAIT`: a replica that has this write has
//! everything that was answered before. One `WAIT` runs at a time, and covers
//! all changes that were answered before it began. If that connection was lost
//! after the change was sent, the primary may have been replaced, and the
//! change is sent again.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dwell_core::{Clock, SystemClock};
use redis::{RedisResult, Value};

use super::cluster::Cluster;
use super::primary::Primary;
use super::server::Server;
use crate::layout::slot_of;

/// How long to wait for replicas: less than a client's patience.
const WAIT: Duration = Duration::from_millis(800);
/// How long changes do not wait after replicas failed to confirm one.
const PAUSE: Duration = Duration::from_secs(1);
/// The lifetime of the key that is written before `WAIT`.
const MARK_MS: u32 = 60_000;

/// Holds answers back until replicas have the change.
#[derive(Clone)]
pub(crate) struct Durable(Arc<Inner>);

struct Inner {
    replicas: usize,
    clock: SystemClock,
    primaries: Primaries,
}

enum Primaries {
    One(Arc<Primary>),
    Cluster {
        cluster: Box<Cluster>,
        /// Sorted by the last slot of each range.
        known: Mutex<Vec<(u16, Arc<Primary>)>>,
        finding: tokio::sync::Mutex<()>,
    },
}

/// The connection that existed before a change was sent.
struct Before {
    primary: Arc<Primary>,
    number: u64,
}

/// The outcome of waiting.
enum Waited {
    /// Enough replicas have the change, or they will not confirm it soon.
    Over,
    /// Another server may be the primary now.
    Replaced,
}

impl Durable {
    pub(crate) fn of_one(server: Server, replicas: usize) -> Self {
        Self::new(Primaries::One(Arc::new(Primary::new(server))), replicas)
    }

    pub(crate) fn of_cluster(cluster: Box<Cluster>, replicas: usize) -> Self {
        let primaries = Primaries::Cluster {
            cluster,
            known: Mutex::default(),
            finding: tokio::sync::Mutex::default(),
        };
        Self::new(primaries, replicas)
    }

    fn new(primaries: Primaries, replicas: usize) -> Self {
        Self(Arc::new(Inner {
            replicas,
            clock: SystemClock::new(),
            primaries,
        }))
    }

    /// Makes a change by `send`. Returns its answer when replicas have the
    /// change.
    pub(crate) async fn change<F>(&self, key: &[u8], send: impl Fn() -> F) -> RedisResult<Value>
    where
        F: Future<Output = RedisResult<Value>> + Send,
    {
        let before = self.0.before(key).await;
        let answer = send().await?;
        let Some(before) = before else {
            return Ok(answer);
        };
        if let Waited::Replaced = self.0.wait(&before, key).await {
            self.0.forget_primaries();
            // Makes the change if the new primary lacks it. The first answer
            // says what the change did.
            let again = self.0.before(key).await;
            send().await?;
            if let Some(again) = again {
                self.0.wait(&again, key).await;
            }
        }
        Ok(answer)
    }
}

impl Inner {
    /// Returns the connection that will wait; `None` while changes do not wait.
    async fn before(&self, key: &[u8]) -> Option<Before> {
        let primary = match self.primary(key).await {
            Ok(primary) => primary?,
            Err(error) => {
                tracing::debug!(%error, "no primary known; the change waits for no replica");
                return None;
            }
        };
        if primary.is_paused(self.clock.now()) {
            return None;
        }
        match primary.server.connection().await {
            Ok((number, _)) => Some(Before { primary, number }),
            Err(error) => {
                tracing::debug!(%error, "primary not reached; the change waits for no replica");
                self.forget_primaries();
                None
            }
        }
    }

    async fn primary(&self, key: &[u8]) -> RedisResult<Option<Arc<Primary>>> {
        let Primaries::Cluster {
            cluster,
            known,
            finding,
        } = &self.primaries
        else {
            return Ok(self.only());
        };
        let slot = slot_of(key);
        let find = || {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let place = known.partition_point(|(last, _)| *last < slot);
            known.get(place).map(|(_, primary)| Arc::clone(primary))
        };
        if let Some(primary) = find() {
            return Ok(Some(primary));
        }
        let _turn = finding.lock().await;
        if let Some(primary) = find() {
            return Ok(Some(primary));
        }
        let found = cluster.primaries_by_slot().await?;
        *known.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(find())
    }

    fn only(&self) -> Option<Arc<Primary>> {
        match &self.primaries {
            Primaries::One(primary) => Some(Arc::clone(primary)),
            Primaries::Cluster { .. } => None,
        }
    }

    /// Forgets the primaries: the next change asks the cluster for them.
    fn forget_primaries(&self) {
        if let Primaries::Cluster { known, .. } = &self.primaries {
            known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Waits until replicas have a change that was answered.
    async fn wait(&self, before: &Before, key: &[u8]) -> Waited {
        let Before { primary, number } = before;
        let mine = primary.answered.fetch_add(1, Ordering::SeqCst) + 1;
        // If replicas did not confirm the last change, one change tries again
        // and the others do not queue behind it.
        let _turn = if primary.paused.load(Ordering::Relaxed) == 0 {
            primary.turn.lock().await
        } else {
            match primary.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return Waited::Over,
            }
        };
        if primary.confirmed.load(Ordering::SeqCst) >= mine {
            return Waited::Over;
        }
        if primary.is_paused(self.clock.now()) {
            return Waited::Over;
        }
        let all = primary.answered.load(Ordering::SeqCst);
        match self.confirmations(primary, *number, key).await {
            Ok(count) if count >= self.replicas => {
                primary.confirmed.fetch_max(all, Ordering::SeqCst);
                primary.paused.store(0, Ordering::Relaxed);
                Waited::Over
            }
            Ok(count) => {
                self.pause(primary, count);
                Waited::Over
            }
            Err(error) if error.is_timeout() => {
                self.pause(primary, 0);
                Waited::Over
            }
            Err(_) => Waited::Replaced,
        }
    }

    /// Returns how many replicas have everything that was answered so far.
    async fn confirmations(
        &self,
        primary: &Primary,
        number: u64,
        key: &[u8],
    ) -> RedisResult<usize> {
        let mut mark = redis::cmd("SET");
        mark.arg(beside(key)).arg(1).arg("PX").arg(MARK_MS);
        let mut wait = redis::cmd("WAIT");
        wait.arg(self.replicas);
        wait.arg(u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX));
        let mut both = redis::pipe();
        both.add_command(mark).add_command(wait);
        let mut count = 0;
        for answer in primary.server.send_both_on(number, &both).await? {
            count = redis::from_redis_value(answer.extract_error()?).unwrap_or(0);
        }
        Ok(count)
    }

    fn pause(&self, primary: &Primary, confirmed: usize) {
        let until = self.clock.now() + PAUSE;
        primary.paused.store(until.as_millis(), Ordering::Relaxed);
        tracing::warn!(
            confirmed,
            wanted = self.replicas,
            "replicas did not confirm a change to a session in time; a failover now could undo \
             it and changes of the next second: check replication"
        );
    }
}

/// Returns the name of a key in the same slot as `key`.
fn beside(key: &[u8]) -> Vec<u8> {
    let tag = key.iter().position(|byte| *byte == b'}');
    let start = tag.map_or(&[][..], |end| &key[..=end]);
    [start, b":wait"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_written_before_wait_is_in_slot_of_change() {
        assert_eq!(beside(b"dwell:{123}:s:abc}"), b"dwell:{123}:wait");
    }
}
