//! The query of the login, re-authentication and expired pages: the reason to be
//! there, and the way back.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use dwell_axum::{EndReason, safe_return_to};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// The sign-in pages, which are no destination afterwards.
const SIGN_IN_PAGES: [&str; 3] = ["/login", "/reauth", "/expired"];

/// The query of a sign-in page. Anybody can make such a link, so its text is never
/// shown, and a malformed query is ignored.
#[derive(Default, Deserialize)]
pub(crate) struct Arrival {
    reason: Option<String>,
    return_to: Option<String>,
    method: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = Query::try_from_uri(&parts.uri);
        Ok(query.map(|Query(arrival)| arrival).unwrap_or_default())
    }
}

impl Arrival {
    /// Returns why the user is here, in fixed words.
    pub(super) fn explanation(&self) -> Option<&'static str> {
        explain(self.reason.as_deref()?)
    }

    /// Returns the end's reason that the query states.
    pub(super) fn end_reason(&self) -> Option<EndReason> {
        EndReason::parse(self.reason.as_deref()?)
    }

    /// Returns whether the request that led here was not carried out, and will not
    /// be repeated afterwards.
    pub(super) fn interrupted(&self) -> bool {
        self.method.is_some()
    }

    /// Returns where to go afterwards. A `POST` is not repeated, so its destination
    /// is the page with the form.
    pub(super) fn destination(&self) -> &str {
        let destination = destination(self.return_to.as_deref());
        match self.method {
            None => destination,
            Some(_) if destination.starts_with("/admin/sessions/") => "/admin/sessions",
            Some(_) => "/",
        }
    }

    /// Returns the login page's address, with this reason and the same destination.
    pub(super) fn to_login(&self, reason: &str) -> String {
        to_login(reason, self.destination())
    }

    /// Returns the re-authentication page's address, with this reason and the same
    /// destination.
    pub(super) fn to_reauth(&self, reason: &str) -> String {
        link("/reauth", reason, self.destination())
    }
}

/// Returns the login page's address, with this reason and destination.
pub(super) fn to_login(reason: &str, destination: &str) -> String {
    link("/login", reason, destination)
}

fn link(page: &str, reason: &str, destination: &str) -> String {
    let destination = utf8_percent_encode(destination, NON_ALPHANUMERIC);
    format!("{page}?reason={reason}&return_to={destination}")
}

/// Returns a safe path of this origin, else the account page.
pub(super) fn destination(return_to: Option<&str>) -> &str {
    let safe = return_to.and_then(safe_return_to);
    let is_sign_in_page = |to: &str| {
        let path = to.split(['?', '#']).next().unwrap_or_default();
        SIGN_IN_PAGES.contains(&path)
    };
    safe.filter(|to| !is_sign_in_page(to)).unwrap_or("/")
}

/// Explains a reason to the user.
pub(super) fn explain(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "idle_timeout" => "You were signed out because nothing happened for a while.",
        "absolute_timeout" => "You were signed out because the session reached its time limit.",
        "idp_logout" => "You were signed out by your identity provider.",
        "idp_session_expired" => "Your sign-in at your identity provider has expired.",
        "reauthentication_failed" => "You were signed out after too many wrong passwords.",
        "revoked" => "This session was ended on the sessions page, or by an administrator.",
        "session_locked" => "The session is locked. Enter your password to continue.",
        "session_required" => "Please sign in first.",
        "signed_out" => "You have signed out.",
        "step_up_required" => "Enter your password again to do this.",
        "superseded" => "A newer session has replaced this one.",
        "token_reuse" => "An old copy of your session was used, so it was ended.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dwell_axum::EndReason;

    fn arrival(query: &str) -> Arrival {
        let uri = format!("/login?{query}").parse().unwrap();
        Query::try_from_uri(&uri)
            .map(|Query(arrival)| arrival)
            .unwrap_or_default()
    }

    #[test]
    fn n44_every_reason_has_its_own_sentence() {
        let sentence = |reason: &str| arrival(&format!("reason={reason}")).explanation();
        let ends = EndReason::ALL.iter();
        let ends: Vec<_> = ends.map(|reason| sentence(reason.as_str())).collect();
        for (i, end) in ends.iter().enumerate() {
            assert!(end.is_some() && !ends[..i].contains(end), "{end:?}");
        }
        for reason in ["session_required", "session_locked", "step_up_required"] {
            assert!(sentence(reason).is_some(), "{reason}");
        }
        assert_eq!(sentence("%3Cscript%3E"), None);
    }

    #[test]
    fn n37_destination_is_local_path_and_never_post() {
        let to = |query| arrival(query).destination().to_owned();
        assert_eq!(to("return_to=%2Fadmin%2Fsessions"), "/admin/sessions");
        assert_eq!(to("return_to=%2F%2Fevil.example"), "/");
        assert_eq!(to("return_to=%2Fapi%2Ftransfer&method=POST"), "/");
        let form = "return_to=%2Fadmin%2Fsessions%2Fend&method=POST";
        assert_eq!(to(form), "/admin/sessions");
        assert_eq!(to(""), "/");
        assert_eq!(to("return_to=%2Fa&return_to=%2Fb"), "/");
    }

    #[test]
    fn sign_in_pages_are_no_destination() {
        let to = |query: String| arrival(&query).destination().to_owned();
        for page in SIGN_IN_PAGES {
            assert_eq!(to(format!("return_to={page}")), "/");
            assert_eq!(to(format!("return_to={page}%3Freturn_to=%2Fa")), "/");
            assert_eq!(to(format!("return_to={page}s")), format!("{page}s"));
        }
    }

    #[test]
    fn login_link_keeps_destination() {
        let arrival = arrival("return_to=%2Fadmin%2Fsessions");
        let to = arrival.to_login("idle_timeout");
        assert_eq!(
            to,
            "/login?reason=idle_timeout&return_to=%2Fadmin%2Fsessions"
        );
    }
}
