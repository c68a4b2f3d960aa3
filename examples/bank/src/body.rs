//! Request bodies: forms from people, JSON from programs.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Form, RequestExt};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::problem::problem;

/// Who sent a body, and so reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Person,
    Program,
}

/// Extracts a form or a JSON document. Answers 415 to other media types and 422 to
/// malformed bodies.
pub(crate) struct Submitted<T> {
    pub(crate) value: T,
    pub(crate) reader: Reader,
}

/// Extracts a JSON document. Answers 415 to other media types and 422 to malformed
/// bodies.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + 'static> FromRequest<S> for Submitted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match media_type(request.headers()).as_str() {
            "application/json" => Ok(Self {
                value: json(request, state).await?,
                reader: Reader::Program,
            }),
            "application/x-www-form-urlencoded" => Ok(Self {
                value: form(request).await?,
                reader: Reader::Person,
            }),
            _ => Err(wrong_media_type("Send a form or JSON.")),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match media_type(request.headers()).as_str() {
            "application/json" => Ok(Self(json(request, state).await?)),
            _ => Err(wrong_media_type("Send JSON.")),
        }
    }
}

/// How long a body may take to arrive. One that is held back would be acted on long
/// after its request was admitted.
const PATIENCE: Duration = Duration::from_secs(10);

async fn json<S: Send + Sync, T: DeserializeOwned>(
    request: Request,
    state: &S,
) -> Result<T, Response> {
    let body = arrived(Bytes::from_request(request, state))
        .await?
        .map_err(|rejection| unreadable(rejection.into_response().status()))?;
    serde_json::from_slice(&body).map_err(|_| unreadable(StatusCode::UNPROCESSABLE_ENTITY))
}

async fn form<T: DeserializeOwned + 'static>(request: Request) -> Result<T, Response> {
    let form = arrived(request.extract::<Form<T>, _>()).await?;
    let Form(value) = form.map_err(|rejection| unreadable(rejection.into_response().status()))?;
    Ok(value)
}

/// Waits for a body, but not for long.
async fn arrived<T>(body: impl Future<Output = T>) -> Result<T, Response> {
    timeout(PATIENCE, body).await.map_err(|_| {
        let detail = "The body took longer than ten seconds to arrive.";
        problem(StatusCode::REQUEST_TIMEOUT, "slow_body", detail)
    })
}

/// Omits the parser's message, which may repeat a password from the body.
fn unreadable(status: StatusCode) -> Response {
    problem(
        status,
        "bad_body",
        "The body can't be read: it is malformed, too long, or has wrong fields.",
    )
}

fn wrong_media_type(detail: &str) -> Response {
    problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_media_type", detail)
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}
