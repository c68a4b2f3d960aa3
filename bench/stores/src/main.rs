//! What shared stores cost on real servers: measures, and prints figures that
//! the benchmark's part `stores` reads.

mod apps;
mod backend;
mod client;
mod count;
mod memory;
mod reap;
mod speed;
#[allow(dead_code, reason = "shared with the other parts")]
#[path = "../../src/stats.rs"]
mod stats;
#[allow(dead_code, reason = "shared with the other parts")]
#[path = "../../src/traffic.rs"]
mod traffic;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use dwell_servers::Redis;

use apps::told;
use memory::Fill;

fn main() -> ExitCode {
    let quick = std::env::args().nth(1).as_deref() == Some("--quick");
    match runtime().and_then(|runtime| runtime.block_on(run(quick))) {
        Ok(()) => ExitCode::SUCCESS,
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

async fn run(quick: bool) -> Result<(), String> {
    let granularity = Duration::from_secs(if quick { 8 } else { 15 });
    let length = count::Length {
        granularity,
        granules: if quick { 1 } else { 2 },
        passive: Duration::from_secs(if quick { 2 } else { 10 }),
        lone: if quick { 2 } else { 5 },
    };
    let idle = apps::IDLE.as_secs_f64();
    let window = granularity * length.granules;
    print(
        "settings",
        &[
            idle,
            granularity.as_secs_f64(),
            window.as_secs_f64(),
            stats::figure(count::SESSIONS),
        ],
    );
    print(
        "apart",
        &[count::FINE, count::APART].map(|time| time.as_secs_f64()),
    );
    let postgres = Arc::new(backend::counting_postgres().await?);
    let redis = Redis::start().await.map_err(told)?;
    print("version.redis", &backend::redis_version(&redis)?);
    print("version.postgres", &backend::postgres_version(&postgres)?);
    drop(redis);

    eprintln!("measuring: stores: commands and statements");
    count::run(length, &postgres).await?;
    drop(postgres);
    eprintln!("measuring: stores: throughput");
    let (rounds, round) = if quick { (1, 500) } else { (5, 1_500) };
    let clients = stats::figure(speed::CLIENTS);
    print("clients", &[clients, stats::figure(rounds)]);
    speed::run(granularity, rounds, Duration::from_millis(round)).await?;
    eprintln!("measuring: stores: memory and reaping");
    let patience = Duration::from_secs(150);
    print("patience", &[patience.as_secs_f64()]);
    memory::run(Fill {
        sessions: if quick { 50_000 } else { 1_000_000 },
        patience,
        granularity,
        passes: if quick { 5 } else { 20 },
    })
    .await
}

/// Prints a line that the part reads.
fn print(name: &str, values: &[f64]) {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    println!("{name} {}", values.join(" "));
}
