//! Puts [Dwell](dwell_core)'s timeouts beside tower-sessions and axum-login: those keep
//! the login, Dwell decides how long it lasts.
//!
//! Dwell's session is linked to theirs. Its token is a value in their session's data,
//! so that it survives `cycle_id` and dies with `flush`. With axum-login, one layer
//! is added:
//!
//! ```
//! use axum::Router;
//! use axum_login::{AuthManagerLayer, AuthnBackend};
//! use dwell_axum::{SessionManager, session_timeout};
//! use dwell_tower_sessions::axum_login;
//! use tower_sessions::MemoryStore;
//!
//! # fn add<B: AuthnBackend + 'static>(
//! #     app: Router,
//! #     sessions: &SessionManager,
//! #     auth_layer: AuthManagerLayer<B, MemoryStore>,
//! # ) -> Router {
//! app.layer(session_timeout(sessions).with_source(axum_login()).with_login("/login"))
//!     .layer(auth_layer)
//! # }
//! ```
//!
//! Without axum-login, name the value in the session's data that tells who is signed
//! in: [`user_at`].
//!
//! Their layer must be outside of Dwell's: with `Router::layer`, it is added after. In
//! another order every request is answered 500, and the log names the layer.
//!
//! | feature | default | for |
//! |---|:-:|---|
//! | `tower-sessions-0-14` | yes | tower-sessions 0.14, which axum-login 0.18 needs, with the stores for it: tower-sessions-sqlx-store 0.15, tower-sessions-redis-store 0.16 |
//! | `tower-sessions-0-15` | | tower-sessions 0.15 |
//!
//! Both may be enabled. [`LinkedSource`] has the table of what happens when.

mod owner;

use dwell_core::NewSession;
use serde_json::Value;

pub use dwell_tower::session::LinkedSource;
pub use owner::TowerSessions;

/// The key of Dwell's link in the data of a session. With the link, a job that ends a
/// session in their store ends Dwell's: [`SessionManager::end_linked`].
///
/// [`SessionManager::end_linked`]: dwell_core::SessionManager::end_linked
pub const LINK: &str = "dwell.link";

/// Returns a source that links to the logins of axum-login 0.18, under its default
/// data key. If yours is set by `with_data_key`, use [`axum_login_at`].
#[cfg(feature = "tower-sessions-0-14")]
#[must_use]
pub fn axum_login() -> LinkedSource<TowerSessions<tower_sessions_core::Session>> {
    axum_login_at("axum-login.data")
}

/// Returns a source that links to the logins that axum-login 0.18 keeps under this
/// data key. Under a wrong key nobody is signed in, and what demands a session refuses
/// everybody.
#[cfg(feature = "tower-sessions-0-14")]
#[must_use]
pub fn axum_login_at(
    data_key: &'static str,
) -> LinkedSource<TowerSessions<tower_sessions_core::Session>> {
    user_at(data_key, |data| new_session(&data["user_id"]))
}

/// Returns a source that links to sessions of tower-sessions. `read` makes the session
/// to start of the value under `key`, or returns `None` if that value names nobody.
/// `S` is your `tower_sessions::Session`.
///
/// ```
/// use dwell_tower_sessions::{new_session, user_at};
/// use serde_json::Value;
/// use tower_sessions::Session;
///
/// // After `session.insert("user_id", 7).await?`:
/// let source = user_at::<Session>("user_id", new_session);
///
/// // After `session.insert("user", User { name, admin }).await?`:
/// let source = user_at::<Session>("user", |user: &Value| {
///     let new = new_session(&user["name"])?;
///     Some(match user["admin"] == true {
///         true => new.with_policy("admin"),
///         false => new,
///     })
/// });
/// # let _ = source;
/// ```
#[must_use]
pub fn user_at<S>(
    key: &'static str,
    read: impl Fn(&Value) -> Option<NewSession> + Send + Sync + 'static,
) -> LinkedSource<TowerSessions<S>>
where
    TowerSessions<S>: dwell_tower::session::SessionOwner,
{
    LinkedSource::new(TowerSessions::new(key, read))
}

/// Returns the session to start for a user's id, or `None` for `null`. A text names
/// the subject as it is, anything else as JSON: 7 becomes `7`.
#[must_use]
pub fn new_session(user_id: &Value) -> Option<NewSession> {
    match user_id {
        Value::Null => None,
        Value::String(text) => Some(NewSession::new(text.as_str())),
        other => Some(NewSession::new(other.to_string())),
    }
}
