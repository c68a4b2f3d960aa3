//! A Redis primary and its replica, watched by three Sentinels.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::redis::single::Redis;
use crate::wait::{self, blocking};

const SERVICE: &str = "dwell";
const SENTINELS: usize = 3;
const QUORUM: usize = 2;
/// How often the Sentinels poll and publish, in milliseconds. By default they
/// ping so rarely that a live server can seem away for longer than they wait,
/// and they take ten seconds to see a new replica. Much shorter pings would not
/// do either: they elect no replica that was silent for five pings, and without
/// a primary they poll once a second.
const PERIODS: [&str; 8] = [
    "ping-period",
    "300",
    "info-period",
    "200",
    "publish-period",
    "200",
    "ask-period",
    "200",
];

/// A primary, a replica, and three Sentinels, which promote the replica within
/// seconds when the primary is away.
#[derive(Debug)]
pub struct RedisSentinel {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sentinels: Vec<Redis>,
    servers: [Redis; 2],
}

impl RedisSentinel {
    /// Starts all five, and waits until the Sentinels know each other and the
    /// replica.
    ///
    /// # Errors
    ///
    /// When Redis is missing or the Sentinels are not ready within 20 seconds.
    pub async fn start() -> Result<Self> {
        blocking(|| {
            let inner = Arc::new(Inner::start()?);
            inner.wait_until_complete()?;
            Ok(Self { inner })
        })
        .await
    }

    /// Returns the URLs of the Sentinels.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.inner.sentinels.iter().map(Redis::url).collect()
    }

    /// Returns the Sentinels' name for the primary.
    #[must_use]
    pub fn service(&self) -> &'static str {
        SERVICE
    }

    /// Returns the Sentinels.
    #[must_use]
    pub fn sentinels(&self) -> &[Redis] {
        &self.inner.sentinels
    }

    /// Returns the two servers with the data, always in the same order: the
    /// first primary, then its replica.
    #[must_use]
    pub fn servers(&self) -> &[Redis; 2] {
        &self.inner.servers
    }

    /// Returns the index of the current primary, as the Sentinels see it.
    ///
    /// # Errors
    ///
    /// When the Sentinels do not agree.
    pub async fn primary(&self) -> Result<usize> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let primary = inner.primary();
            primary.ok_or_else(|| Error::Refused("the sentinels do not agree".to_owned()))
        })
        .await
    }

    /// Kills the primary with SIGKILL. Returns its index.
    ///
    /// # Errors
    ///
    /// When the Sentinels do not agree on the primary.
    pub async fn kill_primary(&self) -> Result<usize> {
        let index = self.primary().await?;
        let inner = Arc::clone(&self.inner);
        let kill = move || {
            inner
                .servers
                .get(index)
                .map_or(Ok(()), |server| server.kill9())
        };
        blocking(kill).await?;
        Ok(index)
    }

    /// Waits until the Sentinels agree on a primary that runs and takes writes.
    /// Returns its index.
    ///
    /// # Errors
    ///
    /// When they do not agree within 20 seconds.
    pub async fn wait_for_failover(&self) -> Result<usize> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            inner.wait_for("no new primary", |inner| inner.serving().is_some())?;
            let primary = inner.serving();
            primary.ok_or_else(|| Error::Refused("the new primary is gone again".to_owned()))
        })
        .await
    }

    /// Waits until the other server follows the primary again and all Sentinels
    /// know it, after the restart of a killed server.
    ///
    /// # Errors
    ///
    /// When this takes longer than 20 seconds.
    pub async fn wait_until_complete(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.wait_until_complete()).await
    }
}

impl Inner {
    fn start() -> Result<Self> {
        let primary = Redis::builder().start_blocking()?;
        let port = primary.port();
        let replica = Redis::builder()
            .arg("--replicaof")
            .arg(format!("127.0.0.1 {port}"))
            .start_blocking()?;
        let config = format!(
            "sentinel monitor {SERVICE} 127.0.0.1 {port} {QUORUM}\n\
             sentinel down-after-milliseconds {SERVICE} 500\n\
             sentinel failover-timeout {SERVICE} 2000\n"
        );
        let sentinel = Redis::builder().sentinel(config);
        let sentinels = (0..SENTINELS).map(|_| sentinel.start_blocking());
        Ok(Self {
            sentinels: sentinels.collect::<Result<_>>()?,
            servers: [primary, replica],
        })
    }

    /// Waits until the Sentinels know each other and both servers. Sets their
    /// periods first, which a restart resets.
    fn wait_until_complete(&self) -> Result<()> {
        for sentinel in self.sentinels.iter().filter(|one| one.is_running()) {
            sentinel.command(&[&["SENTINEL", "DEBUG"][..], &PERIODS].concat())?;
        }
        self.wait_for("the Sentinels do not know each other", Self::is_complete)
    }

    /// Returns the index of the server that all running Sentinels regard as the
    /// primary.
    fn primary(&self) -> Option<usize> {
        let mut running = self.sentinels.iter().filter(|one| one.is_running());
        let first = address(running.next()?)?;
        let port: u16 = first.lines().nth(1)?.trim().parse().ok()?;
        let agree = running.all(|sentinel| address(sentinel).as_ref() == Some(&first));
        let index = self.servers.iter().position(|server| server.port() == port);
        index.filter(|_| agree)
    }

    /// Returns the primary's index, if it runs and regards itself as the
    /// primary.
    fn serving(&self) -> Option<usize> {
        let index = self.primary()?;
        let server = self
            .servers
            .get(index)
            .filter(|server| server.is_running())?;
        let role = server.command(&["ROLE"]).ok()?;
        role.starts_with("master").then_some(index)
    }

    fn is_complete(&self) -> bool {
        self.serving().is_some()
            && self.servers.iter().all(|server| {
                server.command(&["INFO", "replication"]).is_ok_and(|text| {
                    text.contains("role:master") && text.contains("state=online")
                        || text.contains("role:slave") && text.contains("master_link_status:up")
                })
            })
            && self.sentinels.iter().all(knows_all)
    }

    fn wait_for(&self, what: &str, is_so: fn(&Self) -> bool) -> Result<()> {
        wait::until(|| is_so(self).then_some(())).ok_or_else(|| {
            let logs = self.sentinels.iter().map(|sentinel| sentinel.log());
            Error::Server {
                server: "Redis with sentinels".to_owned(),
                what: format!("is not as it should be in time: {what}"),
                log: logs.collect::<Vec<_>>().join("\n--\n"),
            }
        })
    }
}

fn address(sentinel: &Redis) -> Option<String> {
    let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE];
    sentinel.command(&ask).ok()
}

/// Whether this Sentinel sees a healthy primary, a healthy replica and the
/// other Sentinels.
fn knows_all(sentinel: &Redis) -> bool {
    let ask = |what: &str| sentinel.command(&["SENTINEL", what, SERVICE]).ok();
    // Each answer is a list of names and values, one a line, for one instance
    // or for all of a kind.
    let healthy = |text: &str, flags: &str| {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let pairs = lines.windows(2).filter(|pair| pair[0] == "flags");
        pairs.filter(|pair| pair[1] == flags).count()
    };
    ask("MASTER").is_some_and(|text| healthy(&text, "master") == 1)
        && ask("REPLICAS").is_some_and(|text| healthy(&text, "slave") == 1)
        && ask("SENTINELS").is_some_and(|text| healthy(&text, "sentinel") == SENTINELS - 1)
}
