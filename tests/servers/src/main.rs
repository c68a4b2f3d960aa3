//! Starts a Redis and a Postgres to try things by hand. They end when standard
//! input ends.

use std::io::{self, Read, Write};

use dwell_servers::{Postgres, Redis};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let redis = Redis::start().await?;
    let postgres = Postgres::start().await?;
    let mut out = io::stdout();
    for (url, server) in [(redis.url(), &*redis), (postgres.url(), &*postgres)] {
        let folder = server.folder().display();
        writeln!(out, "{url} process {} in {folder}", server.pid())?;
    }
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
