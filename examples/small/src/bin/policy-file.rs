//! Reads its limits from a TOML file, with a stricter policy for one route.

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::get;
use dwell_axum::Session;
use dwell_axum::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1);
    let path = path.unwrap_or("examples/small/policies.toml".into());
    // A wrong file stops the program here: the error names file, line and key.
    let policies = PolicySet::from_toml(&path, &std::fs::read_to_string(&path)?)?;
    for warning in policies.warnings() {
        eprintln!("{warning}");
    }
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let app = Router::new()
        .route("/", get(home))
        .route("/admin", get(home).layer(policy("admin")))
        .route("/login", get(login_page).post(login))
        .layer(session_timeout(&sessions).with_login("/login"));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

async fn home(session: Session) -> String {
    let left = session.deadlines().map(|deadlines| deadlines.remaining());
    format!("{} has {left:?} left", session.subject())
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to("/"))
}
