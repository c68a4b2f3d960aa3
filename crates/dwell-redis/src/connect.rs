//! The builder: from a URL to a connected store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::{Clock, hours};
use redis::cluster::ClusterClient;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError, ServerErrorKind, Value};

use crate::error::ConnectError;
use crate::inner::Settings;
use crate::layout::Layout;
use crate::link::{Cluster, Durable, Link, Server, Source, Trust, Way};
use crate::script;
use crate::store::RedisStore;
use crate::url::{self, Target};

/// The layout of keys and values that this version reads and writes.
const LAYOUT: &str = "1";

/// Builds a [`RedisStore`]: settings first, [`connect`](Self::connect) last.
///
/// ```no_run
/// use std::time::Duration;
///
/// use dwell_redis::RedisStore;
///
/// # async fn f() -> Result<(), dwell_redis::ConnectError> {
/// let store = RedisStore::builder()
///     .prefix("clinic")
///     .patience(Duration::from_millis(500))
///     .connect("redis+cluster://10.0.0.1:6379,10.0.0.2:6379")
///     .await?;
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
pub struct RedisStoreBuilder {
    prefix: String,
    patience: Duration,
    tombstones: Duration,
    replicas: Option<usize>,
    trust: Trust,
    clock: Option<Box<dyn Clock>>,
}

impl RedisStore {
    /// Connects to the server at `url`, with the default settings. See
    /// [`RedisStoreBuilder::connect`] for the forms of a URL.
    ///
    /// # Errors
    /// [`ConnectError`], when `url` has none of those forms, when the server
    /// can't be reached or refuses the login, or when its keys have another
    /// layout.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder().connect(url).await
    }

    /// Returns a builder with the default settings.
    #[must_use]
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }
}

impl RedisStoreBuilder {
    fn new() -> Self {
        Self {
            prefix: "dwell".to_owned(),
            patience: Duration::from_secs(1),
            tombstones: hours(24),
            replicas: None,
            trust: Trust::default(),
            clock: None,
        }
    }

    /// Sets the prefix of all keys. Defaults to `dwell`. Services that share a
    /// database need different prefixes.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long to wait for a connection and for an answer. Defaults to
    /// one second. The session layer limits its wait for the store separately,
    /// to two seconds by default.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets how long the tombstone of an ended session is kept. Defaults to one
    /// day. For that long, clients learn why their session ended (law L13). The
    /// tombstone of an adopted session stays at least until that session's
    /// absolute deadline.
    #[must_use]
    pub fn tombstones(mut self, lifetime: Duration) -> Self {
        self.tombstones = lifetime;
        self
    }

    /// Sets how many replicas must confirm a login, a new token or an end
    /// before it is answered, so that a failover can't undo it (law L4).
    /// Defaults to 1 with Sentinel and Cluster, and to 0 on a single server.
    ///
    /// Each change waits at most 800 ms. If the replicas do not confirm it by
    /// then, the change stands, a warning is logged, and changes of the next
    /// second are answered without waiting.
    #[must_use]
    pub fn replicas(mut self, count: usize) -> Self {
        self.replicas = Some(count);
        self
    }

    /// Trusts the certificate authorities in `pem` instead of the system's.
    /// Affects `rediss://` URLs only.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust.roots = Some(pem.into());
        self
    }

    /// Judges sessions by `clock` instead of the server's. Only for tests:
    /// nodes whose clocks differ would decide differently (law L11).
    #[must_use]
    pub fn judge_by_node_clock_for_tests(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Connects to the server at `url`, and checks that its keys have this
    /// version's layout. `url` is one of:
    ///
    /// | `url` | leads to |
    /// |---|---|
    /// | `redis://[user][:password]@host:port/[database]`, `unix:///path` | one server |
    /// | `redis+sentinel://[user][:password]@host:port,host:port/service[/database]` | Sentinel: the Sentinels' addresses, the servers' user and password |
    /// | `redis+cluster://[user][:password]@host:port,host:port` | a Cluster. Name some of its nodes; the others are found |
    /// | `rediss://`, `rediss+sentinel://`, `rediss+cluster://` | the same over TLS (feature `tls`) |
    ///
    /// # Errors
    /// [`ConnectError`], when `url` has none of these forms, when the server
    /// can't be reached or refuses the login, or when its keys have another
    /// layout.
    pub async fn connect(self, url: &str) -> Result<RedisStore, ConnectError> {
        let shown = url::without_password(url);
        let failed = |source: RedisError| ConnectError::Server {
            url: shown.clone(),
            source: explained(&source).into(),
        };
        let target = || {
            url::parse(url, &self.trust).map_err(|reason| ConnectError::Url {
                url: shown.clone(),
                reason: reason.to_string(),
            })
        };
        let (way, database) = way(target()?, self.patience, &self.trust)
            .await
            .map_err(failed)?;
        let replicas = self.replicas.unwrap_or(match &way {
            Way::Server(server) if !server.has_sentinels() => 0,
            _ => 1,
        });
        let durable = match (&way, replicas) {
            (_, 0) => None,
            (Way::Cluster(cluster), _) => Some(Durable::of_cluster(cluster.clone(), replicas)),
            (Way::Server(_), _) => {
                let server = server(target()?, self.patience, &self.trust).map_err(failed)?;
                server.map(|(server, _)| Durable::of_one(server, replicas))
            }
        };
        let layout = Layout::new(&self.prefix);
        let link = Link::new(way, durable, self.patience);
        check_layout(&link, &layout, &shown).await?;
        let mut load = script::LOAD.call().key(layout.schema()).arg("");
        load = load.arg("");
        link.send(&load.by_text()).await.map_err(failed)?;
        warn_of_eviction(&link).await;
        Ok(RedisStore::new(
            link,
            Settings {
                channel: layout.channel(database),
                layout,
                tombstones: self.tombstones,
                clock: self.clock,
            },
        ))
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("patience", &self.patience)
            .field("tombstones", &self.tombstones)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

async fn way(target: Target, patience: Duration, trust: &Trust) -> Result<(Way, i64), RedisError> {
    let nodes = match target {
        Target::Cluster(nodes) => nodes,
        target => {
            let server = server(target, patience, trust)?;
            let (server, database) = server.ok_or_else(no_node)?;
            return Ok((Way::Server(Arc::new(server)), database));
        }
    };
    let like = nodes.first().cloned().ok_or_else(no_node)?;
    let builder = ClusterClient::builder(nodes);
    #[cfg(feature = "tls")]
    let builder = match trust.certificates(like.addr()) {
        Some(certificates) => builder.certs(certificates),
        None => builder,
    };
    let client = builder
        .connection_timeout(patience)
        .response_timeout(patience)
        .overall_response_timeout(Some(2 * patience))
        .build()?;
    let connection = client.get_async_connection().await?;
    let cluster = Cluster::new(connection, like, trust.clone(), config(patience));
    Ok((Way::Cluster(Box::new(cluster)), 0))
}

/// Returns one server and its database number; `None` for a cluster.
fn server(
    target: Target,
    patience: Duration,
    trust: &Trust,
) -> Result<Option<(Server, i64)>, RedisError> {
    let (source, database) = match target {
        Target::Server(info) => {
            let database = info.redis_settings().db();
            (Source::Direct(trust.client(*info)?), database)
        }
        Target::Sentinel(client, database) => {
            let client = tokio::sync::Mutex::new(*client);
            (Source::Sentinel(client), database)
        }
        Target::Cluster(_) => return Ok(None),
    };
    Ok(Some((Server::new(source, config(patience)), database)))
}

fn config(patience: Duration) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(patience))
        .set_response_timeout(Some(patience))
}

fn no_node() -> RedisError {
    RedisError::from((ErrorKind::InvalidClientConfig, "no address of a node"))
}

async fn check_layout(link: &Link, layout: &Layout, url: &str) -> Result<(), ConnectError> {
    let key = layout.schema();
    let mut claim = redis::cmd("SET");
    claim.arg(&key).arg(LAYOUT).arg("NX").arg("GET");
    let found = link.send(&claim).await;
    let found = match found {
        Ok(Value::Nil) => return Ok(()),
        Ok(Value::BulkString(found)) if found == LAYOUT.as_bytes() => return Ok(()),
        Ok(Value::BulkString(found)) => String::from_utf8_lossy(&found).into_owned(),
        Ok(_) => "(something else)".to_owned(),
        Err(error) if error.code() == Some("WRONGTYPE") => "(something else)".to_owned(),
        Err(source) => {
            return Err(ConnectError::Server {
                url: url.to_owned(),
                source: explained(&source).into(),
            });
        }
    };
    Err(ConnectError::Schema {
        url: url.to_owned(),
        key,
        found,
        known: LAYOUT,
    })
}

/// Warns if the server evicts keys when its memory is full: an evicted session
/// ends without a report. A cluster is not asked.
async fn warn_of_eviction(link: &Link) {
    let Way::Server(_) = link.way() else { return };
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    // A user who may not run INFO gets no warning.
    let Ok(Value::VerbatimString { text, .. }) = link.send(&info).await.map(verbatim) else {
        return;
    };
    let policy = text
        .lines()
        .find_map(|line| line.strip_prefix("maxmemory_policy:"));
    if let Some(policy) = policy.filter(|policy| *policy != "noeviction") {
        tracing::warn!(
            policy,
            "Redis evicts keys when its memory is full: sessions then vanish without an event; \
             set maxmemory-policy to noeviction"
        );
    }
}

fn verbatim(value: Value) -> Value {
    match value {
        Value::BulkString(text) => Value::VerbatimString {
            format: redis::VerbatimFormat::Text,
            text: String::from_utf8_lossy(&text).into_owned(),
        },
        other => other,
    }
}

/// Adds the required version to the error of a server that is too old, which
/// only says that it does not understand a script.
fn explained(error: &RedisError) -> String {
    let text = error.to_string();
    if error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError)
        && (text.contains("compiling script") || text.contains("syntax error"))
    {
        return format!("dwell-redis needs Redis 7.0 or Valkey ({text})");
    }
    text
}
