//! Serves the API. `REDIS_URL` shares sessions among nodes; without it they are in
//! memory. `JWT_SECRET` is the key that nodes share.

use dwell_axum::dwell_memory::MemoryStore;
use dwell_axum::{SystemClock, minutes};
use dwell_redis::RedisStore;
use jwt_api::{Families, Limits, app};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = Limits {
        idle: minutes(15),
        absolute: minutes(8 * 60),
    };
    let secret = match std::env::var("JWT_SECRET") {
        Ok(secret) => secret.into_bytes(),
        // Tokens of this process are worth nothing to another one.
        Err(_) => {
            let mut secret = vec![0; 32];
            getrandom::fill(&mut secret)?;
            secret
        }
    };
    let clock = SystemClock::new();
    let app = match std::env::var("REDIS_URL") {
        Ok(url) => {
            let store = RedisStore::connect(&url).await?;
            app(
                store,
                Families::in_redis(&url).await?,
                &secret,
                limits,
                clock,
            )?
        }
        Err(_) => app(
            MemoryStore::new(),
            Families::in_memory(),
            &secret,
            limits,
            clock,
        )?,
    };
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    #[allow(clippy::print_stdout, reason = "says where it listens")]
    {
        println!("http://localhost:{}", listener.local_addr()?.port());
    }
    Ok(axum::serve(listener, app).await?)
}
