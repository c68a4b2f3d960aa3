//! Dwell: cookie, 100 networks, activity, idle, step-up, `Session-Timeout`.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::handler::Handler;
use axum::routing::get;
use dwell_axum::dwell_core::store::{SessionStore, Watched};
use dwell_axum::dwell_tower::NearCache;
use dwell_axum::{
    Freshness, LoginSession, NewSession, Policy, PolicySet, Presented, Session, SessionError,
    SessionHandle, SessionManager, hours, minutes, privileged, session_timeout,
};
use dwell_redis::RedisStore;
use dwell_sqlx::PostgresStore;

use super::{IDLE, Kept, told};

/// The full stack over a store as its documentation connects it.
pub async fn app(
    kept: Kept,
    url: &str,
    granularity: Duration,
    near: bool,
) -> Result<Router, String> {
    Ok(match kept {
        Kept::Redis => {
            let store = RedisStore::connect(url).await.map_err(told)?;
            router(&managed(store, granularity, near))
        }
        Kept::Postgres => {
            let store = PostgresStore::connect(url).await.map_err(told)?;
            router(&managed(store, granularity, near))
        }
    })
}

fn managed(store: impl Watched, granularity: Duration, near: bool) -> SessionManager {
    match near {
        true => manager(NearCache::new(store), granularity, || {}),
        false => manager(store, granularity, || {}),
    }
}

/// A manager with the policies of the comparison: the idle timeout is 15
/// minutes, and 30 in a hundred offices.
pub fn manager(
    store: impl SessionStore,
    granularity: Duration,
    ended: impl Fn() + Send + Sync + 'static,
) -> SessionManager {
    let default = Policy::named("default").idle(IDLE).absolute(hours(8));
    let mut set = PolicySet::builder(default.granularity(granularity));
    for n in 0..100 {
        let cidr = [format!("10.{n}.0.0/16")];
        set = set.network(format!("office-{n}"), cidr, minutes(30));
    }
    let policies = set.build().expect("good policies");
    SessionManager::builder(store, policies)
        .on_end(move |_| ended())
        .build()
}

/// Reaping is measured by itself.
fn router(manager: &SessionManager) -> Router {
    let recent = Freshness::within(hours(8));
    Router::new()
        .route("/", get(page.layer(privileged(recent))))
        .route("/login/{subject}", get(login))
        .layer(session_timeout(manager).without_reaper())
}

async fn page(session: Session) -> &'static str {
    assert!(!session.subject().as_str().is_empty());
    "ok"
}

async fn login(Path(subject): Path<String>, login: LoginSession) -> Result<(), SessionError> {
    login.start(NewSession::new(subject)).await?;
    Ok(())
}

/// Starts a session without a request.
pub async fn start(manager: &SessionManager, subject: String) -> Result<(), String> {
    let policies = manager.policies().current();
    let handle = SessionHandle::new(manager.clone(), policies, Presented::Nothing);
    let started = handle.start(NewSession::new(subject)).await;
    started.map(drop).map_err(told)
}
