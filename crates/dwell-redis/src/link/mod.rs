//! The connection to one server, to a Sentinel's primary, or to a cluster.

mod cluster;
mod durable;
mod primary;
mod server;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use dwell_core::store::StoreError;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};

pub(crate) use self::cluster::Cluster;
pub(crate) use self::durable::Durable;
pub(crate) use self::server::{Server, Source};
pub(crate) use self::tls::Trust;
use crate::script::Call;

/// The server or cluster. Clones share its connections.
#[derive(Clone)]
pub(crate) enum Way {
    Server(Arc<Server>),
    Cluster(Box<Cluster>),
}

impl Way {
    /// Sends a command to the server, or to the cluster node that has its key.
    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let value = match self {
            Self::Server(server) => server.send(command).await,
            Self::Cluster(cluster) => cluster.send(command).await,
        };
        value.and_then(Value::extract_error)
    }
}

/// Calls scripts, and turns errors into the store's.
#[derive(Clone)]
pub(crate) struct Link {
    way: Way,
    durable: Option<Durable>,
    patience: Duration,
}

impl Link {
    /// Without `durable`, changes do not wait for replicas.
    pub(crate) fn new(way: Way, durable: Option<Durable>, patience: Duration) -> Self {
        Self {
            way,
            durable,
            patience,
        }
    }

    pub(crate) fn way(&self) -> &Way {
        &self.way
    }

    /// How long to wait for an answer.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Returns the value of a key, if any. A value that is no string reads as
    /// an empty one, as it does in scripts.
    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(key);
        match self.way.send(&get).await {
            Ok(Value::BulkString(value)) => Ok(Some(value)),
            Ok(_) => Ok(None),
            Err(error) if error.code() == Some("WRONGTYPE") => Ok(Some(Vec::new())),
            Err(error) => Err(self.error(error)),
        }
    }

    /// Calls a script. Every script may be called again after a connection was
    /// lost: the second call finds what the first one did.
    pub(crate) async fn call(&self, call: Call) -> Result<Value, StoreError> {
        self.run(&call).await.map_err(|error| self.error(error))
    }

    /// Calls a script whose change a failover must not undo.
    pub(crate) async fn change(&self, call: Call) -> Result<Value, StoreError> {
        let answer = match &self.durable {
            Some(durable) => durable.change(call.first_key(), || self.run(&call)).await,
            None => self.run(&call).await,
        };
        answer.map_err(|error| self.error(error))
    }

    async fn run(&self, call: &Call) -> RedisResult<Value> {
        match self.way.send(&call.by_hash()).await {
            Err(error) if is_unknown_script(&error) => self.way.send(&call.by_text()).await,
            answer => answer,
        }
    }

    /// Sends a command.
    pub(crate) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        self.way.send(command).await
    }

    fn error(&self, error: RedisError) -> StoreError {
        if error.is_timeout() {
            return StoreError::Timeout(self.patience);
        }
        StoreError::unavailable(error)
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
