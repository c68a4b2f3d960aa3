//! axum-login over the version of tower-sessions that it builds on, with its
//! store in memory and an idle timeout.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use axum_login::tower_sessions::session::Id;
use axum_login::tower_sessions::{Expiry, SessionManagerLayer, SessionStore};
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, UserId};
use http::StatusCode;
use tower_sessions_of_axum_login::MemoryStore;
use tower_sessions_of_axum_login::cookie::time::Duration;

use crate::contender::{self, Tower};
use crate::traffic::Kind;

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

/// The handler asks who is there; what is not changed is not saved.
pub fn reading() -> Router {
    router(MemoryStore::default(), false)
}

/// Every answer saves the session, so that the idle timeout slides.
pub fn saving() -> Router {
    router(MemoryStore::default(), true)
}

fn router(store: MemoryStore, always_save: bool) -> Router {
    let sessions = SessionManagerLayer::new(store)
        .with_expiry(Expiry::OnInactivity(Duration::minutes(15)))
        .with_always_save(always_save);
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

/// Sliding slides where it is asked to, and only there.
pub fn verify() -> Result<(), String> {
    for slides in [false, true] {
        let store = MemoryStore::default();
        let make = || router(store.clone(), slides);
        let mut app = Tower::axum(make, contender::Session::Required, Kind::default());
        let cookie = app.log_in();
        app = app.with_cookies(vec![cookie.clone()]);
        let id: Id = match cookie.trim_start_matches("id=").parse() {
            Ok(id) => id,
            Err(error) => return Err(format!("{cookie}: {error}")),
        };
        let expiry = || {
            let record = contender::block_on(store.load(&id)).ok().flatten();
            record.map(|record| record.expiry_date)
        };
        contender::check_sliding(&mut app, slides, expiry)?;
    }
    Ok(())
}
