//! session-guard with the comparison's idle timeout and granularity, and its
//! defaults for the rest.

use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use session_guard::store::SessionStore;
use session_guard::{
    AuthSession, Guard, GuardConfig, GuardError, NewSession, PgStore, Sessions, ValkeyStore,
};
use sqlx::PgPool;

use super::{IDLE, Kept, told};

/// The layer over a store as its documentation connects it.
pub async fn app(kept: Kept, url: &str, granularity: Duration) -> Result<Router, String> {
    match kept {
        Kept::Redis => {
            let store = ValkeyStore::connect(url).await.map_err(told)?;
            router(store, granularity)
        }
        Kept::Postgres => {
            let pool = PgPool::connect(url).await.map_err(told)?;
            let store = PgStore::migrated(pool).await.map_err(told)?;
            router(store, granularity)
        }
    }
}

fn router<S: SessionStore>(store: S, granularity: Duration) -> Result<Router, String> {
    let config = GuardConfig::builder()
        .idle_timeout(IDLE)
        .last_seen_write_interval(granularity)
        .build();
    let guard = Guard::builder(store, config.map_err(told)?)
        .subject::<String>()
        .build();
    Ok(Router::new()
        .route("/", get(page))
        .layer(guard.layer())
        .route("/login", get(login::<S>))
        .with_state(guard))
}

async fn page(session: AuthSession<String>) -> &'static str {
    assert!(!session.subject.is_empty());
    "ok"
}

async fn login<S: SessionStore>(
    RawQuery(subject): RawQuery,
    sessions: Sessions<S, String>,
) -> Result<(NewSession, &'static str), GuardError> {
    Ok((sessions.login(&subject.unwrap_or_default()).await?, "ok"))
}
