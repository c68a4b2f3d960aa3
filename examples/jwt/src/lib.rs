//! An API with JWT bearer tokens, and Dwell beside it.
//!
//! | file | holds | would be there without Dwell |
//! |---|---|---|
//! | `tokens` | issues and checks JWTs | yes |
//! | `owner` | the middleware that checks a request's token | yes |
//! | `families` | refresh tokens: each is used once | yes |
//! | `routes` | login, refresh, step-up, accounts | all but three lines |
//! | `lib` | puts Dwell's layer between the middleware and the routes | no |

mod families;
mod owner;
mod routes;
mod tokens;

pub use families::Families;
pub use tokens::{Claims, Tokens, Use};

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use dwell_axum::dwell_core::store::SessionStore;
use dwell_axum::dwell_tower::session::AdoptedSource;
use dwell_axum::prelude::*;
use dwell_axum::{AdoptedSession, AuthenticationContext, Clock, Timestamp, token_refresh};

use crate::owner::Caller;

/// The timeouts of all sessions.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "main and tests construct it")]
pub struct Limits {
    /// How long a person may do nothing.
    pub idle: Duration,
    /// How long after the login the session ends in any case.
    pub absolute: Duration,
}

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) families: Families,
    pub(crate) sessions: SessionManager,
    pub(crate) limits: Limits,
}

/// Builds the API: sessions in `store`, tokens signed with `secret`.
///
/// # Errors
/// Fails if the limits are not valid, or if the secret is empty.
pub fn app(
    store: impl SessionStore,
    families: Families,
    secret: &[u8],
    limits: Limits,
    clock: impl Clock,
) -> Result<Router, Box<dyn Error>> {
    let policies = PolicySet::simple(Timeouts {
        idle: limits.idle,
        absolute: limits.absolute,
    })?;
    // However a session ends, its refresh token ends with it. If Redis is away the token
    // stays, and is refused with its session.
    let ended = families.clone();
    let sessions = SessionManager::builder(store, policies)
        .on_owner_end(move |end| {
            let families = ended.clone();
            async move { drop(families.end(&end.reference).await) }
        })
        .build();
    let api = Api {
        tokens: Arc::new(Tokens::new(secret, clock)?),
        families,
        sessions: sessions.clone(),
        limits,
    };
    let strong = AuthenticationRequirement::within(minutes(5)).with_acr(["aal2"]);
    Ok(Router::new()
        .route("/refresh", post(routes::refresh).layer(token_refresh()))
        .route("/account", get(routes::account))
        .route(
            "/notifications",
            get(routes::notifications).layer(passive()),
        )
        .route(
            "/transfer",
            post(routes::transfer).layer(privileged(strong)),
        )
        .route("/step-up", post(routes::step_up))
        .merge(session_endpoints())
        // Who is signed out already may sign out again.
        .layer(
            session_timeout(&sessions)
                .with_source(source())
                .add_exempt_path("/session/end"),
        )
        // The owner's part: it knows nothing of Dwell.
        .route("/login", post(routes::login))
        .route("/logout", post(routes::logout))
        .layer(from_fn_with_state(
            Arc::clone(&api.tokens),
            owner::authenticate,
        ))
        .with_state(api))
}

/// Whose session a request belongs to, by what the middleware found out.
fn source() -> impl dwell_axum::dwell_tower::session::SessionSource {
    let source = AdoptedSource::new(|extensions, _headers| {
        let Caller(claims) = extensions.get()?;
        Some(session_of(claims.as_ref()?))
    });
    source.behind::<Caller>()
}

/// The session that a token belongs to: every token of one login is of the same.
pub(crate) fn session_of(claims: &Claims) -> AdoptedSession {
    let authenticated_at = Timestamp::from_seconds(claims.auth_time);
    let session = match &claims.sid {
        Some(sid) => AdoptedSession::new(&*claims.iss, sid, &*claims.sub)
            .with_authenticated_at(authenticated_at),
        None => AdoptedSession::by_authentication(&*claims.iss, authenticated_at, &*claims.sub),
    };
    session
        .with_reference(claims.login())
        .with_issued_at(Timestamp::from_seconds(claims.iat))
        .with_authentication(AuthenticationContext::none().with_acr(&*claims.acr))
}
