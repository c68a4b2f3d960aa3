//! tower-sessions with its store in memory and a sliding idle timeout.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use tower_sessions::cookie::time::Duration;
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer, SessionStore};

use crate::contender::Contender;

/// The handler reads the session; what is not changed is not saved.
pub fn reading() -> Contender {
    router(false)
}

/// Every answer saves the session, so that the idle timeout slides.
pub fn saving() -> Contender {
    router(true)
}

fn router(always_save: bool) -> Contender {
    let layer = SessionManagerLayer::new(MemoryStore::default())
        .with_expiry(Expiry::OnInactivity(Duration::minutes(15)))
        .with_always_save(always_save);
    let router = Router::new()
        .route("/", get(page))
        .route("/login", get(login))
        .layer(layer);
    Contender::log_in(router)
}

async fn page(session: Session) -> Result<&'static str, StatusCode> {
    let user: Option<String> = session
        .get("user")
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    match user.as_deref() {
        Some("subject1") => Ok("ok"),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}

async fn login(session: Session) -> Result<(), StatusCode> {
    let inserted = session.insert("user", "subject1").await;
    inserted.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Fills a store with so many sessions of one value each.
pub async fn fill(n: u64) -> MemoryStore {
    let store = MemoryStore::default();
    let expiry = tower_sessions::cookie::time::OffsetDateTime::now_utc() + Duration::minutes(15);
    for i in 0..n {
        let mut record = Record {
            id: Id::default(),
            data: std::iter::once(("user".to_owned(), format!("{i:08}").into())).collect(),
            expiry_date: expiry,
        };
        store.create(&mut record).await.expect("a record is kept");
    }
    store
}
