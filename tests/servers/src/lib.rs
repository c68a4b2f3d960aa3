//! Starts real servers for our tests and benchmarks, and breaks them on demand.
//!
//! Each server is a private process on a free loopback port, in its own
//! temporary folder. It ends when its value is dropped, also by a panic. If the
//! test process itself is killed, the kernel ends the server. Waiting happens
//! on a blocking thread and in real time, so a paused tokio clock does no harm.
//!
//! ```no_run
//! # async fn example() -> Result<(), dwell_servers::Error> {
//! let redis = dwell_servers::Redis::start().await?;
//! redis.command(&["SET", "key", "value"])?;
//! redis.kill9()?;
//! redis.restart().await?;
//! # Ok(())
//! # }
//! ```

mod error;
mod folder;
mod gateway;
mod postgres;
mod process;
mod programs;
mod proxy;
mod redis;
mod server;
mod spawner;
mod wait;

pub use error::{Error, Result};
pub use gateway::{Gateway, GatewayKind};
pub use postgres::{Postgres, PostgresBuilder};
pub use proxy::Proxy;
pub use redis::{Redis, RedisBuilder, RedisCluster, RedisSentinel};
pub use server::Server;
