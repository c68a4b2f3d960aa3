//! tower-sessions with its store in memory, and an idle timeout that slides.

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use http::StatusCode;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer};

/// Every answer saves the session, so that the idle timeout slides.
pub fn saving() -> Router {
    let layer = SessionManagerLayer::new(MemoryStore::default())
        .with_expiry(Expiry::OnInactivity(Duration::minutes(15)))
        .with_always_save(true);
    Router::new()
        .route("/", get(page))
        .route("/login", get(login))
        .layer(layer)
}

async fn page(session: Session) -> Result<&'static str, StatusCode> {
    let user: Result<Option<String>, _> = session.get("user").await;
    match user {
        Ok(Some(user)) if !user.is_empty() => Ok("ok"),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}

async fn login(RawQuery(subject): RawQuery, session: Session) -> Result<(), StatusCode> {
    let inserted = session.insert("user", subject).await;
    inserted.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}
