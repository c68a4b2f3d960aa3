//! Wraps a store: refuses new sessions during maintenance, and serves those
//! that exist.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use dwell_axum::dwell_core::store::{Created, DuePolicy, Quota};
use dwell_axum::dwell_core::store::{SessionStore, StoreError, StoreFuture};
use dwell_axum::prelude::*;
use dwell_axum::{Session, SessionRecord, delegate_store};

#[derive(Debug)]
struct Maintained<S> {
    inner: S,
    closed: Arc<AtomicBool>,
}

impl<S: SessionStore> SessionStore for Maintained<S> {
    delegate_store!(self => self.inner, except create);

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        if self.closed.load(Ordering::Relaxed) {
            return StoreFuture::ready(Err(StoreError::unavailable("maintenance")));
        }
        self.inner.create(record, quota, due)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let closed = Arc::new(AtomicBool::new(false));
    let store = Maintained {
        inner: MemoryStore::new(),
        closed: Arc::clone(&closed),
    };
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let sessions = SessionManager::builder(store, policies).build();
    let app = Router::new()
        .route(
            "/",
            get(async |s: Session| format!("Hello {}", s.subject())),
        )
        .route("/maintenance", post(maintenance).with_state(closed))
        .route("/login", get(login_page).post(login))
        .layer(session_timeout(&sessions).with_login("/login"));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

async fn maintenance(State(closed): State<Arc<AtomicBool>>, _: Session) -> &'static str {
    closed.store(true, Ordering::Relaxed);
    "no new sessions"
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to("/"))
}
