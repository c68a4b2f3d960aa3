//! What leads to the login, the re-authentication or the expired page says, and
//! what these pages make of it.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use dwell_axum::{EndReason, safe_return_to};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// The pages on the way in. Nobody goes back to one of them.
const ON_THE_WAY: [&str; 3] = ["/login", "/reauth", "/expired"];

/// The query of a page on the way in. Anybody can write one, so none of its
/// text is ever shown, and one that can't be read says nothing.
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
    /// Why the person is here, in words of ours.
    pub(super) fn explanation(&self) -> Option<&'static str> {
        explain(self.reason.as_deref()?)
    }

    /// Why the session is over, where the address says so.
    pub(super) fn end_reason(&self) -> Option<EndReason> {
        EndReason::parse(self.reason.as_deref()?)
    }

    /// Whether the request that led here was not made, and will not be made
    /// by going back.
    pub(super) fn interrupted(&self) -> bool {
        self.method.is_some()
    }

    /// Where to go afterwards. What was posted is not posted again, so the
    /// way leads to the page that the form stands on.
    pub(super) fn destination(&self) -> &str {
        let destination = destination(self.return_to.as_deref());
        match self.method {
            None => destination,
            Some(_) if destination.starts_with("/admin/sessions/") => "/admin/sessions",
            Some(_) => "/",
        }
    }

    /// The login page, for this reason and with the same destination.
    pub(super) fn to_login(&self, reason: &str) -> String {
        to_login(reason, self.destination())
    }

    /// The re-authentication page, for this reason and with the same
    /// destination.
    pub(super) fn to_reauth(&self, reason: &str) -> String {
        way("/reauth", reason, self.destination())
    }
}

/// The login page, which will say why and then go on to `destination`.
pub(super) fn to_login(reason: &str, destination: &str) -> String {
    way("/login", reason, destination)
}

fn way(page: &str, reason: &str, destination: &str) -> String {
    let destination = utf8_percent_encode(destination, NON_ALPHANUMERIC);
    format!("{page}?reason={reason}&return_to={destination}")
}

/// A path of ours to go to, or the account page.
pub(super) fn destination(return_to: Option<&str>) -> &str {
    let ours = return_to.and_then(safe_return_to);
    let on_the_way = |to: &str| {
        let path = to.split(['?', '#']).next().unwrap_or_default();
        ON_THE_WAY.contains(&path)
    };
    ours.filter(|to| !on_the_way(to)).unwrap_or("/")
}

/// A reason in words for people.
pub(super) fn explain(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "idle_timeout" => "You were signed out because nothing happened for a while.",
        "absolute_timeout" => "You were signed out because the session had its full time.",
        "idp_logout" => "You were signed out elsewhere, and so here too.",
        "idp_session_expired" => "Your sign-in elsewhere has run out.",
        "reauthentication_failed" => "You were signed out after too many wrong passwords.",
        "revoked" => "This session was ended on the sessions page, or by an administrator.",
        "session_locked" => "The session is locked. Enter your password to go on.",
        "session_required" => "Please sign in first.",
        "signed_out" => "You have signed out.",
        "step_up_required" => "This needs your password again.",
        "superseded" => "A newer session has taken the place of this one.",
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
    fn n44_every_reason_has_a_sentence_and_no_other_text_is_shown() {
        let sentence = |reason: &str| arrival(&format!("reason={reason}")).explanation();
        let ends = EndReason::ALL.map(|reason| sentence(reason.as_str()));
        for (i, end) in ends.iter().enumerate() {
            assert!(end.is_some() && !ends[..i].contains(end), "{end:?}");
        }
        for reason in ["session_required", "session_locked", "step_up_required"] {
            assert!(sentence(reason).is_some(), "{reason}");
        }
        assert_eq!(sentence("%3Cscript%3E"), None);
    }

    #[test]
    fn n37_one_goes_back_to_a_path_of_ours_and_never_to_what_was_posted() {
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
    fn one_does_not_go_back_to_a_page_on_the_way_in() {
        let to = |query: String| arrival(&query).destination().to_owned();
        for page in ON_THE_WAY {
            assert_eq!(to(format!("return_to={page}")), "/");
            assert_eq!(to(format!("return_to={page}%3Freturn_to=%2Fa")), "/");
            assert_eq!(to(format!("return_to={page}s")), format!("{page}s"));
        }
    }

    #[test]
    fn the_way_to_the_login_page_keeps_the_destination() {
        let arrival = arrival("return_to=%2Fadmin%2Fsessions");
        let to = arrival.to_login("idle_timeout");
        assert_eq!(
            to,
            "/login?reason=idle_timeout&return_to=%2Fadmin%2Fsessions"
        );
    }
}
