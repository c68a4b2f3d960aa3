//! Signing in and out.

use askama::Template;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dwell_axum::{
    AuthenticationContext, CookieProbe, LoginSession, NewSession, Session, SessionError, SubjectId,
};
use serde::Deserialize;
use serde_json::json;

use super::arrival::{Arrival, destination, explain};
use crate::body::{Reader, Submitted};
use crate::problem::{challenge, problem};
use crate::users::{self, PASSWORD, USERS};

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    /// The refresh element of the live session, if there is one.
    refresh: String,
    explanation: Option<&'a str>,
    interrupted: bool,
    return_to: &'a str,
    /// The user of the live session, if there is one.
    signed_in: Option<&'a str>,
    username: &'a str,
    failed: bool,
    /// Whether the browser has refused the cookie of this page.
    cookie_refused: bool,
    users: [&'a str; 2],
    password: &'a str,
}

impl<'a> Login<'a> {
    fn new(return_to: &'a str) -> Self {
        Self {
            refresh: String::new(),
            explanation: None,
            interrupted: false,
            return_to,
            signed_in: None,
            username: "",
            failed: false,
            cookie_refused: false,
            users: USERS,
            password: PASSWORD,
        }
    }
}

pub(crate) async fn page(
    login: LoginSession,
    session: Option<Session>,
    probe: CookieProbe,
    arrival: Arrival,
) -> Response {
    // The server's own knowledge takes precedence over the query.
    let known = login.end_reason().and_then(|r| explain(r.as_str()));
    let signed_in = login.subject().filter(|_| !login.is_locked());
    let template = Login {
        refresh: super::refresh(session.as_ref()),
        explanation: known.or(arrival.explanation()),
        interrupted: arrival.interrupted(),
        signed_in: signed_in.map(SubjectId::as_str),
        ..Login::new(arrival.destination())
    };
    (probe, super::page(StatusCode::OK, &template)).into_response()
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    username: String,
    password: String,
    return_to: Option<String>,
}

pub(crate) async fn submit(
    login: LoginSession,
    probe: CookieProbe,
    Submitted { value, reader }: Submitted<Credentials>,
) -> Result<Response, SessionError> {
    let to = destination(value.return_to.as_deref());
    let Some(user) = users::authenticate(&value.username, &value.password) else {
        return Ok(wrong_password(reader, &value.username, to));
    };
    if reader == Reader::Person && probe.is_refused() {
        let template = Login {
            username: &value.username,
            cookie_refused: true,
            ..Login::new(to)
        };
        let page = super::page(StatusCode::OK, &template);
        return Ok((probe, page).into_response());
    }
    let password = AuthenticationContext::none().with_amr(["pwd"]);
    login
        .start(NewSession::new(user).with_authentication(password))
        .await?;
    Ok(match reader {
        Reader::Person => super::see(to),
        Reader::Program => Json(json!({ "subject": user, "return_to": to })).into_response(),
    })
}

fn wrong_password(reader: Reader, username: &str, return_to: &str) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    if reader == Reader::Program {
        return problem(status, "bad_credentials", "Name or password is wrong.");
    }
    let template = Login {
        username,
        failed: true,
        ..Login::new(return_to)
    };
    let mut response = super::page(status, &template);
    challenge(&mut response);
    response
}

/// Signs out in every state: live, locked, ended, unknown.
pub(crate) async fn logout(session: LoginSession) -> Result<Response, SessionError> {
    session.sign_out().await?;
    let mut response = super::see("/login?reason=signed_out");
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static(r#""cache", "storage""#),
    );
    Ok(response)
}
