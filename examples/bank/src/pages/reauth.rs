//! Proving once more who one is.

use askama::Template;
use axum::Json;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dwell_axum::{LoginSession, SessionError};
use serde::Deserialize;
use serde_json::json;

use super::Arrival;
use crate::body::{Reader, Submitted};
use crate::problem::{challenge, problem};
use crate::users;

#[derive(Template)]
#[template(path = "reauth.html")]
struct Reauth<'a> {
    user: &'a str,
    explanation: Option<&'a str>,
    interrupted: bool,
    return_to: &'a str,
    failed: bool,
}

pub(crate) async fn page(login: LoginSession, Query(arrival): Query<Arrival>) -> Response {
    let Some(user) = login.subject() else {
        return super::see("/login?reason=session_required");
    };
    let template = Reauth {
        user: user.as_str(),
        explanation: arrival.explanation(),
        interrupted: arrival.interrupted(),
        return_to: arrival.destination(),
        failed: false,
    };
    super::page(StatusCode::OK, &template)
}

#[derive(Deserialize)]
pub(crate) struct Answer {
    password: String,
    return_to: Option<String>,
}

pub(crate) async fn submit(
    login: LoginSession,
    Submitted { value, reader }: Submitted<Answer>,
) -> Result<Response, SessionError> {
    let to = super::destination(value.return_to.as_deref());
    let Some(user) = login.subject() else {
        return Ok(over(reader, "session_required"));
    };
    if users::authenticate(user.as_str(), &value.password).is_none() {
        if login.reauthentication_failed().await? {
            return Ok(over(reader, "reauthentication_failed"));
        }
        return Ok(wrong_password(reader, user.as_str(), to));
    }
    login.reauthenticated(None, ["pwd"]).await?;
    Ok(match reader {
        Reader::Person => super::see(to),
        Reader::Program => {
            Json(json!({ "subject": user.as_str(), "return_to": to })).into_response()
        }
    })
}

/// There is no session to authenticate for, any more.
fn over(reader: Reader, reason: &str) -> Response {
    match reader {
        Reader::Person => super::see(&format!("/login?reason={reason}")),
        Reader::Program => problem(StatusCode::UNAUTHORIZED, reason, "Sign in again."),
    }
}

fn wrong_password(reader: Reader, user: &str, return_to: &str) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    if reader == Reader::Program {
        return problem(status, "bad_credentials", "The password is wrong.");
    }
    let template = Reauth {
        user,
        explanation: None,
        interrupted: false,
        return_to,
        failed: true,
    };
    let mut response = super::page(status, &template);
    challenge(&mut response);
    response
}
