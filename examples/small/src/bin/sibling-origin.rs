//! A single-page application on a sibling origin: which origin is ours, and CORS
//! around the stack, so that its scripts can read refusals, too.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::{get, post};
use dwell_axum::dwell_tower::gateway::Origin;
use dwell_axum::prelude::*;
use dwell_axum::{Session, session_endpoints};
use http::{HeaderName, HeaderValue, Method, header};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

/// Asks the other origin, with the cookie.
const PAGE: &str = r#"<!doctype html><title>App</title><button>Sign in as Alice</button><p></p>
<script>
const api = "API";
const ask = async (path, method) => {
  const answer = await fetch(api + path, { method, credentials: "include" });
  const left = answer.headers.get("session-timeout");
  document.querySelector("p").textContent = `${await answer.text()} (${left})`;
};
document.querySelector("button").onclick = () => ask("/login", "POST").then(() => ask("/"));
ask("/");
</script>"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let app = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let origin = format!("http://localhost:{}", app.local_addr()?.port());
    // In production app.bank.example and bank.example, for instance. Here the port
    // makes another origin.
    let api = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://localhost:{}", api.local_addr()?.port());
    let page = PAGE.replace("API", &address);
    println!("{origin}");
    let pages = Router::new().route("/", get(Html(page)));
    // An argument makes the timeout another one than 900 seconds.
    let idle = std::env::args()
        .nth(1)
        .map_or(Ok(900), |idle| idle.parse())?;
    let service = service(&origin, seconds(idle))?;
    tokio::spawn(axum::serve(api, service).into_future());
    Ok(axum::serve(app, pages).await?)
}

fn service(origin: &str, idle: Duration) -> Result<Router, Box<dyn std::error::Error>> {
    let default = Policy::named("default").idle(idle).absolute(hours(8));
    let policies = PolicySet::builder(default).build()?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_str(origin)?)
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            HeaderName::from_static("session-activity"),
        ])
        .expose_headers([HeaderName::from_static("session-timeout")]);
    Ok(Router::new()
        .route(
            "/",
            get(async |s: Session| format!("Hello {}", s.subject())),
        )
        .route("/login", post(login))
        .merge(session_endpoints())
        .layer(session_timeout(&sessions).with_origin(origin.parse::<Origin>()?))
        // Outside: preflights don't reach the stack, and refusals get its headers.
        .layer(cors))
}

async fn login(login: LoginSession) -> Result<(), SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await.map(|_| ())
}
