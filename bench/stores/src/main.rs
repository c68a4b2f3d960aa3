//! What shared stores cost on real servers: measures, and prints a section of
//! the report.

mod apps;
mod backend;
mod client;
mod count;
mod memory;
mod speed;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use dwell_bench::section::Section;
use dwell_servers::Redis;

use apps::told;

fn main() -> ExitCode {
    let quick = std::env::args().nth(1).as_deref() == Some("--quick");
    match runtime().and_then(|runtime| runtime.block_on(run(quick))) {
        Ok(section) => {
            print!("{section}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The same for everybody.
fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all();
    builder.build().map_err(told)
}

async fn run(quick: bool) -> Result<Section, String> {
    let granularity = Duration::from_secs(if quick { 8 } else { 15 });
    let postgres = Arc::new(backend::counting_postgres().await?);
    let redis = Redis::start().await.map_err(told)?;
    let mut section = Section::new("Shared stores");
    section.paragraph(&format!(
        "On the loopback: Redis {} without persistence, Postgres {} with its defaults but for \
         `fsync` and `full_page_writes`, which are off. Everybody runs in one process on a runtime \
         of two workers, called as a router without sockets, with stores connected as their \
         documentation shows it, sliding expiry, and 15 minutes of idle timeout. `dwell` is the \
         full stack over `RedisStore` or `PostgresStore`, `dwell-near` the same with `NearCache` \
         around the store; a session's touch is recorded at most once in {} s, and session-guard \
         writes `last_seen` as seldom. tower-sessions saves with every answer, which is how its \
         expiry slides; its stores need its version 0.14.",
        backend::redis_version(&redis)?,
        backend::postgres_version(&postgres)?,
        granularity.as_secs(),
    ));
    drop(redis);

    let length = count::Length {
        granularity,
        granules: if quick { 1 } else { 2 },
        passive: Duration::from_secs(if quick { 2 } else { 10 }),
    };
    count::run(&mut section, length, &postgres).await?;
    drop(postgres);
    let (rounds, round) = if quick { (1, 500) } else { (5, 1_500) };
    speed::run(
        &mut section,
        granularity,
        rounds,
        Duration::from_millis(round),
    )
    .await?;
    let sessions = if quick { 50_000 } else { 1_000_000 };
    memory::run(&mut section, granularity, sessions).await?;
    Ok(section)
}
