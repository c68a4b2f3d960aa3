//! Answers refused requests in its own way: htmx is sent to the login page.

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::get;
use bytes::Bytes;
use dwell_axum::Session;
use dwell_axum::dwell_tower::rejection::{Refusal, problem};
use dwell_axum::prelude::*;
use http::request::Parts;
use http::{HeaderValue, Response};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let timeouts = session_timeout(&sessions)
        .with_login("/login")
        .with_rejection(reject);
    let app = Router::new()
        .route(
            "/",
            get(async |_: Session| Html(r#"<p hx-get="/part">…</p>"#)),
        )
        .route(
            "/part",
            get(async |s: Session| format!("Hello {}", s.subject())),
        )
        .route("/login", get(login_page).post(login))
        .layer(timeouts);
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

/// Starts from the default's problem details: status, reason, challenge.
fn reject(refusal: &Refusal, request: &Parts) -> Response<Bytes> {
    let mut response = problem(refusal);
    let login = match refusal {
        Refusal::Ended(_) | Refusal::SessionRequired => "/login",
        _ => return response,
    };
    // htmx follows this field with the whole page.
    if request.headers.contains_key("hx-request") {
        let login = HeaderValue::from_static(login);
        response.headers_mut().insert("hx-redirect", login);
    }
    response
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to("/"))
}
