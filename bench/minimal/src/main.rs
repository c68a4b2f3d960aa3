//! The smallest application: built with and without a session layer, to see
//! what the layer adds.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = app()?.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}

#[cfg(not(any(feature = "dwell", feature = "tower-sessions")))]
fn app() -> Result<Router, Box<dyn Error>> {
    use axum::routing::get;

    Ok(Router::new()
        .route("/", get(async || "Hello alice"))
        .route("/login", get(async || ())))
}

#[cfg(feature = "dwell")]
fn app() -> Result<Router, Box<dyn Error>> {
    use axum::routing::get;
    use dwell_axum::{
        LoginSession, MemoryStore, NewSession, PolicySet, Session, SessionError, SessionManager,
        Timeouts, hours, minutes, session_timeout,
    };

    async fn page(session: Session) -> String {
        format!("Hello {}", session.subject())
    }

    async fn login(login: LoginSession) -> Result<(), SessionError> {
        login.start(NewSession::new("alice")).await?;
        Ok(())
    }

    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })?;
    let manager = SessionManager::builder(MemoryStore::new(), policies).build();
    Ok(Router::new()
        .route("/", get(page))
        .route("/login", get(login))
        .layer(session_timeout(&manager)))
}

#[cfg(all(feature = "tower-sessions", not(feature = "dwell")))]
fn app() -> Result<Router, Box<dyn Error>> {
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower_sessions::cookie::time::Duration;
    use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer};

    async fn page(session: Session) -> Result<String, StatusCode> {
        let user: Option<String> = session
            .get("user")
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        user.map(|user| format!("Hello {user}"))
            .ok_or(StatusCode::UNAUTHORIZED)
    }

    async fn login(session: Session) -> Result<(), StatusCode> {
        let inserted = session.insert("user", "alice").await;
        inserted.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
    }

    Ok(Router::new()
        .route("/", get(page))
        .route("/login", get(login))
        .layer(
            SessionManagerLayer::new(MemoryStore::default())
                .with_expiry(Expiry::OnInactivity(Duration::minutes(15)))
                .with_always_save(true),
        ))
}
