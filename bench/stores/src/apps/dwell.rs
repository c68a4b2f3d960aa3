//! Dwell: cookie, 100 networks, activity, idle, step-up, `Session-Timeout`.

use std::time::Duration;

use axum::Router;
use dwell_axum::dwell_core::store::{SessionStore, Watched};
use dwell_axum::{NearCache, Policy, PolicySet, SessionManager, hours, minutes, session_timeout};
use dwell_bench::dwell;
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

/// The full stack. Reaping is measured apart.
pub fn router(manager: &SessionManager) -> Router {
    dwell::behind(session_timeout(manager).without_reaper())
}
