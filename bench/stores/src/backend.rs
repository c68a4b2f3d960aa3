//! A server that counts: what clients ask of it, and what that changes.

use std::sync::Arc;
use std::time::Duration;

use dwell_servers::{Postgres, Redis};
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::apps::{Kept, told};
use crate::wire::Wire;

/// A server with nothing in it, for one application alone.
pub enum Backend {
    /// With the commands that pass the wire.
    Redis {
        /// The server.
        server: Redis,
        /// The way to it.
        wire: Wire,
    },
    /// A database, with the statements that `pg_stat_statements` knows of.
    Postgres {
        /// The server.
        server: Arc<Postgres>,
        /// The name of the database.
        database: String,
    },
}

/// Rows as Postgres counts them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rows {
    /// Inserted, updated or deleted.
    pub written: f64,
    /// Updated.
    pub updated: f64,
    /// Updated without a write to any index.
    pub hot: f64,
}

/// A Postgres that counts statements.
pub async fn counting_postgres() -> Result<Postgres, String> {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .setting("max_connections", "200");
    let server = server.start().await.map_err(told)?;
    let create = "create extension pg_stat_statements";
    query(&server, "postgres", create)?;
    Ok(server)
}

impl Backend {
    /// For the application of this name.
    pub async fn new(kept: Kept, postgres: &Arc<Postgres>, name: &str) -> Result<Self, String> {
        Ok(match kept {
            Kept::Redis => {
                let server = Redis::start().await.map_err(told)?;
                let wire = Wire::to(server.port()).await?;
                Self::Redis { server, wire }
            }
            Kept::Postgres => {
                let database = name.replace('-', "_");
                postgres.database(&database).await.map_err(told)?;
                Self::Postgres {
                    server: Arc::clone(postgres),
                    database,
                }
            }
        })
    }

    /// Where the application connects to.
    pub fn url(&self) -> String {
        match self {
            Self::Redis { wire, .. } => wire.url(),
            Self::Postgres { server, database } => {
                let url = server.url();
                let server = url.trim_end_matches("postgres");
                format!("{server}{database}")
            }
        }
    }

    /// Commands or statements so far.
    pub fn asked(&self) -> Result<f64, String> {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
            Self::Redis { wire, .. } => Ok(wire.count() as f64),
            Self::Postgres { server, database } => {
                let sql = format!(
                    "select coalesce(sum(calls), 0) from pg_stat_statements as asked \
                     join pg_database on pg_database.oid = asked.dbid \
                     where datname = '{database}'"
                );
                number(&query(server, "postgres", &sql)?)
            }
        }
    }

    /// Changes to what is kept so far: commands that changed something, or
    /// rows. Postgres tells it with a second's delay.
    pub fn written(&self) -> Result<f64, String> {
        match self {
            Self::Redis { server, .. } => info(server, "persistence", CHANGES),
            Self::Postgres { .. } => Ok(self.rows()?.written),
        }
    }

    /// Rows that were changed so far.
    pub fn rows(&self) -> Result<Rows, String> {
        let Self::Postgres { server, database } = self else {
            return Ok(Rows::default());
        };
        let sql = "select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0), \
                   coalesce(sum(n_tup_upd), 0), coalesce(sum(n_tup_hot_upd), 0) \
                   from pg_stat_user_tables";
        let row = query(server, database, sql)?;
        let figures: Result<Vec<f64>, String> = row.split('|').map(number).collect();
        match figures?.as_slice() {
            [written, updated, hot] => Ok(Rows {
                written: *written,
                updated: *updated,
                hot: *hot,
            }),
            _ => Err(format!("not three figures: {row}")),
        }
    }

    /// Ends all connections, upon which Postgres tells all that they did.
    pub async fn settle(&self) -> Result<(), String> {
        let Self::Postgres { server, database } = self else {
            return Ok(());
        };
        let end = format!(
            "select coalesce(string_agg(pid::text, ','), '0') from (select pid, \
             pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}' \
             and backend_type = 'client backend') ended"
        );
        // A watch for changes is back before the others are gone.
        let ended = query(server, "postgres", &end)?;
        let left = format!("select count(*) from pg_stat_activity where pid in ({ended})");
        for _ in 0..200 {
            if query(server, "postgres", &left)? == "0" {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err(format!("connections to {database} do not end"))
    }
}

/// Changes to the data since the last snapshot, which is never taken.
const CHANGES: &str = "rdb_changes_since_last_save";

/// A figure from a section of `INFO`.
pub fn info(server: &Redis, section: &str, key: &str) -> Result<f64, String> {
    let text = ask(server, section)?;
    let value = text.lines().find_map(|line| {
        let (found, value) = line.trim().split_once(':')?;
        (found == key).then(|| number(value))
    });
    value.unwrap_or_else(|| Err(format!("INFO {section} has no {key}")))
}

/// Scripts that clients have called; scripts call none themselves.
pub fn scripts(server: &Redis) -> Result<f64, String> {
    let text = ask(server, "commandstats")?;
    let calls = text.lines().filter_map(|line| {
        let (name, figures) = line.trim().split_once(":calls=")?;
        let ours = ["cmdstat_eval", "cmdstat_evalsha"].contains(&name);
        ours.then(|| number(figures.split(',').next().unwrap_or_default()))
    });
    calls.sum()
}

/// The version.
pub fn redis_version(server: &Redis) -> Result<String, String> {
    let text = ask(server, "server")?;
    let mut lines = text.lines();
    let version = lines.find_map(|line| line.strip_prefix("redis_version:"));
    let version = version.ok_or("Redis tells no version")?;
    Ok(version.trim().to_owned())
}

/// The version.
pub fn postgres_version(server: &Postgres) -> Result<String, String> {
    let text = query(server, "postgres", "show server_version")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

fn ask(server: &Redis, section: &str) -> Result<String, String> {
    block_in_place(|| server.command(&["INFO", section])).map_err(told)
}

fn query(server: &Postgres, database: &str, sql: &str) -> Result<String, String> {
    block_in_place(|| server.query(database, sql)).map_err(told)
}

fn number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    text.parse().map_err(|_| format!("not a number: {text:?}"))
}
