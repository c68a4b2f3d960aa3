//! Reads the client's address from the proxy's header, and gives the office
//! network a longer idle timeout.

use std::net::SocketAddr;

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::get;
use dwell_axum::prelude::*;
use dwell_axum::{ClientIp, ClientIpSource, Session};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The header of no other address is believed.
    let proxies = ["127.0.0.1/32"];
    let default = Policy::named("default").idle(minutes(5)).absolute(hours(8));
    let policies = PolicySet::builder(default)
        .client_ip(ClientIp::new(ClientIpSource::XForwardedFor, proxies)?)
        .network("office", ["10.20.0.0/16"], minutes(30))
        .build()?;
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let app = Router::new()
        .route("/", get(home))
        .route("/login", get(login_page).post(login))
        .layer(session_timeout(&sessions).with_login("/login"));
    let port = std::env::var("PORT").unwrap_or("3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    // The proxy is the other end of the connection, which `ConnectInfo` names.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}

async fn home(session: Session) -> String {
    let address = session.handle().client_ip();
    format!("Hello {} at {address:?}", session.subject())
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in as Alice</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    // … after checking the password:
    login.start(NewSession::new("alice")).await?;
    Ok(Redirect::to("/"))
}
