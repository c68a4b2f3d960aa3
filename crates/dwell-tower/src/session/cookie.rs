//! The session cookie.

use cookie::{Cookie, SameSite};
use dwell_core::{Deadlines, Token, millis};
use http::HeaderValue;

/// How the token travels in a cookie.
///
/// The default is `__Host-session` with `Secure`, `HttpOnly`,
/// `SameSite=Lax` and `Path=/`, and no lifetime: browsers drop it when they
/// close, and it never decides how long a session lives.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    name: String,
    secure: bool,
    same_site: SameSite,
    persistent: bool,
}

impl SessionCookie {
    /// The default cookie.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: "__Host-session".to_owned(),
            secure: true,
            same_site: SameSite::Lax,
            persistent: false,
        }
    }

    /// Under another name. It gets the prefix `__Host-`, by which browsers
    /// refuse one that a sibling domain set.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.name = if self.secure {
            format!("__Host-{name}")
        } else {
            name.to_owned()
        };
        self
    }

    /// With `SameSite=Strict`: not sent on the way back from an identity
    /// provider, nor when a link on another site is followed.
    #[must_use]
    pub fn with_same_site_strict(mut self) -> Self {
        self.same_site = SameSite::Strict;
        self
    }

    /// Kept by the browser until the session's absolute deadline, so that
    /// closing the browser ends nothing. The server decides all the same.
    #[must_use]
    pub fn with_persistence(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Without `Secure` and without the prefix: the token travels in clear
    /// text over `http://`. Only for development with a browser that does not
    /// accept secure cookies on `http://localhost`.
    #[must_use]
    pub fn with_insecure_plain_http(mut self) -> Self {
        self.secure = false;
        if let Some(name) = self.name.strip_prefix("__Host-") {
            self.name = name.to_owned();
        }
        self
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn issue(
        &self,
        token: &Token,
        deadlines: Option<&Deadlines>,
    ) -> Option<HeaderValue> {
        let mut cookie = self.base(token.expose());
        if let (true, Some(deadlines)) = (self.persistent, deadlines) {
            let left = millis(deadlines.absolute - deadlines.now).div_ceil(1_000);
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            cookie.set_max_age(cookie::time::Duration::seconds(left));
        }
        header(&cookie)
    }

    pub(super) fn remove(&self) -> Option<HeaderValue> {
        let mut cookie = self.base("");
        cookie.set_max_age(cookie::time::Duration::ZERO);
        header(&cookie)
    }

    fn base<'a>(&'a self, value: &'a str) -> Cookie<'a> {
        Cookie::build((self.name.as_str(), value))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(self.same_site)
            .build()
    }
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new()
    }
}

fn header(cookie: &Cookie<'_>) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(cookie.to_string()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
