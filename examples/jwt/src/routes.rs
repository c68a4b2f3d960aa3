//! The handlers.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use dwell_axum::{
    AuthenticationContext, CommandError, EndReason, Session, SessionError, Timestamp, minutes,
};
use serde::{Deserialize, Serialize};

use crate::owner::Caller;
use crate::tokens::{Claims, ISSUER, Use, random_id};
use crate::{Api, session_of};

#[derive(Deserialize)]
pub(crate) struct Login {
    name: String,
    password: String,
}

#[derive(Deserialize)]
pub(crate) struct Code {
    code: String,
}

/// The answer of a token endpoint (RFC 6749 §5.1).
#[derive(Serialize)]
struct Issued {
    token_type: &'static str,
    access_token: String,
    refresh_token: String,
    expires_in: u64,
}

/// Why a handler failed.
pub(crate) enum Failure {
    Session(SessionError),
    /// An `error` of RFC 6749 §5.2.
    Grant(&'static str),
    /// Something of ours is away or broken.
    Ours,
}

type Result<T> = std::result::Result<T, Failure>;

/// Signs in: the owner's business alone. Dwell sees the session at the first request
/// with its tokens.
pub(crate) async fn login(State(api): State<Api>, Json(login): Json<Login>) -> Result<Response> {
    if !matches!(&*login.name, "alice" | "bob") || login.password != "password" {
        return Err(Failure::Grant("invalid_grant"));
    }
    let now = api.tokens.now().as_seconds();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        sub: login.name,
        sid: Some(random_id()?),
        auth_time: now,
        acr: "aal1".to_owned(),
        iat: now,
        exp: 0,
        jti: random_id()?,
        for_use: Use::Refresh,
    };
    api.start_family(&claims).await?;
    issue(&api, claims, None)
}

/// Gives new tokens for a refresh token, as long as the session is live.
pub(crate) async fn refresh(
    State(api): State<Api>,
    session: Session,
    Extension(Caller(old)): Extension<Caller>,
) -> Result<Response> {
    let old = old.ok_or(Failure::Grant("invalid_grant"))?;
    let new = Claims {
        iat: api.tokens.now().as_seconds(),
        jti: random_id()?,
        ..old.clone()
    };
    if !api
        .families
        .rotate(&old.login(), &old.jti, &new.jti)
        .await?
    {
        // A refresh token that was used before has been copied.
        session.handle().end(EndReason::TokenReuse).await?;
        return Err(Failure::Grant("invalid_grant"));
    }
    issue(&api, new, Some(&session))
}

/// Checks a second factor, and gives tokens that say so.
pub(crate) async fn step_up(
    State(api): State<Api>,
    session: Session,
    Extension(Caller(old)): Extension<Caller>,
    Json(code): Json<Code>,
) -> Result<Response> {
    let old = old.ok_or(Failure::Grant("invalid_grant"))?;
    if !session.begin_reauthentication().await? {
        return Err(SessionError(CommandError::NoSession).into());
    }
    if code.code != "123456" {
        session.reauthentication_failed().await?;
        return Err(Failure::Grant("invalid_grant"));
    }
    let strong = AuthenticationContext::none().with_acr("aal2");
    session.reauthenticated(strong).await?;
    let now = api.tokens.now().as_seconds();
    let claims = Claims {
        acr: "aal2".to_owned(),
        auth_time: now,
        iat: now,
        jti: random_id()?,
        for_use: Use::Refresh,
        ..old
    };
    api.start_family(&claims).await?;
    issue(&api, claims, Some(&session))
}

pub(crate) async fn account(session: Session) -> String {
    format!("account of {}", session.subject())
}

pub(crate) async fn notifications(_: Session) -> &'static str {
    "none"
}

pub(crate) async fn transfer(session: Session) -> String {
    format!("transferred by {}", session.subject())
}

/// The owner's own sign-out, which tells Dwell.
pub(crate) async fn logout(
    State(api): State<Api>,
    Extension(Caller(claims)): Extension<Caller>,
) -> Result<StatusCode> {
    if let Some(claims) = claims {
        let session = session_of(&claims);
        api.families.end(&claims.login()).await?;
        api.sessions
            .end_adopted(&session, EndReason::SignedOut)
            .await
            .map_err(|error| SessionError(error.into()))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl Api {
    /// Makes this refresh token the one that is valid.
    async fn start_family(&self, refresh: &Claims) -> Result<()> {
        let (login, lifetime) = (refresh.login(), self.limits.absolute);
        Ok(self.families.start(&login, &refresh.jti, lifetime).await?)
    }
}

/// Issues both tokens. Neither outlives the session: the access token ends at its
/// nearest deadline, the refresh token at the absolute one.
fn issue(api: &Api, refresh: Claims, session: Option<&Session>) -> Result<Response> {
    let issued_at = Timestamp::from_seconds(refresh.iat);
    let access = issued_at + minutes(5).min(api.limits.idle);
    let (access, last) = match session {
        Some(session) => {
            let deadlines = session.deadlines();
            let deadlines = deadlines.ok_or(SessionError(CommandError::NoSession))?;
            (session.clamp_expiry(access), deadlines.absolute)
        }
        // The first request with these tokens starts the session.
        None => (access, issued_at + api.limits.absolute),
    };
    let access = Claims {
        exp: access.as_seconds(),
        jti: random_id()?,
        for_use: Use::Access,
        ..refresh.clone()
    };
    let refresh = Claims {
        exp: last.as_seconds(),
        ..refresh
    };
    let issued = Issued {
        token_type: "Bearer",
        access_token: api.tokens.issue(&access)?,
        refresh_token: api.tokens.issue(&refresh)?,
        expires_in: access.exp.saturating_sub(access.iat),
    };
    Ok(([("cache-control", "no-store")], Json(issued)).into_response())
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::Grant(error) => {
                let body = Json(serde_json::json!({ "error": error }));
                (StatusCode::BAD_REQUEST, body).into_response()
            }
            Self::Ours => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self::Session(error.into())
    }
}

/// A key that can't sign, a machine without randomness, a Redis that is away.
macro_rules! ours {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(_: $error) -> Self {
                Self::Ours
            }
        })*
    };
}

ours!(
    jsonwebtoken::errors::Error,
    getrandom::Error,
    redis::RedisError
);
