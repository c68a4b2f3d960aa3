//! Users, as axum-login asks for them. Nothing of Dwell is here.

use std::convert::Infallible;

use axum_login::{AuthUser, AuthnBackend, UserId};
use serde::Deserialize;

/// A user. Its password takes the place of a hash of it.
#[derive(Clone, Debug)]
pub struct User {
    id: i64,
    /// The name that signs in.
    pub username: &'static str,
    password: &'static str,
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.password.as_bytes()
    }
}

/// What the login form sends.
#[derive(Clone, Debug, Deserialize)]
pub struct Credentials {
    /// The name of the user.
    pub username: String,
    /// The password.
    pub password: String,
    /// The page to show then.
    pub next: Option<String>,
}

/// Everybody who may sign in.
#[derive(Clone, Debug)]
pub struct Backend {
    users: Vec<User>,
}

impl Default for Backend {
    fn default() -> Self {
        let user = |id, username| User {
            id,
            username,
            password: "secret",
        };
        Self {
            users: vec![user(1, "alice"), user(2, "bob")],
        }
    }
}

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Credentials;
    type Error = Infallible;

    async fn authenticate(&self, creds: Credentials) -> Result<Option<User>, Infallible> {
        let is_right =
            |user: &&User| (user.username, user.password) == (&*creds.username, &*creds.password);
        Ok(self.users.iter().find(is_right).cloned())
    }

    async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, Infallible> {
        Ok(self.users.iter().find(|user| user.id == *id).cloned())
    }
}

/// The session of axum-login in a handler's arguments.
pub type AuthSession = axum_login::AuthSession<Backend>;
