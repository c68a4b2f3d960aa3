//! Ends an event stream with its session, and keeps the stream from counting
//! as activity.

use std::convert::Infallible;

use axum::Router;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, Redirect};
use axum::routing::get;
use dwell_axum::Session;
use dwell_axum::prelude::*;
use futures_util::stream::{self, Stream};

const PAGE: &str = r##"<p id="time"></p><script>
  const stream = new EventSource("/clock");
  stream.onmessage = (event) => (document.querySelector("#time").textContent = event.data);
  stream.addEventListener("session-expired", (event) => {
    stream.close(); // or the browser connects again
    document.querySelector("#time").textContent = event.data;
  });
</script>"##;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: seconds(3), // short, to be watched
        absolute: hours(8),
    })?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let app = Router::new()
        .route("/", get(async |_: Session| Html(PAGE)))
        .route("/clock", get(clock).layer(passive()))
        .route("/login", get(login_page).post(login))
        .layer(session_timeout(&sessions).with_login("/login"));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, app).await?)
}

/// Counts seconds. Nothing here ends the stream: the layer does.
async fn clock(_: Session) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ticks = tokio::time::interval(seconds(1));
    let events = stream::unfold((ticks, 0_u32), |(mut ticks, n)| async move {
        ticks.tick().await;
        Some((Ok(Event::default().data(n.to_string())), (ticks, n + 1)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to("/"))
}
