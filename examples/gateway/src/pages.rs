//! Signing in, authenticating again, signing out: forms without scripts.

use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use dwell_axum::dwell_tower::gateway::is_same_origin;
use dwell_axum::{
    AuthenticationContext, CookieProbe, EndReason, LoginSession, NewSession, SessionError,
    safe_return_to,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::time::timeout;

use crate::path::ClearPath;
use crate::proxy::problem;
use crate::users::Users;

pub(crate) const LOGIN: &str = "/session/login";
pub(crate) const LOGOUT: &str = "/session/logout";
pub(crate) const STEP_UP: &str = "/session/step-up";

/// Forbids scripts, other origins and framing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// How long a form may take to arrive, and to wait for its password to be checked.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default, Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    explanation: Option<&'a str>,
    /// Whether a request was refused that will not be repeated.
    interrupted: bool,
    error: Option<&'a str>,
    /// Where the form goes, if there is one.
    action: Option<&'a str>,
    return_to: &'a str,
    username: &'a str,
    /// Whether the session already has the name.
    is_known: bool,
}

/// What leads here.
#[derive(Default, Deserialize)]
pub(crate) struct Arrival {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    return_to: String,
    /// The method of a request that was refused, unless it only read.
    #[serde(default)]
    method: String,
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    #[serde(default)]
    username: String,
    password: String,
    #[serde(default)]
    return_to: String,
}

impl Arrival {
    fn is_interrupted(&self) -> bool {
        !self.method.is_empty()
    }

    /// Where to go on: what a form was sent to is often no page.
    fn destination(&self) -> &str {
        match self.is_interrupted() {
            true => "/",
            false => destination(&self.return_to),
        }
    }
}

/// A garbled query counts as none.
type Arrived = Result<Query<Arrival>, axum::extract::rejection::QueryRejection>;

pub(crate) async fn login_page(
    login: LoginSession,
    probe: CookieProbe,
    arrived: Arrived,
) -> Response {
    let Query(arrival) = arrived.unwrap_or_default();
    // The server's own knowledge takes precedence over the query.
    let known = login.end_reason().map(EndReason::as_str);
    let explanation = explain(known.unwrap_or(&arrival.reason));
    let page = Page {
        explanation,
        interrupted: arrival.is_interrupted(),
        ..login_form(arrival.destination())
    };
    (probe, render(StatusCode::OK, &page)).into_response()
}

pub(crate) async fn login(
    State(users): State<Users>,
    login: LoginSession,
    probe: CookieProbe,
    Form(given): Form<Credentials>,
) -> Result<Response, SessionError> {
    let to = destination(&given.return_to);
    let page = Page {
        username: &given.username,
        ..login_form(to)
    };
    if !users.authenticate(&given.username, given.password).await {
        let error = Some("Name or password is wrong.");
        return Ok(unauthorized(&Page { error, ..page }));
    }
    if probe.is_refused() {
        let error = Some(
            "Your browser did not keep this page's cookie. Over plain http, browsers keep it on localhost only.",
        );
        return Ok((probe, render(StatusCode::OK, &Page { error, ..page })).into_response());
    }
    let new = NewSession::new(given.username.as_str()).with_authentication(by_password());
    login.start(new).await?;
    Ok(Redirect::to(to).into_response())
}

pub(crate) async fn step_up_page(login: LoginSession, arrived: Arrived) -> Response {
    let Query(arrival) = arrived.unwrap_or_default();
    let to = arrival.destination();
    let Some(subject) = login.subject() else {
        return to_login(missing(&login), to);
    };
    let page = Page {
        explanation: explain(&arrival.reason),
        interrupted: arrival.is_interrupted(),
        ..step_up_form(subject.as_str(), to)
    };
    render(StatusCode::OK, &page)
}

pub(crate) async fn step_up(
    State(users): State<Users>,
    login: LoginSession,
    Form(given): Form<Credentials>,
) -> Result<Response, SessionError> {
    let to = destination(&given.return_to);
    let Some(subject) = login.subject() else {
        return Ok(to_login(missing(&login), to));
    };
    let over = || Ok(to_login(EndReason::ReauthenticationFailed.as_str(), to));
    // Counted before the password is checked, so that guesses that come at once are no
    // more than those that come in turn.
    if !login.begin_reauthentication().await? {
        return over();
    }
    if !users.authenticate(subject.as_str(), given.password).await {
        if login.reauthentication_failed().await? {
            return over();
        }
        let error = Some("The password is wrong.");
        let page = step_up_form(subject.as_str(), to);
        return Ok(unauthorized(&Page { error, ..page }));
    }
    login.reauthenticated(by_password()).await?;
    Ok(Redirect::to(to).into_response())
}

/// Signs out in every state: live, locked, ended, unknown.
pub(crate) async fn logout(login: LoginSession) -> Result<Response, SessionError> {
    login.sign_out().await?;
    let mut response = Redirect::to("/session/login?reason=signed_out").into_response();
    let clear = HeaderValue::from_static(r#""cache", "storage""#);
    response.headers_mut().insert("clear-site-data", clear);
    Ok(response)
}

/// Refuses forms of other sites. Browsers send the cookie with some of them.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if !parts.method.is_safe() && !is_same_origin(&parts) {
        return problem(StatusCode::FORBIDDEN, "not_same_origin");
    }
    let answer = timeout(PATIENCE, next.run(Request::from_parts(parts, body))).await;
    let mut response = answer.unwrap_or_else(|_| problem(StatusCode::REQUEST_TIMEOUT, "slow_form"));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn by_password() -> AuthenticationContext {
    AuthenticationContext::none().with_amr(["pwd"])
}

fn login_form(return_to: &str) -> Page<'_> {
    Page {
        title: "Sign in",
        action: Some(LOGIN),
        return_to,
        ..Page::default()
    }
}

fn step_up_form<'a>(username: &'a str, return_to: &'a str) -> Page<'a> {
    Page {
        title: "Confirm that it is you",
        action: Some(STEP_UP),
        return_to,
        username,
        is_known: true,
        ..Page::default()
    }
}

/// Returns why there is no session to authenticate for.
fn missing(login: &LoginSession) -> &'static str {
    let ended = login.end_reason().map(EndReason::as_str);
    ended.unwrap_or("session_required")
}

fn to_login(reason: &str, return_to: &str) -> Response {
    let return_to = utf8_percent_encode(return_to, NON_ALPHANUMERIC);
    Redirect::to(&format!("{LOGIN}?reason={reason}&return_to={return_to}")).into_response()
}

/// Returns a path of this origin that is none of these pages.
fn destination(return_to: &str) -> &str {
    let is_service = |to: &&str| {
        let path = to.split(['?', '#']).next().unwrap_or_default();
        ClearPath::of(path).is_some_and(|path| !path.is_own())
    };
    safe_return_to(return_to).filter(is_service).unwrap_or("/")
}

fn render(status: StatusCode, page: &Page<'_>) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "page not rendered; the request was answered with 500");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Every 401 needs a challenge (RFC 9110 §15.5.2). `Basic` would make browsers show their
/// password box.
fn unauthorized(page: &Page<'_>) -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, r#"Bearer realm="session""#)];
    (challenge, render(StatusCode::UNAUTHORIZED, page)).into_response()
}

fn explain(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "idle_timeout" => "You were signed out because nothing happened for a while.",
        "absolute_timeout" => "You were signed out because the session reached its time limit.",
        "reauthentication_failed" => "You were signed out after too many wrong passwords.",
        "session_locked" => "The session is locked. Enter your password to continue.",
        "session_required" => "Please sign in first.",
        "signed_out" => "You have signed out.",
        "step_up_required" => "Enter your password again to do this.",
        "" => return None,
        known if EndReason::ALL.iter().any(|end| end.as_str() == known) => {
            "Your session has ended."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::OWN;

    #[test]
    fn n37_destination_is_path_of_service() {
        for good in ["/", "/a?b=/session/login", "/sessions"] {
            assert_eq!(destination(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "https://evil.example",
            "/session/login",
            "/session/logout?x",
            "/%73ession/logout",
            "/a/../session/logout",
        ] {
            assert_eq!(destination(bad), "/", "{bad}");
        }
        assert!(LOGIN.starts_with(&format!("/{OWN}/")));
    }
}
