//! Clears pages without JavaScript when their session ends.

use std::fmt::Write as _;

use dwell_core::{Outcome, as_millis};

use crate::extract::Session;

impl Session {
    /// Returns an element for a page's `<head>` that sends browsers without
    /// JavaScript to `page` one second after the deadline, so that nothing
    /// personal stays on the screen. Empty after the session ended.
    ///
    /// `page` is a path of your application and gets the `reason` in its query.
    /// Serve it without a session, and mark its route as
    /// [`passive`](crate::passive): another tab may have kept the session alive,
    /// and loading the page is no activity.
    ///
    /// The element is escaped already; insert it unchanged.
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
        // The request for this page counts once it is answered.
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

/// Escapes the value of an attribute.
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
