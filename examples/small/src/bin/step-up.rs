//! Asks for a second factor before a transfer, and for nothing else.

use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use dwell_axum::Session;
use dwell_axum::prelude::*;

#[derive(serde::Deserialize)]
struct Answer {
    code: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let strong = AuthenticationRequirement::within(minutes(5)).with_acr(["aal2"]);
    let timeouts = session_timeout(&sessions)
        .with_login("/login")
        .with_reauthentication("/reauth");
    let app = Router::new()
        .route("/login", get(login_page).post(login))
        .route("/reauth", get(reauth_page).post(reauth))
        .route("/", get(home))
        .route("/transfer", post(transfer).layer(privileged(strong)))
        .layer(timeouts);
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

async fn home(_: Session) -> Html<&'static str> {
    Html(r#"<form method="post" action="/transfer"><button>Transfer</button></form>"#)
}

async fn transfer(_: Session) -> &'static str {
    "done"
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    let password = AuthenticationContext::none().with_acr("aal1");
    let alice = NewSession::new("alice").with_authentication(password);
    login.start(alice).await?;
    Ok(Redirect::to("/"))
}

async fn reauth_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/reauth">Code (123456) <input name="code"></form>"#)
}

async fn reauth(login: LoginSession, Form(answer): Form<Answer>) -> Result<Response, SessionError> {
    let Some(_alice) = login.subject() else {
        return Ok(Redirect::to("/login").into_response()); // the session has ended
    };
    // The code must be that of `login.subject()`, not that of another name in the form.
    if !login.begin_reauthentication().await? {
        return Ok(Redirect::to("/login").into_response()); // too many attempts: the session has ended
    }
    if answer.code != "123456" {
        let ended = login.reauthentication_failed().await?; // true: it was the last try
        let to = if ended { "/login" } else { "/reauth" };
        return Ok(Redirect::to(to).into_response());
    }
    let second = AuthenticationContext::none().with_acr("aal2");
    login.reauthenticated(second).await?;
    Ok(Redirect::to("/").into_response())
}
