//! The page that is shown when a session has ended: opened by the component or,
//! without JavaScript, by the page's refresh element.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use dwell_axum::{EndReason, LoginSession};

use super::arrival::{Arrival, explain};

#[derive(Template)]
#[template(path = "expired.html")]
struct Expired<'a> {
    title: &'a str,
    explanation: Option<&'a str>,
    link: String,
    label: &'a str,
}

/// Shows no name: another person may be at the machine now.
pub(crate) async fn page(login: LoginSession, arrival: Arrival) -> Response {
    let template = if login.is_locked() {
        Expired {
            title: "Your session is locked",
            explanation: explain("session_locked"),
            link: arrival.to_reauth("session_locked"),
            label: "Enter your password",
        }
    } else if login.subject().is_some() {
        // Another tab has extended the session, or this is an old link.
        Expired {
            title: "You are still signed in",
            explanation: Some("Your session is still active."),
            link: "/".to_owned(),
            label: "Continue",
        }
    } else {
        // The server's own knowledge takes precedence over the query.
        let reason = login.end_reason().or(arrival.end_reason());
        let reason = reason.map_or("session_required", EndReason::as_str);
        Expired {
            title: "You are signed out",
            explanation: explain(reason),
            link: arrival.to_login(reason),
            label: "Sign in again",
        }
    };
    super::page(StatusCode::OK, &template)
}
