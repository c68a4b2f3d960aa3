//! Signs in, shows a page, signs out: the smallest program with sessions.

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use dwell_axum::Session;
use dwell_axum::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let app = Router::new()
        .route("/", get(home))
        .route("/login", get(login_page).post(login))
        .route("/logout", post(logout))
        .layer(session_timeout(&sessions).with_login("/login"));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

/// Extracting a `Session` protects the route.
async fn home(session: Session) -> Html<String> {
    let subject = session.subject();
    Html(format!(
        r#"Hello {subject} <form method="post" action="/logout"><button>Sign out</button></form>"#
    ))
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to("/"))
}

async fn logout(session: Session) -> Result<Redirect, SessionError> {
    session.sign_out().await?;
    Ok(Redirect::to("/login"))
}
