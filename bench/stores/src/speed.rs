//! As many requests as 64 browsers can send, one after the other each.

use std::time::{Duration, Instant};

use axum::Router;
use dwell_bench::section::{Section, short};
use dwell_bench::stats::{figure, median, median_ratio, percentile};
use dwell_servers::{Postgres, Redis};
use tokio::task::JoinSet;

use crate::apps::{self, Kept, Who, told};
use crate::client::{Client, log_in};

/// Browsers at the same time, each with a session of its own.
const CLIENTS: usize = 64;

/// An application with its browsers.
struct App {
    who: Who,
    clients: Vec<Client>,
    /// Requests per second, by round.
    rates: Vec<f64>,
    /// Of every request.
    nanos: Vec<u64>,
}

/// Measures round by round, everybody in turn.
pub async fn run(
    section: &mut Section,
    granularity: Duration,
    rounds: usize,
    round: Duration,
) -> Result<(), String> {
    eprintln!("measuring: stores: throughput");
    section.paragraph("### Throughput");
    section.paragraph(&format!(
        "{CLIENTS} clients, each with a session of its own, one active request after the other; \
         {rounds} rounds, interleaved, on one server for everybody, which shares the cores with the \
         clients. `of the best other` is the median of the ratios, round by round, to whichever of \
         the other two answered more.",
    ));
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
            apps.push(App::new(who, &app).await?);
        }
        // The first round warms up.
        for nth in 0..=rounds {
            for app in &mut apps {
                app.round(round, nth > 0).await?;
            }
        }
        render(section, kept, &mut apps);
    }
    Ok(())
}

fn render(section: &mut Section, kept: Kept, apps: &mut [App]) {
    let title = kept.name();
    let others = apps.iter().filter(|app| !app.who.is_dwell());
    let best = others.max_by(|a, b| median(&a.rates).total_cmp(&median(&b.rates)));
    let Some((best, best_rates)) = best.map(|best| (best.who.name(), best.rates.clone())) else {
        return;
    };
    let mut rows = Vec::new();
    for app in apps {
        app.nanos.sort_unstable();
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let micros = |per_mille| short(percentile(&app.nanos, per_mille) as f64 / 1e3);
        let ratio = median_ratio(&app.rates, &best_rates);
        rows.push(vec![
            app.who.name().to_owned(),
            format!("{:.0}", median(&app.rates)),
            format!("{} ×", short(ratio)),
            micros(500),
            micros(990),
        ]);
        if app.who.is_dwell() {
            let who = app.who.name();
            let what = format!("{title}: {who} answers ≥ 2 × what {best} does");
            section.at_least(&what, ratio, 2.0, " ×");
        }
    }
    let first = format!("{title}: application");
    let heads = [
        &first,
        "requests/s",
        "of the best other",
        "p50, µs",
        "p99, µs",
    ];
    section.table(&heads, &rows);
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
    async fn new(who: Who, app: &Router) -> Result<Self, String> {
        let mut clients = log_in(app, 0..CLIENTS).await?;
        clients[0].check().await?;
        Ok(Self {
            who,
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
}
