//! The application: axum-login's layers, and that of Dwell.

use axum::Router;
use axum_login::tower_sessions::cookie::time::Duration;
use axum_login::tower_sessions::{Expiry, SessionManagerLayer, SessionStore};
use axum_login::{AuthManagerLayerBuilder, login_required};
use dwell_axum::prelude::*;
use dwell_tower_sessions::axum_login;

use super::{auth, more, protected};
use crate::users::Backend;

/// The application with its stores.
#[derive(Clone, Debug)]
pub struct App<S = tower_sessions::MemoryStore> {
    session_store: S,
    sessions: SessionManager,
}

impl App {
    /// Keeps all sessions in memory.
    ///
    /// # Errors
    /// Fails if the policies contradict each other.
    pub fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let session_store = tower_sessions::MemoryStore::default();
        let (idle, absolute) = (minutes(15), hours(8));
        let policies = PolicySet::simple(Timeouts { idle, absolute })?;
        let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
        Ok(Self::over(session_store, sessions))
    }
}

impl<S: SessionStore + Clone> App<S> {
    /// Keeps the sessions in other stores.
    pub fn over(session_store: S, sessions: SessionManager) -> Self {
        Self {
            session_store,
            sessions,
        }
    }

    /// Returns the router with all layers.
    pub fn router(self) -> Router {
        let sessions = self.sessions;
        let timeouts = session_timeout(&sessions).with_source(axum_login());
        let session_layer = SessionManagerLayer::new(self.session_store)
            .with_secure(false)
            .with_expiry(Expiry::OnInactivity(Duration::days(1)));
        let auth_layer = AuthManagerLayerBuilder::new(Backend::default(), session_layer).build();

        protected::router()
            .route_layer(login_required!(Backend, login_url = "/login"))
            .merge(auth::router())
            .merge(more::router())
            .merge(session_endpoints())
            .layer(timeouts.with_login("/login"))
            .layer(auth_layer)
    }

    /// Serves until the process is stopped.
    ///
    /// # Errors
    /// Fails if the port is in use.
    pub async fn serve(self) -> Result<(), Box<dyn std::error::Error>> {
        let port = std::env::var("PORT").unwrap_or("3000".into());
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
        println!("http://localhost:{}", listener.local_addr()?.port());
        Ok(axum::serve(listener, self.router()).await?)
    }
}
