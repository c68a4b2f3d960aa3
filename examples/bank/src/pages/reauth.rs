//! Confirming one's identity again.

use askama::Template;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dwell_axum::{AuthenticationContext, EndReason, LoginSession, Session, SessionError};
use serde::Deserialize;
use serde_json::json;

use super::arrival::{Arrival, destination, to_login};
use crate::body::{Reader, Submitted};
use crate::problem::{challenge, problem};
use crate::users;

#[derive(Template)]
#[template(path = "reauth.html")]
struct Reauth<'a> {
    refresh: String,
    user: &'a str,
    explanation: Option<&'a str>,
    interrupted: bool,
    return_to: &'a str,
    failed: bool,
}

pub(crate) async fn page(
    login: LoginSession,
    session: Option<Session>,
    arrival: Arrival,
) -> Response {
    let Some(user) = login.subject() else {
        return super::see(&arrival.to_login(missing(&login)));
    };
    let template = Reauth {
        refresh: super::refresh(session.as_ref()),
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
    session: Option<Session>,
    Submitted { value, reader }: Submitted<Answer>,
) -> Result<Response, SessionError> {
    let to = destination(value.return_to.as_deref());
    let Some(user) = login.subject() else {
        return Ok(over(reader, missing(&login), to));
    };
    let too_many = EndReason::ReauthenticationFailed.as_str();
    // Counted before the password is checked, so that guesses that come at once
    // are no more than those that come in turn.
    if !login.begin_reauthentication().await? {
        return Ok(over(reader, too_many, to));
    }
    if users::authenticate(user.as_str(), &value.password).is_none() {
        if login.reauthentication_failed().await? {
            return Ok(over(reader, too_many, to));
        }
        let refresh = super::refresh(session.as_ref());
        return Ok(wrong_password(reader, refresh, user.as_str(), to));
    }
    login
        .reauthenticated(AuthenticationContext::none().with_amr(["pwd"]))
        .await?;
    Ok(match reader {
        Reader::Person => super::see(to),
        Reader::Program => {
            Json(json!({ "subject": user.as_str(), "return_to": to })).into_response()
        }
    })
}

/// Returns why there is no session to authenticate for.
fn missing(login: &LoginSession) -> &'static str {
    login
        .end_reason()
        .map_or("session_required", EndReason::as_str)
}

/// Answers that the session has ended.
fn over(reader: Reader, reason: &str, return_to: &str) -> Response {
    match reader {
        Reader::Person => super::see(&to_login(reason, return_to)),
        Reader::Program => problem(StatusCode::UNAUTHORIZED, reason, "Sign in again."),
    }
}

fn wrong_password(reader: Reader, refresh: String, user: &str, return_to: &str) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    if reader == Reader::Program {
        return problem(status, "bad_credentials", "The password is wrong.");
    }
    let template = Reauth {
        refresh,
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
