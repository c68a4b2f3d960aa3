//! axum-login over the version of tower-sessions that it builds on, with its
//! store in memory and an idle timeout that slides.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use axum_login::tower_sessions::{Expiry, SessionManagerLayer};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, UserId};
use http::StatusCode;
use tower_sessions_of_axum_login::MemoryStore;
use tower_sessions_of_axum_login::cookie::time::Duration;

type AuthSession = axum_login::AuthSession<Users>;

/// A user, with what a password would be checked against.
#[derive(Clone, Debug)]
pub struct User {
    id: i64,
    password_hash: Vec<u8>,
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.password_hash
    }
}

/// Users in memory.
#[derive(Clone)]
struct Users(Arc<HashMap<i64, User>>);

impl AuthnBackend for Users {
    type User = User;
    type Credentials = i64;
    type Error = Infallible;

    async fn authenticate(&self, id: i64) -> Result<Option<User>, Infallible> {
        Ok(self.0.get(&id).cloned())
    }

    async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, Infallible> {
        Ok(self.0.get(id).cloned())
    }
}

/// Every answer saves the session, so that the idle timeout slides.
pub fn saving() -> Router {
    let sessions = SessionManagerLayer::new(MemoryStore::default())
        .with_expiry(Expiry::OnInactivity(Duration::minutes(15)))
        .with_always_save(true);
    let user = User {
        id: 1,
        password_hash: vec![7; 32],
    };
    let users = Users(Arc::new(HashMap::from([(1, user)])));
    Router::new()
        .route("/", get(page))
        .route("/login", get(login))
        .layer(AuthManagerLayerBuilder::new(users, sessions).build())
}

async fn page(session: AuthSession) -> Result<&'static str, StatusCode> {
    session.user.map(|_| "ok").ok_or(StatusCode::UNAUTHORIZED)
}

async fn login(mut session: AuthSession) -> Result<(), StatusCode> {
    let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
    let user = session.authenticate(1).await.map_err(failed)?;
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    session.login(&user).await.map_err(failed)
}
