//! The session cookie.

use std::fmt::Write as _;
use std::time::Duration;

use dwell_core::as_millis;
use http::{HeaderMap, HeaderValue, header};
use memchr::{memchr, memmem};

/// Describes the cookie that carries a session's token.
///
/// Defaults to `__Host-session` with `Secure`, `HttpOnly`, `SameSite=Lax` and
/// `Path=/` (RFC 6265 §4.1). It has no lifetime, so browsers drop it when they
/// close. The server decides how long the session lives.
///
/// ```
/// use dwell_tower::session::{SessionCookie, TokenSource};
///
/// let cookie = SessionCookie::new().with_name("bank").with_same_site_strict();
/// assert_eq!(cookie.name(), "__Host-bank");
/// let source = TokenSource::cookie(cookie);
/// # let _ = source;
/// ```
#[derive(Clone, Debug)]
pub struct SessionCookie {
    name: String,
    /// Finds the name. Kept, since preparing a search takes longer than the
    /// search.
    finder: memmem::Finder<'static>,
    secure: bool,
    same_site: &'static str,
    persistent: bool,
}

impl SessionCookie {
    /// Returns the default cookie, `__Host-session`.
    #[must_use]
    pub fn new() -> Self {
        let name = "__Host-session";
        Self {
            name: name.to_owned(),
            finder: memmem::Finder::new(name),
            secure: true,
            same_site: "Lax",
            persistent: false,
        }
    }

    /// Sets the name. Defaults to `session`.
    ///
    /// The prefix `__Host-` is added: browsers refuse a cookie with this prefix
    /// from a sibling domain. Characters that a cookie's name can't have are
    /// left out. If none remain, the name is `session`.
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        let mut name: String = name.chars().filter(is_token).collect();
        if name.is_empty() {
            name.push_str("session");
        }
        let name = match self.secure {
            true => format!("__Host-{name}"),
            false => name,
        };
        self.named(name)
    }

    /// Sets `SameSite=Strict` instead of the default `Lax`. The browser then
    /// does not send the cookie when a user follows a link on another site, or
    /// comes back from an identity provider.
    #[must_use]
    pub fn with_same_site_strict(mut self) -> Self {
        self.same_site = "Strict";
        self
    }

    /// Makes the browser keep the cookie until the session's absolute deadline,
    /// also when it is closed. By default the browser drops the cookie when it
    /// closes. The server still decides how long the session lives.
    #[must_use]
    pub fn with_persistence(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Leaves out `Secure` and the prefix `__Host-`. The token then travels in
    /// clear text over `http://`. Only for development with a browser that does
    /// not accept secure cookies on `http://localhost`.
    #[must_use]
    pub fn with_insecure_plain_http(mut self) -> Self {
        self.secure = false;
        let name = self.name.strip_prefix("__Host-").unwrap_or(&self.name);
        let name = name.to_owned();
        self.named(name)
    }

    /// Returns a cookie with the same attributes, to try them.
    pub(crate) fn probe(&self) -> Self {
        let name = format!("{}-probe", self.name);
        self.clone().named(name)
    }

    fn named(mut self, name: String) -> Self {
        self.finder = memmem::Finder::new(&name).into_owned();
        self.name = name;
        self
    }

    /// Returns the cookie's name, with its prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the values of this cookie in a request's headers: several if other paths
    /// or domains have set cookies of the same name.
    pub fn values<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a [u8]> {
        let lines = headers.get_all(header::COOKIE).into_iter();
        lines.flat_map(|line| self.values_in(line.as_bytes()))
    }

    /// Returns the values of the pairs with this name in a request's cookie
    /// line (RFC 6265 §4.2.1). A request's cookies have no attributes, so no
    /// parser is needed. It searches for the name rather than splitting the
    /// line, so that other cookies cost next to nothing.
    pub(crate) fn values_in<'a>(&'a self, line: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let at = from + self.finder.find(&line[from..])?;
                from = at + self.name.len();
                let before = line[..at].trim_ascii_end();
                // A value may hold the name thousands of times. Only a pair's own
                // value is read to its end, so no byte is read twice.
                if (before.is_empty() || before.ends_with(b";"))
                    && let Some(value) = line[from..].strip_prefix(b"=")
                {
                    let end = memchr(b';', value).unwrap_or(value.len());
                    return Some(value[..end].trim_ascii_end());
                }
            }
        })
    }

    /// Returns the `Set-Cookie` value with a token; `None` if a header can't hold it.
    /// `longest` is the time left to the recorded absolute deadline, for a
    /// [persistent](Self::with_persistence) cookie. A stricter policy in force does not
    /// shorten it: a reload may take that policy back, and the cookie decides nothing
    /// (N25).
    #[must_use]
    pub fn to_header(&self, token: &str, longest: Option<Duration>) -> Option<HeaderValue> {
        let longest = longest.filter(|_| self.persistent);
        self.header(token, longest.map(|l| as_millis(l).div_ceil(1_000)))
    }

    /// Returns the `Set-Cookie` value that removes the cookie.
    #[must_use]
    pub fn removal(&self) -> Option<HeaderValue> {
        self.header("", Some(0))
    }

    /// Returns a `Set-Cookie` value (RFC 6265 §4.1.1). Neither the token nor
    /// the attributes need quoting.
    pub(crate) fn header(&self, value: &str, max_age: Option<u64>) -> Option<HeaderValue> {
        let Self {
            name, same_site, ..
        } = self;
        let secure = if self.secure { "; Secure" } else { "" };
        let mut text = format!("{name}={value}; HttpOnly; SameSite={same_site}{secure}; Path=/");
        if let Some(seconds) = max_age {
            let _ = write!(text, "; Max-Age={seconds}");
        }
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a name may have this character (RFC 6265 §4.1.1, RFC 9110 §5.6.2).
fn is_token(character: &char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(*character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Vec<String> {
        let cookie = SessionCookie::new();
        let values = cookie.values_in(line.as_bytes());
        values
            .map(|v| String::from_utf8_lossy(v).into_owned())
            .collect()
    }

    #[test]
    fn name_adds_no_attribute() {
        let cookie = SessionCookie::new().with_name("a; Domain=evil.example\r\nb");
        assert_eq!(cookie.name(), "__Host-aDomainevil.exampleb");
        let removal =
            "__Host-aDomainevil.exampleb=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
        assert_eq!(cookie.removal().unwrap(), removal);
    }

    #[test]
    fn name_is_found_anywhere_in_line() {
        for name in [
            "a",
            "aa",
            "sid",
            "aXa",
            "x-y_z",
            "0123456789abcdef0123456789abcdef01234567",
        ] {
            let cookie = SessionCookie::new().with_insecure_plain_http();
            let cookie = cookie.with_name(name);
            for filler in ["q", "a", "X", name] {
                for length in 0..150 {
                    let before = filler.repeat(length);
                    let line = format!("{before}=; {name}={filler}; {before}=1; {name}=2");
                    let values: Vec<_> = cookie.values_in(line.as_bytes()).collect();
                    // What splitting the line finds.
                    let expected: Vec<_> = line
                        .split(';')
                        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
                        .map(str::as_bytes)
                        .collect();
                    assert_eq!(values, expected, "{line}");
                    assert!(values.len() >= 2);
                }
            }
        }
    }

    #[test]
    fn cookie_always_has_name() {
        let cookie = SessionCookie::new().with_name("; ");
        assert_eq!(cookie.name(), "__Host-session");
        let plain = cookie.with_insecure_plain_http();
        assert_eq!(plain.with_name("").name(), "session");
    }

    #[test]
    fn only_pairs_of_exact_name_are_found() {
        assert_eq!(values("__Host-session=a"), ["a"]);
        assert_eq!(values("x=1; __Host-session=a; y=2"), ["a"]);
        assert_eq!(values("x=1;__Host-session=a ;y=2"), ["a"]);
        assert_eq!(values("__Host-session=a; __Host-session=b"), ["a", "b"]);
        assert_eq!(values("__Host-session="), [""]);
        assert_eq!(values("__Host-session=a=b"), ["a=b"]);
        for none in [
            "",
            "__Host-session",
            "__Host-session2=a",
            "x__Host-session=a",
            "x=__Host-session=a",
            "x=1 __Host-session=a",
            "__host-session=a",
            "__Host-session =a",
        ] {
            assert_eq!(values(none), [""; 0], "{none:?}");
        }
    }
}
