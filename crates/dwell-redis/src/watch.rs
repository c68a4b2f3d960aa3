//! Changes made by other nodes, by publish and subscribe.
//!
//! Scripts that end or update a session publish its id; touches are not
//! published. A cluster passes messages on to all of its nodes, but one node
//! may be cut off from another and still reach clients. So this node subscribes
//! at every primary, and pings each.

use std::convert::Infallible;
use std::time::Duration;

use dwell_core::SessionKey;
use dwell_core::store::{BoxedAnswer, StoreError, Watched, Watcher};
use futures_util::future::{FutureExt, select_all, try_join_all};
use futures_util::stream::StreamExt;
use redis::aio::PubSub;
use redis::{Client, Msg, RedisError, RedisResult, Value};
use tokio::time::error::Elapsed;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::inner::Inner;
use crate::link::Way;
use crate::store::RedisStore;

impl Watched for RedisStore {
    fn watch<'a>(&'a self, watcher: &'a dyn Watcher) -> BoxedAnswer<'a, Infallible> {
        Box::pin(async move { Err(self.0.watch(watcher).await) })
    }
}

impl Inner {
    async fn watch(&self, watcher: &dyn Watcher) -> StoreError {
        let patience = self.link.patience();
        match self.subscribe(patience).await {
            Ok(all) => {
                let listening = all
                    .into_iter()
                    .map(|one| listen(one, watcher, patience).boxed());
                let (error, _, _) = select_all(listening).await;
                error
            }
            Err(error) => StoreError::unavailable(error),
        }
    }

    async fn subscribe(&self, patience: Duration) -> RedisResult<Vec<PubSub>> {
        let clients = match self.link.way() {
            Way::Server(server) => vec![server.client().await?],
            Way::Cluster(cluster) => cluster.primaries().await?,
        };
        let subscribe = async |client: Client| {
            let mut one = client.get_async_pubsub().await?;
            one.subscribe(&self.settings.channel).await?;
            Ok(one)
        };
        let all = try_join_all(clients.into_iter().map(subscribe));
        timeout(patience, all).await.map_err(too_late)?
    }
}

/// Passes on one server's messages until the subscription is lost.
async fn listen(subscribed: PubSub, watcher: &dyn Watcher, patience: Duration) -> StoreError {
    let (mut server, mut messages) = subscribed.split();
    let mut pulse = interval(watcher.pulse());
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let received = tokio::select! {
            message = messages.next() => message.map(|message| pass_on(&message, watcher)),
            _ = pulse.tick() => {
                let mark = watcher.mark();
                match timeout(patience, server.ping::<Value>()).await.map_err(too_late) {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) | Err(error) => return StoreError::unavailable(error),
                }
                // Messages published before the answer have arrived before it.
                while let Some(message) = messages.next().now_or_never() {
                    match message {
                        Some(message) => pass_on(&message, watcher),
                        None => return lost(),
                    }
                }
                watcher.caught_up(mark);
                Some(())
            }
        };
        if received.is_none() {
            return lost();
        }
    }
}

fn pass_on(message: &Msg, watcher: &dyn Watcher) {
    // A message of another length on our channel is not ours.
    if let Ok(id) = <[u8; 16]>::try_from(message.get_payload_bytes()) {
        watcher.changed(SessionKey::from_bytes(id));
    }
}

fn lost() -> StoreError {
    StoreError::unavailable("the subscription to changes of sessions was lost")
}

fn too_late(_: Elapsed) -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
