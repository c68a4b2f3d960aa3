//! Starts real servers for our own tests and benchmarks, and breaks them on demand.
//!
//! Each is a private process on a free port of the loopback, in a temporary folder of its own. It ends when
//! its value is dropped, also by a panic; if the test process itself is killed, the kernel ends the server.
//! Waiting is done on a thread for blocking work and by real time, so a paused tokio clock does no harm.
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
mod postgres;
mod process;
mod programs;
mod proxy;
mod redis;
mod server;
mod spawner;
mod wait;

pub use error::{Error, Result};
pub use postgres::{Postgres, PostgresBuilder};
pub use proxy::Proxy;
pub use redis::{Redis, RedisBuilder, RedisCluster, RedisSentinel};
pub use server::Server;
