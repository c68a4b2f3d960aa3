//! Signing in and out. Nothing of Dwell is here.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use serde::Deserialize;

use crate::users::{AuthSession, Credentials};

#[derive(Deserialize)]
struct NextUrl {
    next: Option<String>,
}

pub(super) fn router() -> Router {
    Router::new()
        .route("/login", get(login_page).post(login))
        .route("/logout", get(logout))
}

async fn login_page(
    auth_session: AuthSession,
    Query(NextUrl { next }): Query<NextUrl>,
) -> Response {
    if auth_session.user.is_some() {
        return Redirect::to("/").into_response();
    }
    // A page of ours only, and nothing that ends the attribute.
    let next = next.filter(|next| next.starts_with('/') && !next.contains(['"', '\\']));
    let next = next.unwrap_or_default();
    let form = format!(
        r#"<form method="post" action="/login">
        <input name="username"> <input name="password" type="password">
        <input name="next" type="hidden" value="{next}"> <button>Sign in</button>
        </form>"#
    );
    Html(form).into_response()
}

async fn login(mut auth_session: AuthSession, Form(creds): Form<Credentials>) -> Response {
    let next = creds.next.clone();
    let user = match auth_session.authenticate(creds).await {
        Ok(Some(user)) => user,
        Ok(None) => return Redirect::to("/login").into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    if auth_session.login(&user).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let next = next.filter(|next| next.starts_with('/') && !next.starts_with("//"));
    Redirect::to(next.as_deref().unwrap_or("/")).into_response()
}

async fn logout(mut auth_session: AuthSession) -> Response {
    match auth_session.logout().await {
        Ok(_) => Redirect::to("/login").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
