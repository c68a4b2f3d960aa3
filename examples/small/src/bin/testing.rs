//! Tests its timeouts without waiting: `cargo test -p dwell-examples --bin
//! testing`.

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::get;
use dwell_axum::prelude::*;
use dwell_axum::{PolicyError, Session};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app(MemoryStore::new())?).await?)
}

/// Takes the store, and with it the clock.
fn app(store: MemoryStore) -> Result<Router, PolicyError> {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let sessions = SessionManager::builder(store, policies).build();
    Ok(Router::new()
        .route(
            "/",
            get(async |s: Session| format!("Hello {}", s.subject())),
        )
        .route("/unread", get(async |_: Session| "3").layer(passive()))
        .route("/login", get(login_page).post(login))
        .layer(session_timeout(&sessions).with_login("/login")))
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to("/"))
}

#[cfg(test)]
mod tests {
    use super::{MemoryStore, app, minutes};
    use axum::body::Body;
    use dwell_axum::ManualClock;
    use dwell_testkit::TestClient;

    #[tokio::test]
    async fn polls_keep_nobody_signed_in() {
        let clock = ManualClock::new();
        let app = app(MemoryStore::with_clock(clock.clone())).unwrap();
        let mut client = TestClient::new(app.into_service::<Body>());
        client.post("/login", "").await;

        clock.advance(minutes(14));
        assert_eq!(client.get("/").await.text(), "Hello alice");
        clock.advance(minutes(14));
        assert_eq!(client.get("/unread").await.text(), "3");
        clock.advance(minutes(1));
        let refused = client.get("/").await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.reason().as_deref(), Some("idle_timeout"));
    }
}
