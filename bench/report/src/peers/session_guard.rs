//! session-guard with its store in memory and its defaults.

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use session_guard::{
    AuthSession, Guard, GuardConfig, GuardError, MemoryStore, NewSession, Sessions,
};

/// The layer checks the session, the handler extracts it.
pub fn guard() -> Router {
    let guard = Guard::builder(MemoryStore::new(), GuardConfig::default())
        .subject::<String>()
        .build();
    Router::new()
        .route("/", get(page))
        .layer(guard.layer())
        .route("/login", get(login))
        .with_state(guard)
}

async fn page(session: AuthSession<String>) -> &'static str {
    assert!(!session.subject.is_empty());
    "ok"
}

async fn login(
    RawQuery(subject): RawQuery,
    sessions: Sessions<MemoryStore, String>,
) -> Result<(NewSession, &'static str), GuardError> {
    Ok((sessions.login(&subject.unwrap_or_default()).await?, "ok"))
}
