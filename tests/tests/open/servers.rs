//! The servers that keep sessions, behind one trait.

use std::time::Duration;

use dwell_redis::RedisStore;
use dwell_servers::{Postgres, Redis};
use dwell_sqlx::PostgresStore;
use futures_util::future::{BoxFuture, FutureExt};

use crate::node::Node;

/// A session server that nodes share.
pub(crate) trait Shared {
    async fn start() -> Self;

    /// Starts a node with its own connections. Boxed, or its type would exceed the
    /// compiler's recursion limit.
    fn node(&self, idle: Duration) -> BoxFuture<'_, Node>;

    /// Kills the connections on which nodes watch for changes; returns how many
    /// there were.
    fn kill_listeners(&self) -> usize;

    /// Suspends the server.
    fn stop(&self);

    /// Resumes the server.
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

    /// Watching connections repeat `SELECT 1`; no other connection sends it.
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
