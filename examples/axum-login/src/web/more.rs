//! What an application can use once Dwell is there: a route that is polled, one that
//! asks for the password again, and a public one.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use dwell_axum::Session;
use dwell_axum::prelude::*;

use crate::users::{AuthSession, Credentials, User};

pub(super) fn router() -> Router {
    let recent = AuthenticationRequirement::within(minutes(5));
    Router::new()
        .route("/about", get(async || "about us"))
        .route("/unread", get(async |_: Session| "3").layer(passive()))
        .route(
            "/transfer",
            post(async |_: Session| "done").layer(privileged(recent)),
        )
        .route("/again", get(again_page).post(again))
}

async fn again_page(_: Session) -> Html<&'static str> {
    Html(
        r#"<form method="post" action="/again">
        <input name="username"> <input name="password" type="password"> <button>Confirm</button>
        </form>"#,
    )
}

/// Asks for the password of the user who is signed in. Then the session of
/// tower-sessions gets a new id, and Dwell's goes on.
async fn again(
    auth_session: AuthSession,
    session: Session,
    Form(creds): Form<Credentials>,
) -> Result<Response, SessionError> {
    if !session.begin_reauthentication().await? {
        return Ok(Redirect::to("/login").into_response());
    }
    let user = auth_session.authenticate(creds).await.unwrap_or_default();
    let is_same =
        |user: User| Some(user.username) == auth_session.user.as_ref().map(|u| u.username);
    if !user.is_some_and(is_same) {
        session.reauthentication_failed().await?;
        return Ok(Redirect::to("/again").into_response());
    }
    session
        .reauthenticated(AuthenticationContext::none())
        .await?;
    match auth_session.session.cycle_id().await {
        Ok(()) => Ok(Redirect::to("/").into_response()),
        Err(_) => Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    }
}
