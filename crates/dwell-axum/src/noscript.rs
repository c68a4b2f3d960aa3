//! Pages that end without JavaScript.

use std::fmt::Write as _;

use dwell_core::{Outcome, as_millis};

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
        let state = self.state();
        // The page's own request counts as soon as it is answered.
        let touch = state.touch_due(Outcome::Answered(200));
        let Some(deadlines) = state.closing_deadlines(touch.as_ref(), None) else {
            return String::new();
        };
        let seconds = as_millis(deadlines.remaining())
            .div_ceil(1_000)
            .saturating_add(1);
        let (path, fragment) = page.split_at(page.find('#').unwrap_or(page.len()));
        let mark = if path.contains('?') { '&' } else { '?' };
        let url = format!("{path}{mark}reason={}{fragment}", deadlines.ends_by);
        let url = escaped(&url);
        format!(
            r#"<noscript><meta http-equiv="refresh" content="{seconds}; url={url}"></noscript>"#
        )
    }
}

/// As the value of an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let _ = match c {
            '&' => write!(escaped, "&amp;"),
            '<' => write!(escaped, "&lt;"),
            '>' => write!(escaped, "&gt;"),
            '"' => write!(escaped, "&quot;"),
            '\'' => write!(escaped, "&#39;"),
            _ => write!(escaped, "{c}"),
        };
    }
    escaped
}
