//! The pages, with one file and one template each.

pub(crate) mod account;
mod arrival;
pub(crate) mod expired;
pub(crate) mod login;
pub(crate) mod reauth;
pub(crate) mod sessions;

use askama::Template;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use dwell_axum::Session;

use crate::problem::problem;

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "page not rendered; the request was answered with 500");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// Returns the element that clears a page without JavaScript when its session ends.
/// Goes into the page's head unchanged; empty without a session.
fn refresh(session: Option<&Session>) -> String {
    let refresh = |session: &Session| session.noscript_refresh("/expired");
    session.map(refresh).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "dead_end.html")]
struct DeadEnd<'a> {
    title: &'a str,
}

pub(crate) async fn not_found(headers: HeaderMap) -> Response {
    let text = "Page not found";
    dead_end(&headers, StatusCode::NOT_FOUND, "not_found", text)
}

pub(crate) async fn wrong_method(headers: HeaderMap) -> Response {
    let (status, text) = (
        StatusCode::METHOD_NOT_ALLOWED,
        "This page does not accept this request",
    );
    dead_end(&headers, status, "method_not_allowed", text)
}

/// Answers people with a page and programs with problem details.
fn dead_end(headers: &HeaderMap, status: StatusCode, reason: &str, text: &str) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    match accept.is_some_and(|accept| accept.contains("text/html")) {
        true => page(status, &DeadEnd { title: text }),
        false => problem(status, reason, &format!("{text}.")),
    }
}
