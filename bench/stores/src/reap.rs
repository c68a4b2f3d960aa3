//! Reaping in Redis: the first passes of a node, passes when nothing is due,
//! when one session in a hundred is, and when all are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dwell_axum::{ManualClock, SessionManager, minutes, seconds};
use dwell_servers::Redis;

use crate::apps::told;
use crate::backend::{info, scripts};
use crate::print;
use crate::stats::figure;

/// Entries of a pass: as many as the reaper takes at a time.
const ENTRIES: usize = 1_000;

/// A server full of sessions.
pub struct Reaping {
    /// The server.
    pub server: Redis,
    /// What has filled it, and has not reaped yet.
    pub manager: SessionManager,
    /// The clock that judges.
    pub clock: ManualClock,
    /// Counts the sessions that end.
    pub ended: Arc<AtomicUsize>,
}

/// What some passes took together.
struct Passes {
    count: usize,
    time: Duration,
    commands: f64,
    cpu: f64,
}

impl Reaping {
    /// Prints what it takes; `early` of the sessions run out before the others.
    pub async fn run(&self, sessions: usize, early: usize, passes: u32) -> Result<(), String> {
        let first = self.passes(None).await?;
        self.check_ended(0)?;
        first.print("reap.first");
        let none = self.passes(Some(passes)).await?;
        self.check_ended(0)?;
        none.print("reap.none");
        self.clock.advance(minutes(9) + seconds(30));
        let one_percent = self.passes(None).await?;
        self.check_ended(early)?;
        one_percent.print("reap.early");
        self.clock.advance(minutes(7));
        let all = self.passes(None).await?;
        self.check_ended(sessions - early)?;
        all.print("reap.all");
        print("reaped", &[figure(early), figure(sessions - early)]);
        Ok(())
    }

    /// So many passes, or until nothing more is due.
    async fn passes(&self, count: Option<u32>) -> Result<Passes, String> {
        let (commands, cpu) = (scripts(&self.server)?, self.cpu()?);
        let began = Instant::now();
        let mut done = 0;
        loop {
            let more = self.manager.reap(ENTRIES).await.map_err(told)?;
            done += 1;
            if count.map_or(!more, |count| done == count as usize) {
                break;
            }
        }
        Ok(Passes {
            count: done,
            time: began.elapsed(),
            commands: scripts(&self.server)? - commands,
            cpu: self.cpu()? - cpu,
        })
    }

    /// Seconds that the server's processor was busy.
    fn cpu(&self) -> Result<f64, String> {
        let user = info(&self.server, "cpu", "used_cpu_user")?;
        Ok(user + info(&self.server, "cpu", "used_cpu_sys")?)
    }

    /// That so many sessions have ended since the last time.
    fn check_ended(&self, due: usize) -> Result<(), String> {
        match self.ended.swap(0, Ordering::Relaxed) {
            ended if ended == due => Ok(()),
            ended => Err(format!("{due} sessions were due, and {ended} ended")),
        }
    }
}

impl Passes {
    fn print(&self, name: &str) {
        let figures = [
            figure(self.count),
            self.time.as_secs_f64() * 1e3,
            self.commands,
            self.cpu * 1e3,
        ];
        print(name, &figures);
    }
}
