//! Refresh tokens: each is used once, and one that comes again was copied
//! (RFC 9700 §4.14.2).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script};

/// The refresh token that is valid next, of each login.
#[derive(Clone)]
pub struct Families(Kept);

#[derive(Clone)]
enum Kept {
    Memory(Arc<Mutex<HashMap<String, String>>>),
    Redis(MultiplexedConnection),
}

/// Takes the token's place, if it is the one that is valid.
const ROTATE: &str = "
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
    return 1";

impl Families {
    /// Keeps them in this process: for one node.
    #[must_use]
    pub fn in_memory() -> Self {
        Self(Kept::Memory(Arc::default()))
    }

    /// Keeps them in Redis: for many nodes.
    ///
    /// # Errors
    /// Fails if there is no Redis at `url`.
    pub async fn in_redis(url: &str) -> Result<Self, RedisError> {
        let client = redis::Client::open(url)?;
        let connection = client.get_multiplexed_async_connection().await?;
        Ok(Self(Kept::Redis(connection)))
    }

    /// Makes the refresh token with the id `jti` the one of a login.
    pub(crate) async fn start(
        &self,
        login: &str,
        jti: &str,
        lifetime: Duration,
    ) -> Result<(), RedisError> {
        match &self.0 {
            Kept::Memory(families) => {
                lock(families).insert(login.to_owned(), jti.to_owned());
                Ok(())
            }
            Kept::Redis(redis) => {
                let mut set = redis::cmd("SET");
                set.arg(key(login)).arg(jti);
                set.arg("EX").arg(lifetime.as_secs().max(1));
                set.query_async(&mut redis.clone()).await
            }
        }
    }

    /// Replaces the refresh token `old`. Returns `false` if it was not the valid one.
    pub(crate) async fn rotate(
        &self,
        login: &str,
        old: &str,
        new: &str,
    ) -> Result<bool, RedisError> {
        match &self.0 {
            Kept::Memory(families) => Ok(match lock(families).get_mut(login) {
                Some(valid) if valid == old => {
                    new.clone_into(valid);
                    true
                }
                _ => false,
            }),
            Kept::Redis(redis) => {
                let rotate = Script::new(ROTATE);
                let mut call = rotate.key(key(login));
                call.arg(old).arg(new);
                call.invoke_async(&mut redis.clone()).await
            }
        }
    }

    /// Ends a family: its refresh token is worth nothing any more.
    pub(crate) async fn end(&self, login: &str) -> Result<(), RedisError> {
        match &self.0 {
            Kept::Memory(families) => {
                lock(families).remove(login);
                Ok(())
            }
            Kept::Redis(redis) => {
                let mut delete = redis::cmd("DEL");
                delete.arg(key(login)).query_async(&mut redis.clone()).await
            }
        }
    }
}

fn key(login: &str) -> String {
    format!("jwt-api:{login}")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Families")
    }
}
