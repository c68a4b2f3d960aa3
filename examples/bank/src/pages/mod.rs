//! The pages: one file each, a template each, no build step.

pub(crate) mod account;
pub(crate) mod login;
pub(crate) mod reauth;
pub(crate) mod sessions;

use askama::Template;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use dwell_axum::safe_return_to;
use serde::Deserialize;

use crate::problem::problem;

/// What a redirect to the login or re-authentication page says.
#[derive(Default, Deserialize)]
pub(crate) struct Arrival {
    reason: Option<String>,
    return_to: Option<String>,
    method: Option<String>,
}

impl Arrival {
    /// Why the person is here, in words of ours: nothing of the query is ever
    /// shown.
    fn explanation(&self) -> Option<&'static str> {
        Some(match self.reason.as_deref()? {
            "idle_timeout" => "You were signed out because nothing happened for a while.",
            "absolute_timeout" => "You were signed out because the session had its full time.",
            "idp_logout" | "idp_session_expired" => "Your sign-in elsewhere has ended.",
            "reauthentication_failed" => "You were signed out after too many wrong passwords.",
            "revoked" => "This session was ended from another one, or by an administrator.",
            "session_locked" => "The session is locked. Enter your password to go on.",
            "session_required" => "Please sign in first.",
            "signed_out" => "You have signed out.",
            "step_up_required" => "This needs your password again.",
            "superseded" => "A newer session has taken the place of this one.",
            "token_reuse" => "An old copy of your session was used, so it was ended.",
            _ => return None,
        })
    }

    /// Whether the request that led here was not made, and will not be made
    /// by going back.
    fn interrupted(&self) -> bool {
        self.method.is_some()
    }

    /// Where to go afterwards. What was posted is not posted again, so there
    /// is no way back to where it was posted.
    fn destination(&self) -> &str {
        match self.method {
            Some(_) => "/",
            None => destination(self.return_to.as_deref()),
        }
    }
}

/// A path of ours to go to, or the account page.
fn destination(return_to: Option<&str>) -> &str {
    return_to.and_then(safe_return_to).unwrap_or("/")
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound;

pub(crate) async fn not_found(headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    match accept.is_some_and(|accept| accept.contains("text/html")) {
        true => page(StatusCode::NOT_FOUND, &NotFound),
        false => problem(StatusCode::NOT_FOUND, "not_found", "There is nothing here."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dwell_axum::EndReason;

    fn arrival(reason: &str, return_to: &str, method: Option<&str>) -> Arrival {
        Arrival {
            reason: Some(reason.to_owned()),
            return_to: Some(return_to.to_owned()),
            method: method.map(str::to_owned),
        }
    }

    #[test]
    fn n44_every_reason_has_a_sentence_and_no_other_text_is_shown() {
        let sentence = |reason| arrival(reason, "/", None).explanation();
        for reason in EndReason::ALL {
            assert!(sentence(reason.as_str()).is_some(), "{reason}");
        }
        for reason in ["session_required", "session_locked", "step_up_required"] {
            assert!(sentence(reason).is_some(), "{reason}");
        }
        assert_eq!(sentence("<script>"), None);
    }

    #[test]
    fn n37_one_goes_back_to_a_path_of_ours_and_never_to_what_was_posted() {
        let to = |return_to, method| {
            arrival("idle_timeout", return_to, method)
                .destination()
                .to_owned()
        };
        assert_eq!(to("/admin/sessions", None), "/admin/sessions");
        assert_eq!(to("//evil.example", None), "/");
        assert_eq!(to("/admin/sessions/end", Some("POST")), "/");
        assert_eq!(Arrival::default().destination(), "/");
    }
}
