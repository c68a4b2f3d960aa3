//! A Redis full of sessions: what each takes, and what reaping them costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use dwell_axum::{ManualClock, SessionManager, minutes, seconds};
use dwell_bench::section::{Section, short};
use dwell_bench::stats::figure;
use dwell_redis::RedisStore;
use dwell_servers::Redis;

use crate::apps::{self, Kept, Who, told};
use crate::backend::{info, scripts};
use crate::client::log_in;

/// Entries of a pass: as many as the reaper takes at a time.
const ENTRIES: usize = 1_000;

/// Fills and reaps; others get a tenth of the sessions.
pub async fn run(
    section: &mut Section,
    granularity: Duration,
    sessions: usize,
) -> Result<(), String> {
    eprintln!("measuring: stores: memory and reaping");
    section.paragraph("### Many sessions in Redis");
    section.paragraph(
        "What `used_memory` grows by for each session, all keys included. Every session has a \
         subject of its own, of 13 bytes. tower-sessions keeps no list by subject and leaves it to \
         Redis to forget sessions, so that nobody is notified of their end.",
    );
    let full = Full::new(granularity).await?;
    let mut rows = vec![full.fill(sessions).await?];
    for who in [Who::TowerSessions, Who::SessionGuard] {
        let server = Redis::start().await.map_err(told)?;
        let app = apps::start(who, Kept::Redis, &server.url(), granularity).await?;
        let filling = Filling::new(&server)?;
        let count = sessions / 10;
        log_in(&app, 0..count).await?;
        rows.push(filling.cells(who, count, &server)?);
    }
    let heads = [
        "application",
        "sessions",
        "bytes per session",
        "seconds to create them",
    ];
    section.table(&heads, &rows);
    full.reap(section, sessions).await
}

/// A server that is being filled.
struct Filling {
    before: f64,
    began: Instant,
}

impl Filling {
    fn new(server: &Redis) -> Result<Self, String> {
        Ok(Self {
            before: info(server, "memory", "used_memory")?,
            began: Instant::now(),
        })
    }

    fn cells(self, who: Who, sessions: usize, server: &Redis) -> Result<Vec<String>, String> {
        let took = self.began.elapsed().as_secs_f64();
        let bytes = info(server, "memory", "used_memory")? - self.before;
        Ok(vec![
            who.name().to_owned(),
            sessions.to_string(),
            short(bytes / figure(sessions)),
            short(took),
        ])
    }
}

/// Dwell's, on a clock that is driven.
struct Full {
    server: Redis,
    manager: SessionManager,
    app: Router,
    clock: ManualClock,
    /// Counts the sessions that end.
    ended: Arc<AtomicUsize>,
}

impl Full {
    async fn new(granularity: Duration) -> Result<Self, String> {
        let server = Redis::start().await.map_err(told)?;
        let clock = ManualClock::new();
        let builder = RedisStore::builder().patience(Duration::from_secs(10));
        let store = builder.judge_by_node_clock_for_tests(clock.clone());
        let store = store.connect(&server.url()).await.map_err(told)?;
        let ended = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&ended);
        let manager = apps::manager(store, granularity, move || {
            counting.fetch_add(1, Ordering::Relaxed);
        });
        Ok(Self {
            server,
            app: apps::router(&manager),
            manager,
            clock,
            ended,
        })
    }

    /// One of a hundred sessions is started five minutes before the others,
    /// which are spread over a minute.
    async fn fill(&self, sessions: usize) -> Result<Vec<String>, String> {
        let filling = Filling::new(&self.server)?;
        let mut next = sessions / 100;
        log_in(&self.app, 0..next).await?;
        self.clock.advance(minutes(5));
        while next < sessions {
            let end = (next + sessions / 60).min(sessions);
            log_in(&self.app, next..end).await?;
            self.clock.advance(seconds(1));
            next = end;
        }
        filling.cells(Who::Dwell, sessions, &self.server)
    }

    async fn reap(&self, section: &mut Section, sessions: usize) -> Result<(), String> {
        let early = sessions / 100;
        section.paragraph("### Reaping in Redis");
        section.paragraph(
            "The same sessions, in passes of at most 1,000 entries as the reaper makes them each \
             second, until nothing more is due, each end reported and acknowledged. The first \
             passes of a node go through all sessions once, since it may have other policies than \
             the node before it; requests go on meanwhile. `server` is the time of the server's \
             processor.",
        );
        let mut rows = Vec::new();
        for (name, wait, entries, due) in [
            ("the first of a node", minutes(0), sessions, 0),
            ("nothing due", minutes(0), 0, 0),
            ("1 % due", minutes(24) + seconds(30), early, early),
            (
                "all others due",
                minutes(7),
                sessions - early,
                sessions - early,
            ),
        ] {
            self.clock.advance(wait);
            rows.push(self.passes(name, entries).await?);
            let ended = self.ended.swap(0, Ordering::Relaxed);
            if ended != due {
                return Err(format!("{due} sessions were due, and {ended} ended"));
            }
        }
        let heads = [
            "passes",
            "sessions",
            "passes needed",
            "ms",
            "commands",
            "server, ms",
        ];
        section.table(&heads, &rows);
        Ok(())
    }

    /// Passes until nothing more is due.
    async fn passes(&self, name: &str, sessions: usize) -> Result<Vec<String>, String> {
        let (commands, cpu) = (scripts(&self.server)?, self.cpu()?);
        let (began, mut passes) = (Instant::now(), 1);
        while self.manager.reap(ENTRIES).await.map_err(told)? {
            passes += 1;
        }
        let millis = began.elapsed().as_secs_f64() * 1e3;
        Ok(vec![
            name.to_owned(),
            sessions.to_string(),
            passes.to_string(),
            short(millis),
            format!("{:.0}", scripts(&self.server)? - commands),
            short((self.cpu()? - cpu) * 1e3),
        ])
    }

    /// Seconds that the server's processor was busy.
    fn cpu(&self) -> Result<f64, String> {
        let user = info(&self.server, "cpu", "used_cpu_user")?;
        Ok(user + info(&self.server, "cpu", "used_cpu_sys")?)
    }
}
