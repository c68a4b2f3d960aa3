//! A Redis Cluster of three masters with a replica each.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::programs;
use crate::redis::cli;
use crate::redis::single::{Redis, RedisBuilder};
use crate::wait::{self, blocking};

const MASTERS: usize = 3;
const NODES: usize = 2 * MASTERS;

/// Three masters and three replicas, which take over within seconds when a
/// master is away.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Arc<[Redis]>,
}

impl RedisCluster {
    /// Starts the nodes, joins them, and waits until all of them report a
    /// complete cluster.
    ///
    /// # Errors
    ///
    /// When Redis is missing or the cluster is not complete within 20 seconds.
    pub async fn start() -> Result<Self> {
        blocking(|| {
            let builder = node();
            let nodes = (0..NODES).map(|_| builder.start_blocking());
            let nodes: Arc<[Redis]> = nodes.collect::<Result<Vec<_>>>()?.into();
            join(&nodes)?;
            wait_for(
                &nodes,
                "the cluster is not complete after its creation",
                is_complete,
            )?;
            Ok(Self { nodes })
        })
        .await
    }

    /// Returns the URLs of all nodes. A client may connect to any of them.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// Returns the nodes, always in the same order.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// Returns the indices of the current masters, as the first node that
    /// answers sees them.
    ///
    /// # Errors
    ///
    /// When no node answers.
    pub async fn masters(&self) -> Result<Vec<usize>> {
        let nodes = Arc::clone(&self.nodes);
        blocking(move || {
            let seen = running(&nodes).find_map(|node| masters(&nodes, node));
            seen.ok_or_else(|| Error::Refused("no node of the cluster answers".to_owned()))
        })
        .await
    }

    /// Returns the index of the master that has this key's slot now.
    ///
    /// # Errors
    ///
    /// When no node answers, or no master has the slot.
    pub async fn master_of(&self, key: impl AsRef<[u8]>) -> Result<usize> {
        let (nodes, key) = (Arc::clone(&self.nodes), key.as_ref().to_owned());
        blocking(move || {
            let found = running(&nodes).find_map(|node| master_of(&nodes, node, &key));
            found.ok_or_else(|| Error::Refused("no master has the slot of this key".to_owned()))
        })
        .await
    }

    /// Kills the node at this index with SIGKILL.
    ///
    /// # Errors
    ///
    /// When the node is no master.
    pub async fn kill_master(&self, index: usize) -> Result<()> {
        if !self.masters().await?.contains(&index) {
            return Err(Error::Refused(format!("node {index} is no master now")));
        }
        let nodes = Arc::clone(&self.nodes);
        blocking(move || nodes.get(index).map_or(Ok(()), |node| node.kill9())).await
    }

    /// Waits until running nodes have all slots, and all of these nodes know
    /// it. Returns at once if no master is away.
    ///
    /// # Errors
    ///
    /// When no replica takes over within 20 seconds.
    pub async fn wait_for_failover(&self) -> Result<()> {
        let nodes = Arc::clone(&self.nodes);
        blocking(move || wait_for(&nodes, "no replica took over", is_served)).await
    }

    /// Waits until all six nodes are connected and every master has a replica
    /// that is up to date, for instance after the restart of a node.
    ///
    /// # Errors
    ///
    /// When this takes longer than 20 seconds.
    pub async fn wait_until_complete(&self) -> Result<()> {
        let nodes = Arc::clone(&self.nodes);
        blocking(move || wait_for(&nodes, "the cluster is not complete again", is_complete)).await
    }
}

fn node() -> RedisBuilder {
    Redis::builder()
        .cluster()
        .args(["--cluster-node-timeout", "1000"])
        .args(["--cluster-replica-validity-factor", "0"])
}

fn join(nodes: &[Redis]) -> Result<()> {
    let mut line = vec!["--cluster".to_owned(), "create".to_owned()];
    line.extend(
        nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port())),
    );
    line.extend(["--cluster-replicas", "1", "--cluster-yes"].map(str::to_owned));
    programs::output(&cli::program()?, &line)?;
    Ok(())
}

fn running(nodes: &[Redis]) -> impl Iterator<Item = &Redis> {
    nodes.iter().filter(|node| node.is_running())
}

/// Whether all slots belong to running nodes, as each of these sees it.
fn is_served(nodes: &[Redis]) -> bool {
    running(nodes).all(|node| {
        let masters = masters(nodes, node).unwrap_or_default();
        let all_run = masters
            .iter()
            .filter_map(|index| nodes.get(*index))
            .all(|master| master.is_running());
        masters.len() == MASTERS && all_run && is_ok(node)
    })
}

/// Whether every node runs, and every replica has caught up with its master.
fn is_complete(nodes: &[Redis]) -> bool {
    is_served(nodes)
        && nodes.iter().all(|node| {
            node.is_running()
                && node.command(&["INFO", "replication"]).is_ok_and(|text| {
                    text.contains("role:slave") && text.contains("master_link_status:up")
                        || text.contains("role:master") && text.contains("state=online")
                })
        })
}

fn is_ok(node: &Redis) -> bool {
    let info = node.command(&["CLUSTER", "INFO"]);
    info.is_ok_and(|text| text.lines().any(|line| line.trim() == "cluster_state:ok"))
}

/// Returns the indices of the masters that have slots, as `node` sees them.
fn masters(nodes: &[Redis], node: &Redis) -> Option<Vec<usize>> {
    let ports: HashSet<u16> = view(node)?.into_iter().map(|(_, _, port)| port).collect();
    let indices = nodes.iter().enumerate();
    Some(
        indices
            .filter(|(_, node)| ports.contains(&node.port()))
            .map(|(index, _)| index)
            .collect(),
    )
}

fn master_of(nodes: &[Redis], node: &Redis, key: &[u8]) -> Option<usize> {
    let slot = node.command(&[&b"CLUSTER"[..], b"KEYSLOT", key]).ok()?;
    let slot: u16 = slot.trim().parse().ok()?;
    let (_, _, port) = view(node)?
        .into_iter()
        .find(|(first, last, _)| (*first..=*last).contains(&slot))?;
    nodes.iter().position(|node| node.port() == port)
}

/// Returns ranges of slots with their port, from lines of `id ip:port@bus flags
/// master ping pong epoch link slots…`.
fn view(node: &Redis) -> Option<Vec<(u16, u16, u16)>> {
    let text = node.command(&["CLUSTER", "NODES"]).ok()?;
    let mut found = Vec::new();
    for line in text.lines() {
        let mut fields = line.split_whitespace().skip(1);
        let (address, flags) = (fields.next()?, fields.next()?);
        if !flags.split(',').any(|flag| flag == "master") {
            continue;
        }
        let port = address.split(['@', ',']).next()?.rsplit(':').next()?;
        let port = port.parse().ok()?;
        for slots in fields.skip(5) {
            let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
            found.push((first.parse().ok()?, last.parse().ok()?, port));
        }
    }
    Some(found)
}

fn wait_for(nodes: &[Redis], what: &str, is_so: fn(&[Redis]) -> bool) -> Result<()> {
    wait::until(|| is_so(nodes).then_some(())).ok_or_else(|| {
        let node = running(nodes).next();
        let view = node.and_then(|node| node.command(&["CLUSTER", "NODES"]).ok());
        Error::Server {
            server: "the Redis cluster".to_owned(),
            what: format!("is not as it should be in time: {what}"),
            log: view.unwrap_or_else(|| "no node answers".to_owned()),
        }
    })
}
