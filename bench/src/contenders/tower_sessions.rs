//! tower-sessions with its store in memory and an idle timeout.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer, SessionStore};

use super::noop::ok;
use crate::contender::{self, Tower, expect};
use crate::traffic::Kind;

/// The handler does not look at the session.
pub fn untouched() -> Router {
    let layer = layer(MemoryStore::default(), false);
    Router::new()
        .route("/", get(ok))
        .route("/login", get(login))
        .layer(layer)
}

/// The handler reads the session; what is not changed is not saved.
pub fn reading() -> Router {
    router(MemoryStore::default(), false)
}

/// Every answer saves the session, so that the idle timeout slides.
pub fn saving() -> Router {
    saving_over(MemoryStore::default())
}

/// The same over sessions that are there already.
pub fn saving_over(store: MemoryStore) -> Router {
    router(store, true)
}

fn router(store: MemoryStore, always_save: bool) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/login", get(login))
        .layer(layer(store, always_save))
}

/// The layer as a user would write it.
pub fn layer(store: MemoryStore, always_save: bool) -> SessionManagerLayer<MemoryStore> {
    SessionManagerLayer::new(store)
        .with_expiry(Expiry::OnInactivity(Duration::minutes(15)))
        .with_always_save(always_save)
}

async fn page(session: Session) -> Result<&'static str, StatusCode> {
    match is_logged_in(&session).await {
        true => Ok("ok"),
        false => Err(StatusCode::UNAUTHORIZED),
    }
}

/// Whether somebody is logged in.
pub async fn is_logged_in(session: &Session) -> bool {
    let user: Result<Option<String>, _> = session.get("user").await;
    matches!(user, Ok(Some(user)) if !user.is_empty())
}

async fn login(session: Session) -> Result<(), StatusCode> {
    let inserted = session.insert("user", "subject1").await;
    inserted.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

/// Starts a session and gives its cookie.
pub async fn start(store: &MemoryStore, subject: &str) -> String {
    keep(store, subject, Duration::minutes(15)).await
}

async fn keep(store: &MemoryStore, subject: &str, rest: Duration) -> String {
    let mut record = Record {
        id: Id::default(),
        data: std::iter::once(("user".to_owned(), subject.into())).collect(),
        expiry_date: OffsetDateTime::now_utc() + rest,
    };
    store.create(&mut record).await.expect("a record is kept");
    format!("id={}", record.id)
}

/// Sliding slides where it is asked to and only there, and what has expired
/// is refused.
pub fn verify() -> Result<(), String> {
    for slides in [false, true] {
        let store = MemoryStore::default();
        let make = || router(store.clone(), slides);
        let mut app = Tower::axum(make, contender::Session::Required, Kind::default());
        let cookie = app.log_in();
        app = app.with_cookies(vec![cookie.clone()]);
        let id: Id = match cookie.trim_start_matches("id=").parse() {
            Ok(id) => id,
            Err(error) => return Err(format!("{cookie}: {error}")),
        };
        let expiry = || {
            let record = contender::block_on(store.load(&id)).ok().flatten();
            record.map(|record| record.expiry_date)
        };
        contender::check_sliding(&mut app, slides, expiry)?;
        let old = contender::block_on(keep(&store, "subject1", Duration::seconds(-1)));
        expect("with an old session", app.status_of(Some(&old)), false)?;
    }
    Ok(())
}
