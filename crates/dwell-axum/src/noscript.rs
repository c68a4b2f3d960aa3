//! Pages that end without JavaScript.

use std::fmt::Write as _;

use dwell_core::{Outcome, millis};

use crate::extract::Session;

impl Session {
    /// An element for a page's `<head>` that sends browsers without JavaScript
    /// to `page` when the session's time is over, so that nothing personal
    /// stays on the screen. A second is added, so that the end has come by then.
    ///
    /// `page` is a path of yours that is told the `reason` in its query. It
    /// must be served without a session, and its route must be
    /// [`passive`](crate::passive): where another tab has kept the session
    /// alive, nobody asked for it.
    ///
    /// Empty after the session was ended. Put it into the page as it is: it is
    /// escaped.
    ///
    /// ```
    /// use axum::response::Html;
    /// use dwell_axum::Session;
    ///
    /// async fn account(session: Session) -> Html<String> {
    ///     let refresh = session.noscript_refresh("/expired");
    ///     Html(format!("<!doctype html><title>Account</title>{refresh}<p>…"))
    /// }
    /// # let _ = account;
    /// ```
    #[must_use]
    pub fn noscript_refresh(&self, page: &str) -> String {
        let handle = self.handle();
        // The page's own request counts as soon as it is answered.
        let touch = handle.touch_due(Outcome::Answered(200));
        let Some(deadlines) = handle.closing_deadlines(touch.as_ref(), None) else {
            return String::new();
        };
        let seconds = millis(deadlines.remaining())
            .div_ceil(1_000)
            .saturating_add(1);
        let mut url = String::with_capacity(page.len());
        for c in page.chars() {
            let _ = match c {
                '&' => write!(url, "&amp;"),
                '<' => write!(url, "&lt;"),
                '>' => write!(url, "&gt;"),
                '"' => write!(url, "&quot;"),
                '\'' => write!(url, "&#39;"),
                _ => write!(url, "{c}"),
            };
        }
        let mark = if page.contains('?') { "&amp;" } else { "?" };
        let reason = deadlines.ends_by;
        format!(
            r#"<noscript><meta http-equiv="refresh" content="{seconds}; url={url}{mark}reason={reason}"></noscript>"#
        )
    }
}
