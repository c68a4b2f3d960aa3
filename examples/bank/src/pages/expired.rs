//! Where one lands when the session is over, by the page's component or, without
//! script, by the page itself.

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

/// It names nobody: whoever sits there now may be somebody else.
pub(crate) async fn page(login: LoginSession, arrival: Arrival) -> Response {
    let template = if login.is_locked() {
        Expired {
            title: "Your session is locked",
            explanation: explain("session_locked"),
            link: arrival.to_reauth("session_locked"),
            label: "Enter your password",
        }
    } else if login.subject().is_some() {
        // Another tab was busy meanwhile, or somebody followed an old link.
        Expired {
            title: "You are still signed in",
            explanation: Some("Your session goes on."),
            link: "/".to_owned(),
            label: "Go on",
        }
    } else {
        // What the server knows goes before what the address says.
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
