//! As many requests as 64 browsers can send, one after the other each.

use std::time::{Duration, Instant};

use axum::Router;
use dwell_servers::{Postgres, Redis};
use tokio::task::JoinSet;

use crate::apps::{self, Kept, Who, told};
use crate::client::{Client, log_in};
use crate::print;
use crate::stats::{figure, percentile};

/// Browsers at the same time, each with a session of its own.
pub const CLIENTS: usize = 64;

/// An application with its browsers.
struct App {
    name: String,
    clients: Vec<Client>,
    rates: Vec<f64>,
    nanos: Vec<u64>,
}

/// Measures round by round, everybody in turn, and prints.
pub async fn run(granularity: Duration, rounds: usize, round: Duration) -> Result<(), String> {
    for kept in Kept::ALL {
        let (redis, postgres);
        let server = match kept {
            Kept::Redis => {
                redis = Redis::start().await.map_err(told)?;
                Server::Redis(&redis)
            }
            Kept::Postgres => {
                postgres = Postgres::start().await.map_err(told)?;
                Server::Postgres(&postgres)
            }
        };
        let mut apps = Vec::new();
        for who in Who::ALL {
            let url = server.url(who).await?;
            let app = apps::start(who, kept, &url, granularity).await?;
            apps.push(App::new(who, kept, &app).await?);
        }
        // The first round warms up.
        for nth in 0..=rounds {
            for app in &mut apps {
                app.round(round, nth > 0).await?;
            }
        }
        for app in apps {
            app.print();
        }
    }
    Ok(())
}

/// One server for everybody.
enum Server<'a> {
    Redis(&'a Redis),
    Postgres(&'a Postgres),
}

impl Server<'_> {
    async fn url(&self, who: Who) -> Result<String, String> {
        match self {
            // Their keys begin differently.
            Self::Redis(server) if who != Who::Near => Ok(server.url()),
            Self::Redis(server) => Ok(format!("{}1", server.url())),
            Self::Postgres(server) => server.database(who.name()).await.map_err(told),
        }
    }
}

impl App {
    async fn new(who: Who, kept: Kept, app: &Router) -> Result<Self, String> {
        let mut clients = log_in(app, CLIENTS).await?;
        clients[0].check().await?;
        Ok(Self {
            name: format!("{}.{}", kept.name(), who.name()),
            clients,
            rates: Vec::new(),
            nanos: Vec::new(),
        })
    }

    async fn round(&mut self, length: Duration, counts: bool) -> Result<(), String> {
        let started = Instant::now();
        let mut running = JoinSet::new();
        for mut client in self.clients.drain(..) {
            running.spawn(async move {
                let mut nanos = Vec::new();
                while started.elapsed() < length {
                    let sent = Instant::now();
                    client.get(false).await?;
                    let took = sent.elapsed().as_nanos();
                    nanos.push(u64::try_from(took).unwrap_or(u64::MAX));
                }
                Ok::<_, String>((client, nanos))
            });
        }
        let mut all = Vec::new();
        while let Some(ended) = running.join_next().await {
            let (client, nanos) = ended.map_err(|e| e.to_string())??;
            self.clients.push(client);
            all.extend(nanos);
        }
        if counts {
            self.rates
                .push(figure(all.len()) / started.elapsed().as_secs_f64());
            self.nanos.extend(all);
        }
        Ok(())
    }

    fn print(mut self) {
        self.nanos.sort_unstable();
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let micros = |per_mille| percentile(&self.nanos, per_mille) as f64 / 1e3;
        print(&format!("rates.{}", self.name), &self.rates);
        let figures = [micros(500), micros(990)];
        print(&format!("latency.{}", self.name), &figures);
    }
}
