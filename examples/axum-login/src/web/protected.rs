//! The page behind the login. Nothing of Dwell is here.

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::users::AuthSession;

pub(super) fn router() -> Router {
    Router::new().route("/", get(protected))
}

async fn protected(auth_session: AuthSession) -> Response {
    match auth_session.user {
        Some(user) => format!("Hello {}", user.username).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
