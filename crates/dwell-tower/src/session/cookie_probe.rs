//! Whether a browser keeps the session cookie.

use dwell_core::SessionState;
use http::request::Parts;
use http::{HeaderMap, header};

use super::context::Context;
use super::source::Field;
use crate::cookie::SessionCookie;

/// Tells at the login whether the browser keeps cookies like the session's. One that
/// doesn't would be sent back to the login page again and again, without a word.
///
/// The login page sets a cookie without content, beside the session's and with the
/// same attributes ([`field`](Self::field)). The form that comes back without it comes
/// from a browser that refuses such cookies: over plain `http`, most refuse `Secure`
/// ones; on `http://localhost`, Chromium and Firefox keep them and WebKit does not.
///
/// `dwell_axum::CookieProbe` is the extractor.
#[derive(Clone, Debug)]
pub struct CookieProbe {
    cookie: Option<SessionCookie>,
    is_kept: bool,
}

impl CookieProbe {
    /// Reads the probe of a request inside a session layer.
    #[must_use]
    pub fn of(request: &Parts) -> Self {
        let context = request.extensions.get::<SessionState>();
        let context = context.and_then(Context::of);
        let cookie = context.and_then(|context| context.source.cookie());
        let cookie = cookie.map(SessionCookie::probe);
        let is_kept = cookie
            .as_ref()
            .is_some_and(|cookie| is_kept(cookie, &request.headers));
        Self { cookie, is_kept }
    }

    /// Returns whether the browser has refused the login page's cookie. `false` where
    /// sessions have no cookie of Dwell's. A client that has not asked for the login
    /// page first is taken for one that refuses.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.cookie.is_some() && !self.is_kept
    }

    /// Returns the field that the login page's answer sends. Send
    /// `Cache-Control: no-store` with it.
    #[must_use]
    pub fn field(&self) -> Option<Field> {
        let cookie = self.cookie.as_ref().filter(|_| !self.is_kept)?;
        Some((header::SET_COOKIE, cookie.header("1", None)?))
    }
}

fn is_kept(cookie: &SessionCookie, headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let mut values = lines.flat_map(|line| cookie.values_in(line.as_bytes()));
    values.any(|value| value == b"1")
}
