//! What requests ask of a store: of a busy browser, of one that only polls,
//! and of one whose requests are far apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dwell_servers::Postgres;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::apps::{self, Kept, Who};
use crate::backend::Backend;
use crate::client::{Client, log_in};
use crate::print;
use crate::stats::figure;

/// Sessions, all busy at once.
pub const SESSIONS: usize = 64;
/// Between the requests of a busy session.
const PERIOD: Duration = Duration::from_millis(100);
/// Until the counts begin: what a first request asks is no part of them.
const WARM_UP: Duration = Duration::from_secs(3);

/// Until nothing is under way any more.
const SETTLES: Duration = Duration::from_millis(1_500);

/// The granularity of sessions whose requests are far apart.
pub const FINE: Duration = Duration::from_secs(1);
/// Between their requests: longer than the granularity, and than a touch waits
/// for the next look-up.
pub const APART: Duration = Duration::from_millis(2_500);

/// How long to look.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// The granularity of busy sessions.
    pub granularity: Duration,
    /// How many of them to look at.
    pub granules: u32,
    /// How long to look at passive requests.
    pub passive: Duration,
    /// How many requests that are far apart.
    pub lone: usize,
}

/// Looks at everybody at the same time, and prints.
pub async fn run(length: Length, postgres: &Arc<Postgres>) -> Result<(), String> {
    let mut running = JoinSet::new();
    for kept in Kept::ALL {
        for who in Who::ALL {
            let server = Arc::clone(postgres);
            running.spawn(async move { busy(who, kept, &server, length).await });
            // Copies that are kept near cost the same without requests.
            if who != Who::Near {
                let server = Arc::clone(postgres);
                running.spawn(async move { lone(who, kept, &server, length.lone).await });
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.map_err(|e| e.to_string())??;
    }
    Ok(())
}

/// What was counted up to an instant.
struct Seen {
    at: Instant,
    requests: usize,
    asked: f64,
}

async fn busy(
    who: Who,
    kept: Kept,
    postgres: &Arc<Postgres>,
    length: Length,
) -> Result<(), String> {
    let name = format!("{}.{}", kept.name(), who.name());
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
    let after = load.seen(&backend).await?;
    let clients = load.stop().await?;
    let (seconds, requests, asked) = since(&before, &after);
    let of_each = requests / seconds / figure(SESSIONS);
    let active = asked / requests;

    // The last touches are under way for a second.
    sleep(SETTLES).await;
    let mut passive = f64::NAN;
    if who.knows_passive() {
        let load = Load::start(clients, true);
        sleep(SETTLES).await;
        let before = load.seen(&backend).await?;
        sleep(length.passive).await;
        let (_, requests, asked) = since(&before, &load.seen(&backend).await?);
        load.stop().await?;
        passive = asked / requests;
    }
    // Passive requests have written nothing, or it is counted here.
    backend.settle().await?;
    let written = backend.written()? - written;
    let granules = f64::from(length.granules) * figure(SESSIONS);
    print(
        &format!("busy.{name}"),
        &[of_each, active, passive, written / granules],
    );
    if kept == Kept::Postgres {
        let after = backend.rows()?;
        let figures = [after.updated - rows.updated, after.hot - rows.hot];
        print(&format!("hot.{name}"), &figures);
    }
    Ok(())
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
    let app = apps::start(who, kept, &backend.url(), FINE).await?;
    let mut client = Client::log_in(&app, "first").await?;
    for _ in 0..2 {
        client.get(false).await?;
        sleep(SETTLES).await;
    }
    let app = apps::start(who, kept, &backend.url(), granularity).await?;
    let mut clients = log_in(&app, SESSIONS).await?;
    for client in &mut clients {
        client.get(false).await?;
    }
    clients[0].check().await?;
    backend.settle().await?;
    Ok(clients)
}

fn since(before: &Seen, after: &Seen) -> (f64, f64, f64) {
    (
        (after.at - before.at).as_secs_f64(),
        figure(after.requests - before.requests),
        after.asked - before.asked,
    )
}

/// One request after the other: what it had asked by its answer, and in all.
async fn lone(who: Who, kept: Kept, postgres: &Arc<Postgres>, count: usize) -> Result<(), String> {
    let backend = Backend::new(kept, postgres, &format!("lone-{}", who.name())).await?;
    let app = apps::start(who, kept, &backend.url(), FINE).await?;
    let mut clients = log_in(&app, 1).await?;
    // The first requests are not like the others: statements are prepared, and
    // a token is seen for the first time.
    for _ in 0..2 {
        clients[0].get(false).await?;
        sleep(APART).await;
    }
    let (mut answered, mut all) = (0.0, 0.0);
    for _ in 0..count {
        let before = backend.asked()?;
        clients[0].get(false).await?;
        answered += backend.asked()? - before;
        sleep(APART).await;
        all += backend.asked()? - before;
    }
    let name = format!("lone.{}.{}", kept.name(), who.name());
    print(&name, &[answered / figure(count), all / figure(count)]);
    Ok(())
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
            at: Instant::now(),
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
