//! One connection to one server, renewed when it is lost.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::sentinel::SentinelClient;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value,
};

/// Where the server's address comes from.
pub(crate) enum Source {
    Direct(Client),
    /// Asked again for every connection, since the primary moves.
    Sentinel(tokio::sync::Mutex<SentinelClient>),
}

/// A server, and the connection to it that all requests share.
pub(crate) struct Server {
    source: Source,
    config: AsyncConnectionConfig,
    current: Mutex<Current>,
    /// Held while connecting, so that a thousand requests that find the
    /// connection lost make one connection, not a thousand.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    /// The number of the connection, counted from 1.
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Server {
    pub(crate) fn new(source: Source, config: AsyncConnectionConfig) -> Self {
        Self {
            source,
            config,
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        }
    }

    /// Sends a command. If its connection turns out to be lost, for instance
    /// after a restart of the server, sends it a second time on a new
    /// connection.
    pub(crate) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let (number, mut connection) = self.connection().await?;
        let answer = connection.req_packed_command(command).await;
        if !self.has_dropped(number, &answer) {
            return answer;
        }
        let (number, mut connection) = self.connection().await?;
        let answer = connection.req_packed_command(command).await;
        self.has_dropped(number, &answer);
        answer
    }

    /// Sends two commands on the connection with this number, if it still
    /// exists.
    pub(crate) async fn send_both_on(
        &self,
        number: u64,
        both: &Pipeline,
    ) -> RedisResult<Vec<Value>> {
        let Some((_, mut connection)) = self.current().filter(|(now, _)| *now == number) else {
            let lost = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
            return Err(lost.into());
        };
        let answer = connection.req_packed_commands(both, 0, 2).await;
        self.has_dropped(number, &answer);
        answer
    }

    /// Closes the connection if an answer says that it is lost. Returns `true`
    /// if the connection broke.
    fn has_dropped<T>(&self, number: u64, answer: &RedisResult<T>) -> bool {
        let Err(error) = answer else { return false };
        if is_lost(error) {
            self.lose(number);
        }
        error.is_connection_dropped()
    }

    /// Whether the server may move to another address.
    pub(crate) fn has_sentinels(&self) -> bool {
        matches!(self.source, Source::Sentinel(_))
    }

    /// Returns a client for a separate connection to the server's current
    /// address.
    pub(crate) async fn client(&self) -> RedisResult<Client> {
        match &self.source {
            Source::Direct(client) => Ok(client.clone()),
            Source::Sentinel(sentinel) => sentinel.lock().await.async_get_client().await,
        }
    }

    /// Returns the connection and its number.
    pub(crate) async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let _turn = self.connecting.lock().await;
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let client = self.client().await?;
        let connection = client.get_multiplexed_async_connection_with_config(&self.config);
        let connection = connection.await?;
        let mut current = self.lock();
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }

    fn current(&self) -> Option<(u64, MultiplexedConnection)> {
        let current = self.lock();
        Some((current.number, current.connection.clone()?))
    }

    /// Drops the connection, unless another has taken its place.
    fn lose(&self, number: u64) {
        let mut current = self.lock();
        if current.number == number {
            current.connection = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a connection must be replaced after this error. After a timeout too:
/// the server's machine may be gone.
fn is_lost(error: &RedisError) -> bool {
    let demoted = matches!(error.code(), Some("READONLY" | "MASTERDOWN"));
    demoted
        || error.is_io_error()
        || error.is_timeout()
        || error.is_unrecoverable_error()
        || error.kind() == ErrorKind::AuthenticationFailed
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
