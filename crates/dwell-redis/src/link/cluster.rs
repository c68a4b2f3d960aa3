//! A cluster: its connections, and where its primaries are.

use redis::aio::ConnectionLike;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Client, Cmd, ConnectionAddr, ConnectionInfo, Pipeline, RedisResult, Value};

use super::Trust;

/// A cluster and the connections to it, which all requests share.
#[derive(Clone)]
pub(crate) struct Cluster {
    connection: ClusterConnection,
    /// How to reach a node: with the name and password of this one.
    like: ConnectionInfo,
    trust: Trust,
}

/// A node as `CLUSTER SLOTS` tells it: address, port, and more.
type Node = (String, u16);

impl Cluster {
    pub(crate) fn new(connection: ClusterConnection, like: ConnectionInfo, trust: Trust) -> Self {
        Self {
            connection,
            like,
            trust,
        }
    }

    pub(crate) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        self.connection.clone().req_packed_command(command).await
    }

    /// Sends two commands to the primary of this key, on one connection.
    pub(crate) async fn send_both(&self, both: &Pipeline, key: &[u8]) -> RedisResult<Vec<Value>> {
        let route = Route::with_slot(Slot::for_key(key), SlotAddr::Master);
        let route = SingleNodeRoutingInfo::SpecificNode(route);
        self.connection
            .clone()
            .route_pipeline(both.clone(), 0, 2, route)
            .await
    }

    /// A client for every primary.
    pub(crate) async fn primaries(&self) -> RedisResult<Vec<Client>> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let answer = self.send(&command).await?;
        let mut nodes: Vec<Node> = Vec::new();
        for range in redis::from_redis_value::<Vec<Vec<Value>>>(answer)? {
            // First and last slot, then the primary, then its replicas.
            if let Some(Value::Array(primary)) = range.into_iter().nth(2) {
                let mut parts = primary.into_iter();
                let (host, port) = (parts.next(), parts.next());
                let host = redis::from_redis_value(host.unwrap_or(Value::Nil))?;
                let port = redis::from_redis_value(port.unwrap_or(Value::Nil))?;
                nodes.push((host, port));
            }
        }
        nodes.sort_unstable();
        nodes.dedup();
        nodes.into_iter().map(|node| self.client(node)).collect()
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
