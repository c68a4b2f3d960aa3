//! Redis: one server, a cluster, and a primary with sentinels.

mod cli;
mod cluster;
mod sentinel;
mod single;

pub use cluster::RedisCluster;
pub use sentinel::RedisSentinel;
pub use single::{Redis, RedisBuilder};
