//! tower-sessions with an idle timeout that slides: every answer saves.

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use http::StatusCode;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};
use tower_sessions_sqlx_store::PostgresStore;
use tower_sessions_sqlx_store::sqlx::PgPool;

use super::{IDLE, Kept, told};

/// Connections to Redis, as in the documentation.
const CONNECTIONS: usize = 6;

/// The layer over a store as its documentation connects it.
pub async fn app(kept: Kept, url: &str) -> Result<Router, String> {
    match kept {
        Kept::Redis => {
            let config = Config::from_url(url).map_err(told)?;
            let pool = Pool::new(config, None, None, None, CONNECTIONS).map_err(told)?;
            pool.connect();
            pool.wait_for_connect().await.map_err(told)?;
            router(RedisStore::new(pool))
        }
        Kept::Postgres => {
            let pool = PgPool::connect(url).await.map_err(told)?;
            let store = PostgresStore::new(pool);
            store.migrate().await.map_err(told)?;
            router(store)
        }
    }
}

fn router(store: impl SessionStore + Clone) -> Result<Router, String> {
    let idle = Duration::try_from(IDLE).map_err(told)?;
    let layer = SessionManagerLayer::new(store)
        .with_expiry(Expiry::OnInactivity(idle))
        .with_always_save(true);
    Ok(Router::new()
        .route("/", get(page))
        .route("/login", get(login))
        .layer(layer))
}

async fn page(session: Session) -> Result<&'static str, StatusCode> {
    let user: Result<Option<String>, _> = session.get("user").await;
    match user {
        Ok(Some(user)) if !user.is_empty() => Ok("ok"),
        Ok(_) => Err(StatusCode::UNAUTHORIZED),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn login(RawQuery(subject): RawQuery, session: Session) -> Result<(), StatusCode> {
    let inserted = session.insert("user", subject).await;
    inserted.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}
