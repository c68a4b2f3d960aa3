//! Runs in which ten thousand sessions end in the same second.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dwell_axum::store::{DuePolicy, SessionStore};
use dwell_axum::{
    Credential, OpenPart, PolicyId, PolicySet, SessionRecord, SessionRef, Timeouts, Timestamp,
    Token, engine,
};
use dwell_redis::RedisStore;
use dwell_servers::{Postgres, Redis};
use dwell_sqlx::PostgresStore;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{judge, short_times};
use crate::Result;
use crate::clock;
use crate::figures::Outcome;
use crate::history::{Event, Faults, Moment, Repeats, Times};
use crate::stage::{Plan, Stage};
use crate::user::CloseReason;

/// How many sessions end.
const MANY: usize = 10_000;

/// How many sessions are put into the store at a time.
const AT_ONCE: usize = 32;

/// How often audit files are read.
const LOOK: Duration = Duration::from_millis(20);

/// How often an audit file is checked for its first line, to kill the node in
/// the middle of a batch.
const MIDST: Duration = Duration::from_millis(1);

/// How long all reports may take.
const BOUND: Duration = Duration::from_secs(60);

/// The store of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// One Redis server.
    Redis,
    /// One Postgres server.
    Postgres,
}

/// Ten thousand sessions end in the same second, and two nodes reap.
///
/// # Errors
/// When the run can't be made.
pub async fn many_ends(program: &Path, on: On) -> Result<Outcome> {
    let what = match on {
        On::Redis => "10,000 sessions end at once (Redis)",
        On::Postgres => "10,000 sessions end at once (Postgres)",
    };
    run(what, program, on, Kill::NoNode).await
}

/// Ten thousand sessions end in the same second, and one of two nodes is killed
/// while it reports.
///
/// # Errors
/// When the run can't be made.
pub async fn reaper_killed(program: &Path, on: On) -> Result<Outcome> {
    let what = match on {
        On::Redis => "10,000 sessions end at once, kill -9 of a node meanwhile (Redis)",
        On::Postgres => "10,000 sessions end at once, kill -9 of a node meanwhile (Postgres)",
    };
    run(what, program, on, Kill::OneNode).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kill {
    NoNode,
    OneNode,
}

async fn run(what: &'static str, program: &Path, on: On, kill: Kill) -> Result<Outcome> {
    // Long enough to put all sessions in before the first is due.
    let times = Times {
        idle: Duration::from_secs(12),
        absolute: Duration::from_secs(60),
        ..short_times()
    };
    let (redis, postgres);
    let url = match on {
        On::Redis => {
            redis = Redis::start().await?;
            redis.url()
        }
        On::Postgres => {
            postgres = Postgres::start().await?;
            postgres.url()
        }
    };
    let plan = Plan {
        name: "reaping",
        store: url.clone(),
        times,
        users: 0,
        length: Duration::ZERO,
        closing: CloseReason::WalkAway,
        flags: &[],
        skews: [None, None],
        nodes: 2,
    };
    let mut stage = Stage::start(program, plan).await?;
    let (planted, due) = match on {
        On::Redis => plant(&RedisStore::connect(&url).await?, &times).await?,
        On::Postgres => plant(&PostgresStore::connect(&url).await?, &times).await?,
    };
    if clock::now() >= due {
        return Err("the machine is too slow to put all sessions in before they end".into());
    }
    let mut notes = Vec::new();
    let mut faults = Faults::default();
    if kill == Kill::OneNode {
        let mut victim = stage.take_node(0);
        let bound = clock::now() + BOUND;
        // After its first line, the node is in the middle of a batch.
        while victim.audit_length()? == 0 && clock::now() < bound {
            tokio::time::sleep(MIDST).await;
        }
        victim.kill9().await?;
        let had = reports(&[victim.events()?]);
        if had >= MANY {
            return Err("the node was killed after it had reported everything".into());
        }
        notes.push(format!("the node had reported {had} ends"));
        faults.repeats = Repeats::Identical;
        // The node stays away, but its reports count.
        stage.keep_events(victim.events()?);
    }
    let bound = clock::now() + BOUND;
    let mut counted = 0;
    while counted < MANY && clock::now() < bound {
        tokio::time::sleep(LOOK).await;
        counted = distinct(&stage.events()?);
    }
    let took = clock::now().saturating_sub(due);
    notes.push(format!(
        "the last end was on record {:.1} s after the deadline",
        took.as_secs_f64()
    ));
    let history = stage.finish(faults, planted).await?;
    Ok(judge(what, &history, &times, notes))
}

/// Puts all sessions into the store. Returns their references and their common
/// deadline.
async fn plant(store: &impl SessionStore, times: &Times) -> Result<(Vec<String>, Moment)> {
    let policies = PolicySet::simple(Timeouts {
        idle: times.idle,
        absolute: times.absolute,
    })?;
    let due_policy = DuePolicy::new(Arc::new(policies.clone()));
    let began: Timestamp = store.now().await?;
    let due = clock::now() + times.idle;
    let sessions = stream::iter(0..MANY).map(|number| {
        let due_policy = due_policy.clone();
        let policies = &policies;
        async move {
            let token = Token::generate()?;
            let network = policies.find_network(None);
            let facts = engine::opening_facts(policies, PolicyId::DEFAULT, network, began);
            let record = SessionRecord {
                key: token.key(),
                subject: format!("customer-{}", number / 4).as_str().into(),
                facts,
                credential: Credential::new(token.verifier()),
                open: OpenPart::new(),
            };
            store.create(record, None, due_policy).await?;
            crate::Result::Ok(SessionRef::of(token.key()).to_string())
        }
    });
    let planted = sessions.buffer_unordered(AT_ONCE).try_collect().await?;
    Ok((planted, due))
}

fn reports(events: &[Vec<Event>]) -> usize {
    let events = events.iter().flatten();
    events.filter(|event| event.is_end()).count()
}

fn distinct(events: &[Vec<Event>]) -> usize {
    let ends = events.iter().flatten().filter(|event| event.is_end());
    let sessions: HashSet<_> = ends.filter_map(|event| event.session.as_deref()).collect();
    sessions.len()
}
