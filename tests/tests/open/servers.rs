//! The servers that keep sessions, alike.

use std::time::Duration;

use dwell_redis::RedisStore;
use dwell_servers::{Postgres, Redis};
use dwell_sqlx::PostgresStore;
use futures_util::future::{BoxFuture, FutureExt};

use crate::node::Node;

/// A server that nodes share.
pub(crate) trait Shared {
    async fn start() -> Self;

    /// A node with connections of its own; boxed, or its type would be deeper
    /// than the compiler goes.
    fn node(&self, idle: Duration) -> BoxFuture<'_, Node>;

    /// Kills the connections on which nodes hear of changes; tells how many
    /// there were.
    fn kill_listeners(&self) -> usize;

    /// Lets it hang.
    fn stop(&self);

    /// Lets it go on.
    fn cont(&self);
}

impl Shared for Redis {
    async fn start() -> Self {
        Self::start().await.unwrap()
    }

    fn node(&self, idle: Duration) -> BoxFuture<'_, Node> {
        let url = self.url();
        async move {
            let store = RedisStore::connect(&url).await.unwrap();
            Node::start(store, idle).await
        }
        .boxed()
    }

    fn kill_listeners(&self) -> usize {
        let killed = self.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        killed.unwrap().trim().parse().unwrap()
    }

    fn stop(&self) {
        (**self).stop().unwrap();
    }

    fn cont(&self) {
        (**self).cont().unwrap();
    }
}

impl Shared for Postgres {
    async fn start() -> Self {
        Self::start().await.unwrap()
    }

    fn node(&self, idle: Duration) -> BoxFuture<'_, Node> {
        let builder = PostgresStore::builder().with_acquire_timeout(Duration::from_secs(2));
        let url = self.url();
        async move {
            let store = builder.connect(&url).await.unwrap();
            Node::start(store, idle).await
        }
        .boxed()
    }

    /// Listeners ask this again and again, and nobody else does.
    fn kill_listeners(&self) -> usize {
        let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                    where query = 'SELECT 1' and pid <> pg_backend_pid()";
        let killed = self.query("postgres", kill);
        killed.unwrap().parse().unwrap()
    }

    fn stop(&self) {
        (**self).stop().unwrap();
    }

    fn cont(&self) {
        (**self).cont().unwrap();
    }
}
