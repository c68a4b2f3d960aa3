//! What requests ask of a store: of busy browsers, and of those that only poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dwell_bench::section::Section;
use dwell_bench::stats::figure;
use dwell_servers::Postgres;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::apps::{self, Kept, Who};
use crate::backend::{Backend, Rows};
use crate::client::{Client, log_in};

/// Sessions, all busy at once.
const SESSIONS: usize = 64;
/// Between the requests of a busy session.
const PERIOD: Duration = Duration::from_millis(100);
/// Until the counts begin: what a first request asks is no part of them.
const WARM_UP: Duration = Duration::from_secs(3);
/// Until nothing is under way any more.
const SETTLES: Duration = Duration::from_millis(1_500);

/// How long to look.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// The granularity.
    pub granularity: Duration,
    /// How many of them to look at.
    pub granules: u32,
    /// How long to look at passive requests.
    pub passive: Duration,
}

/// What was counted of one application.
struct Counted {
    who: Who,
    kept: Kept,
    /// Commands or statements of an active request.
    active: f64,
    /// Of a passive one, where there is such a thing.
    passive: Option<f64>,
    /// Changes to a session in a granularity.
    writes: f64,
    rows: Rows,
}

/// Looks at everybody at the same time.
pub async fn run(
    section: &mut Section,
    length: Length,
    postgres: &Arc<Postgres>,
) -> Result<(), String> {
    eprintln!("measuring: stores: commands and statements");
    let mut running = JoinSet::new();
    for kept in Kept::ALL {
        for who in Who::ALL {
            let server = Arc::clone(postgres);
            running.spawn(async move { count(who, kept, &server, length).await });
        }
    }
    let mut all = Vec::new();
    while let Some(ended) = running.join_next().await {
        all.push(ended.map_err(|e| e.to_string())??);
    }
    section.paragraph("### What a request asks of its store");
    section.paragraph(&format!(
        "{SESSIONS} sessions with ten requests a second each, all of them active, and then all \
         passive; looked at for {} s, while no reaper passes. Redis: commands, counted on the wire, \
         and changes to the data. Postgres: statements that `pg_stat_statements` knows of, `BEGIN` \
         and `COMMIT` among them, and changed rows. Writes are per session in a granularity. \
         A request of Dwell's after a longer pause costs one command more, its touch, which is not \
         waited for.",
        (length.granularity * length.granules).as_secs(),
    ));
    for kept in Kept::ALL {
        render(section, kept, &all);
    }
    Ok(())
}

fn render(section: &mut Section, kept: Kept, all: &[Counted]) {
    let title = kept.name();
    let asked = match kept {
        Kept::Redis => "commands",
        Kept::Postgres => "statements",
    };
    let mut rows = Vec::new();
    for who in Who::ALL {
        let of = |one: &&Counted| one.who == who && one.kept == kept;
        let Some(one) = all.iter().find(of) else {
            continue;
        };
        let name = who.name();
        let mut row = vec![
            name.to_owned(),
            format!("{:.3}", one.active),
            one.passive
                .map_or("–".to_owned(), |passive| format!("{passive:.3}")),
            format!("{:.2}", one.writes),
        ];
        let Rows { updated, hot, .. } = one.rows;
        if kept == Kept::Postgres {
            row.push(format!("{hot:.0} of {updated:.0}"));
        }
        rows.push(row);
        let Some(passive) = one.passive else { continue };
        let most = if who == Who::Near { 0.1 } else { 1.0 };
        for (what, figure) in [("active", one.active), ("passive", passive)] {
            let what = format!("{title}, {name}: {asked} per {what} request ≤ {most}");
            section.goal(&what, format!("{figure:.3}"), figure <= most);
        }
        // Fewer would be activity that nobody has recorded.
        let what = format!("{title}, {name}: writes per session in a granularity: 1");
        let is_one = (0.9..=1.0).contains(&one.writes);
        section.goal(&what, format!("{:.2}", one.writes), is_one);
        if kept == Kept::Postgres {
            let what = format!("{title}, {name}: touches that write to no index: all");
            let is_met = updated > 0.0 && hot >= updated;
            section.goal(&what, format!("{hot:.0} of {updated:.0}"), is_met);
        }
    }
    let columns = [
        format!("{title}: application"),
        format!("{asked} per active request"),
        "per passive request".to_owned(),
        "writes in a granularity".to_owned(),
        "updates without an index write".to_owned(),
    ];
    let heads: Vec<&str> = columns.iter().map(String::as_str).collect();
    let width = rows.first().map_or(0, Vec::len);
    section.table(&heads[..width], &rows);
}

/// What was counted up to an instant.
struct Seen {
    requests: usize,
    asked: f64,
}

impl Seen {
    /// What a request has asked since.
    fn each(&self, later: &Self) -> f64 {
        (later.asked - self.asked) / figure(later.requests - self.requests)
    }
}

async fn count(
    who: Who,
    kept: Kept,
    postgres: &Arc<Postgres>,
    length: Length,
) -> Result<Counted, String> {
    let backend = Backend::new(kept, postgres, who.name()).await?;
    let clients = signed_in(who, kept, &backend, length.granularity).await?;
    let (written, rows) = (backend.written()?, backend.rows()?);
    let app = apps::start(who, kept, &backend.url(), length.granularity).await?;
    let clients = clients.into_iter().map(|client| client.at(&app)).collect();

    // So that touches are due in the middle of each granularity that follows,
    // and it is no matter of luck how many of them there are.
    sleep(length.granularity / 2).await;
    let load = Load::start(clients, false);
    sleep(WARM_UP).await;
    let before = load.seen(&backend).await?;
    sleep(length.granularity * length.granules - WARM_UP).await;
    let active = before.each(&load.seen(&backend).await?);
    let clients = load.stop().await?;

    // The last touches are under way for a second.
    sleep(SETTLES).await;
    let mut passive = None;
    if who.is_dwell() {
        let load = Load::start(clients, true);
        sleep(SETTLES).await;
        let before = load.seen(&backend).await?;
        sleep(length.passive).await;
        passive = Some(before.each(&load.seen(&backend).await?));
        load.stop().await?;
    }
    // Passive requests have written nothing, or it is counted here.
    backend.settle().await?;
    let granules = f64::from(length.granules) * figure(SESSIONS);
    let after = backend.rows()?;
    Ok(Counted {
        who,
        kept,
        active,
        passive,
        writes: (backend.written()? - written) / granules,
        rows: Rows {
            written: after.written - rows.written,
            updated: after.updated - rows.updated,
            hot: after.hot - rows.hot,
        },
    })
}

/// Browsers whose tokens the application has seen before: by another instance,
/// that is gone, so that what Postgres tells late is told.
async fn signed_in(
    who: Who,
    kept: Kept,
    backend: &Backend,
    granularity: Duration,
) -> Result<Vec<Client>, String> {
    // A server learns each script once in its life: also that of a touch.
    let app = apps::start(who, kept, &backend.url(), Duration::from_secs(1)).await?;
    let mut client = Client::log_in(&app, "first").await?;
    for _ in 0..2 {
        client.get(false).await?;
        sleep(SETTLES).await;
    }
    let app = apps::start(who, kept, &backend.url(), granularity).await?;
    let mut clients = log_in(&app, 0..SESSIONS).await?;
    for client in &mut clients {
        client.get(false).await?;
    }
    clients[0].check().await?;
    backend.settle().await?;
    Ok(clients)
}

/// Browsers that send one request in each period.
struct Load {
    sent: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    /// Each request goes through it.
    gate: Arc<RwLock<()>>,
    running: JoinSet<Result<Client, String>>,
}

impl Load {
    fn start(clients: Vec<Client>, passive: bool) -> Self {
        let (sent, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let gate = Arc::<RwLock<()>>::default();
        let mut running = JoinSet::new();
        let step = PERIOD / u32::try_from(clients.len()).unwrap_or(u32::MAX);
        for (mut client, nth) in clients.into_iter().zip(0u32..) {
            let (sent, stop) = (Arc::clone(&sent), Arc::clone(&stop));
            let gate = Arc::clone(&gate);
            running.spawn(async move {
                sleep(step * nth).await;
                let mut ticks = interval(PERIOD);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while !stop.load(Ordering::Relaxed) {
                    let through = gate.read().await;
                    client.get(passive).await?;
                    sent.fetch_add(1, Ordering::Relaxed);
                    drop(through);
                    ticks.tick().await;
                }
                Ok(client)
            });
        }
        Self {
            sent,
            stop,
            gate,
            running,
        }
    }

    /// The counts of this moment, in which no request is under way.
    async fn seen(&self, backend: &Backend) -> Result<Seen, String> {
        let _quiet = self.gate.write().await;
        Ok(Seen {
            requests: self.sent.load(Ordering::Relaxed),
            asked: backend.asked()?,
        })
    }

    async fn stop(mut self) -> Result<Vec<Client>, String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut clients = Vec::new();
        while let Some(ended) = self.running.join_next().await {
            clients.push(ended.map_err(|e| e.to_string())??);
        }
        Ok(clients)
    }
}
