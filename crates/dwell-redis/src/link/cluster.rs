//! A cluster: its connections, and the addresses of its primaries.

use std::collections::HashMap;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, RedisResult, Value,
};

use super::primary::Primary;
use super::server::{Server, Source};
use super::tls::Trust;

/// A cluster, and the connections to it that all requests share.
#[derive(Clone)]
pub(crate) struct Cluster {
    connection: ClusterConnection,
    /// The template for a connection to a node: user, password and TLS.
    like: ConnectionInfo,
    trust: Trust,
    /// For connections to one node.
    config: AsyncConnectionConfig,
}

/// A node's address and port in the answer to `CLUSTER SLOTS`.
type Node = (String, u16);

impl Cluster {
    pub(crate) fn new(
        connection: ClusterConnection,
        like: ConnectionInfo,
        trust: Trust,
        config: AsyncConnectionConfig,
    ) -> Self {
        Self {
            connection,
            like,
            trust,
            config,
        }
    }

    pub(crate) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        self.connection.clone().req_packed_command(command).await
    }

    /// Returns a client for each primary.
    pub(crate) async fn primaries(&self) -> RedisResult<Vec<Client>> {
        let ranges = self.ranges().await?;
        let mut nodes: Vec<_> = ranges.into_iter().map(|(_, node)| node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.into_iter().map(|node| self.client(node)).collect()
    }

    /// Returns every primary by the last slot of each of its ranges, sorted.
    pub(super) async fn primaries_by_slot(&self) -> RedisResult<Vec<(u16, Arc<Primary>)>> {
        let mut known: HashMap<Node, Arc<Primary>> = HashMap::new();
        let mut found = Vec::new();
        for (last, node) in self.ranges().await? {
            let primary = match known.get(&node) {
                Some(primary) => Arc::clone(primary),
                None => {
                    let source = Source::Direct(self.client(node.clone())?);
                    let server = Server::new(source, self.config.clone());
                    let primary = Arc::new(Primary::new(server));
                    known.insert(node, Arc::clone(&primary));
                    primary
                }
            };
            found.push((last, primary));
        }
        found.sort_unstable_by_key(|(last, _)| *last);
        Ok(found)
    }

    /// Returns the last slot of every range, and its primary.
    async fn ranges(&self) -> RedisResult<Vec<(u16, Node)>> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let answer = self.send(&command).await?;
        let mut ranges = Vec::new();
        for range in redis::from_redis_value::<Vec<Vec<Value>>>(answer)? {
            // First and last slot, then the primary, then its replicas.
            let mut parts = range.into_iter().skip(1);
            let (last, primary) = (parts.next(), parts.next());
            if let (Some(last), Some(Value::Array(primary))) = (last, primary) {
                let mut parts = primary.into_iter();
                let (host, port) = (parts.next(), parts.next());
                let host = redis::from_redis_value(host.unwrap_or(Value::Nil))?;
                let port = redis::from_redis_value(port.unwrap_or(Value::Nil))?;
                ranges.push((redis::from_redis_value(last)?, (host, port)));
            }
        }
        Ok(ranges)
    }

    fn client(&self, (host, port): Node) -> RedisResult<Client> {
        let address = match self.like.addr().clone() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure,
                tls_params,
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        self.trust.client(self.like.clone().set_addr(address))
    }
}
