//! A Redis full of sessions: what each takes, and what reaping them costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dwell_axum::{ManualClock, SessionManager, minutes, seconds};
use dwell_redis::RedisStore;
use dwell_servers::Redis;
use tokio::task::JoinSet;

use crate::apps::{self, Kept, Who, told};
use crate::backend::info;
use crate::client::{log_in, subject};
use crate::print;
use crate::reap::Reaping;
use crate::stats::figure;

/// Sessions that are created at a time.
const AT_ONCE: usize = 256;

/// What is filled, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// Sessions of Dwell; others get a tenth.
    pub sessions: usize,
    /// Dwell has as many as fit into this time.
    pub patience: Duration,
    /// The touch granularity.
    pub granularity: Duration,
    /// Passes when nothing is due.
    pub passes: u32,
}

/// Fills, reaps, and prints.
pub async fn run(fill: Fill) -> Result<(), String> {
    for who in [Who::TowerSessions, Who::SessionGuard] {
        others(who, fill).await?;
    }
    let server = Redis::start().await.map_err(told)?;
    let clock = ManualClock::new();
    let builder = RedisStore::builder().patience(Duration::from_secs(10));
    let store = builder.judge_by_node_clock_for_tests(clock.clone());
    let store = store.connect(&server.url()).await.map_err(told)?;
    let ended = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&ended);
    let manager = apps::manager(store, fill.granularity, move || {
        counting.fetch_add(1, Ordering::Relaxed);
    });

    let before = info(&server, "memory", "used_memory")?;
    let filling = Filling {
        manager: manager.clone(),
        clock: clock.clone(),
        began: Instant::now(),
        patience: fill.patience,
        next: AtomicUsize::new(0),
    };
    let filling = Arc::new(filling);
    // One of a hundred is started five minutes before the others, which are
    // spread over a minute.
    let early = fill.sessions / 100;
    filling.up_to(early, usize::MAX).await?;
    clock.advance(minutes(5));
    let spread = ((fill.sessions - early) / 60).max(1);
    let sessions = filling.up_to(fill.sessions, spread).await?;
    let took = filling.began.elapsed();
    let bytes = (info(&server, "memory", "used_memory")? - before) / figure(sessions);
    print(
        "memory.dwell",
        &[figure(sessions), bytes, took.as_secs_f64()],
    );
    let reaping = Reaping {
        server,
        manager,
        clock,
        ended,
    };
    reaping.run(sessions, early, fill.passes).await
}

/// What a session of somebody else takes.
async fn others(who: Who, fill: Fill) -> Result<(), String> {
    let server = Redis::start().await.map_err(told)?;
    let app = apps::start(who, Kept::Redis, &server.url(), fill.granularity).await?;
    let before = info(&server, "memory", "used_memory")?;
    let (sessions, began) = (fill.sessions / 10, Instant::now());
    log_in(&app, sessions).await?;
    let took = began.elapsed().as_secs_f64();
    let bytes = (info(&server, "memory", "used_memory")? - before) / figure(sessions);
    let name = format!("memory.{}", who.name());
    print(&name, &[figure(sessions), bytes, took]);
    Ok(())
}

struct Filling {
    manager: SessionManager,
    clock: ManualClock,
    began: Instant,
    patience: Duration,
    /// The next session's number.
    next: AtomicUsize,
}

impl Filling {
    /// Starts sessions until there are so many or time is up, a second passing
    /// with every `spread` of them; how many there are.
    async fn up_to(self: &Arc<Self>, count: usize, spread: usize) -> Result<usize, String> {
        let mut running = JoinSet::new();
        for _ in 0..AT_ONCE {
            let filling = Arc::clone(self);
            running.spawn(async move { filling.work(count, spread).await });
        }
        while let Some(ended) = running.join_next().await {
            ended.map_err(|e| e.to_string())??;
        }
        Ok(self.next.load(Ordering::Relaxed))
    }

    async fn work(&self, count: usize, spread: usize) -> Result<(), String> {
        while self.began.elapsed() < self.patience {
            let take = |next: usize| (next < count).then(|| next + 1);
            let taken = self
                .next
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
            let Ok(n) = taken else {
                return Ok(());
            };
            if n % spread == spread - 1 {
                self.clock.advance(seconds(1));
            }
            apps::start_session(&self.manager, subject(n)).await?;
        }
        Ok(())
    }
}
