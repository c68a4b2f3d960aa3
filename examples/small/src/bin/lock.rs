//! Locks an idle session instead of ending it: a PIN opens it again.

use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use dwell_axum::prelude::*;
use dwell_axum::{OnIdle, Session};

#[derive(serde::Deserialize)]
struct Answer {
    pin: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let locking = Policy::named("default")
        .idle(seconds(3)) // short, to be watched
        .absolute(hours(8))
        .on_idle(OnIdle::Lock)
        .lock_period(minutes(30));
    let policies = PolicySet::builder(locking).build()?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let timeouts = session_timeout(&sessions)
        .with_login("/login")
        .with_reauthentication("/unlock");
    let app = Router::new()
        .route("/", get(home))
        .route("/login", get(login_page).post(login))
        .route("/unlock", get(unlock_page).post(unlock))
        .layer(timeouts);
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

async fn home(session: Session) -> String {
    format!("Hello {}", session.subject())
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to("/"))
}

async fn unlock_page(login: LoginSession) -> Html<String> {
    let who = login.subject().map_or("nobody", |subject| subject.as_str());
    Html(format!(
        r#"{who}: <form method="post" action="/unlock">PIN (1234) <input name="pin"></form>"#
    ))
}

async fn unlock(login: LoginSession, Form(answer): Form<Answer>) -> Result<Response, SessionError> {
    let Some(_alice) = login.subject() else {
        return Ok(Redirect::to("/login").into_response()); // the session has ended
    };
    // The PIN must be that of `login.subject()`, not that of another name in the form.
    if !login.begin_reauthentication().await? {
        return Ok(Redirect::to("/login").into_response()); // too many attempts: the session has ended
    }
    if answer.pin != "1234" {
        let ended = login.reauthentication_failed().await?; // true: it was the last try
        let to = if ended { "/login" } else { "/unlock" };
        return Ok(Redirect::to(to).into_response());
    }
    login.reauthenticated(AuthenticationContext::none()).await?;
    Ok(Redirect::to("/").into_response())
}
