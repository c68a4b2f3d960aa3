//! Sessions in sealed cookies: no store, and nodes that share nothing but a secret.

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use dwell_axum::Session;
use dwell_axum::prelude::*;
use dwell_sealed::{SealedSource, SealedStore, SealingKeys};
use dwell_tower::session::SessionCookie;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    // 32 random bytes, which every node is started with: `openssl rand -hex 16`.
    let secret = std::env::var("SESSION_SECRET").map_err(|_| "SESSION_SECRET is not set")?;
    let sealed = SealedStore::new(SealingKeys::new(secret.as_bytes())?, "localhost");
    let sessions = SessionManager::builder(sealed.clone(), policies).build();
    let source = SealedSource::cookie(&sealed, SessionCookie::new());
    let app = Router::new()
        .route("/", get(home))
        .route("/login", get(login_page).post(login))
        .route("/logout", post(logout))
        .layer(
            session_timeout(&sessions)
                .with_source(source)
                .with_login("/login"),
        );
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

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
