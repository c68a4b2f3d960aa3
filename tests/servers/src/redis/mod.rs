//! Redis: one server, a Cluster, and a primary with Sentinels.

mod cli;
mod cluster;
mod sentinel;
mod single;

pub use cluster::RedisCluster;
pub use sentinel::RedisSentinel;
pub use single::{Redis, RedisBuilder};
