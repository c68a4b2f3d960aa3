//! Beside axum_session: its sessions end after 3 idle seconds.

mod owner;

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::get;
use axum_session::{SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use dwell_axum::Session;
use dwell_axum::prelude::*;
use dwell_tower::session::LinkedSource;
use owner::{Owner, Theirs};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (idle, absolute) = (seconds(3), hours(8));
    let policies = PolicySet::simple(Timeouts { idle, absolute })?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let timeouts = session_timeout(&sessions).with_source(LinkedSource::new(Owner));
    let theirs = SessionStore::<SessionNullPool>::new(None, SessionConfig::default()).await?;
    let app = Router::new()
        .route(
            "/",
            get(async |s: Session| format!("Hello {}", s.subject())),
        )
        .route("/login", get(login_page).post(login))
        .route("/logout", get(logout))
        .layer(timeouts.with_login("/login"))
        .layer(SessionLayer::new(theirs));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(session: Theirs) -> Redirect {
    session.renew(); // … after checking the password
    session.set("user", "alice");
    Redirect::to("/")
}

async fn logout(session: Theirs) -> Redirect {
    session.clear(); // `destroy` alone takes effect after Dwell has looked
    session.destroy();
    Redirect::to("/login")
}
