//! A cookie jar that honours attributes, like a browser's (RFC 6265bis).

use cookie::{Cookie, SameSite};
use http::{HeaderMap, Method, header};

/// Who initiates a request, as far as cookies care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// A page of the same site, or the person at the address bar.
    Same,
    /// A link or form on another site, which navigates the whole window.
    OtherNavigation,
    /// A script, image or frame of another site.
    OtherSubresource,
}

/// The cookies of one host, which the browser reaches over plain HTTP.
#[derive(Clone, Debug)]
pub struct Jar {
    cookies: Vec<Cookie<'static>>,
    is_trustworthy: bool,
}

impl Jar {
    /// Makes a jar for a loopback host, which browsers trust with secure cookies.
    #[must_use]
    pub fn of_loopback() -> Self {
        Self {
            cookies: Vec::new(),
            is_trustworthy: true,
        }
    }

    /// Makes a jar for a browser that accepts secure cookies over TLS only.
    #[must_use]
    pub fn of_plain_http() -> Self {
        Self {
            cookies: Vec::new(),
            is_trustworthy: false,
        }
    }

    /// Stores the cookies that an answer sets, and drops those that it removes.
    pub fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().ok();
            let cookie = line.and_then(|line| Cookie::parse(line.to_owned()).ok());
            if let Some(cookie) = cookie.filter(|cookie| self.accepts(cookie)) {
                self.put(cookie);
            }
        }
    }

    /// Returns the `Cookie` header for a request; `None` if no cookie is sent.
    #[must_use]
    pub fn header(&self, method: &Method, path: &str, initiator: Initiator) -> Option<String> {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .filter(|cookie| covers(cookie.path().unwrap_or("/"), path))
            .filter(|cookie| crosses(cookie.same_site(), method, initiator))
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Returns a cookie of the jar.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Cookie<'static>> {
        self.cookies.iter().find(|cookie| cookie.name() == name)
    }

    /// Returns whether the jar is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    fn accepts(&self, cookie: &Cookie<'_>) -> bool {
        let secure = cookie.secure() == Some(true);
        let at_root = cookie.path() == Some("/");
        let of_this_host = cookie.domain().is_none();
        let prefix_holds = if cookie.name().starts_with("__Host-") {
            secure && at_root && of_this_host
        } else {
            secure || !cookie.name().starts_with("__Secure-")
        };
        prefix_holds && of_this_host && (self.is_trustworthy || !secure)
    }

    fn put(&mut self, cookie: Cookie<'static>) {
        self.cookies
            .retain(|old| (old.name(), old.path()) != (cookie.name(), cookie.path()));
        let gone = cookie.max_age().is_some_and(|age| !age.is_positive());
        if !gone {
            self.cookies.push(cookie);
        }
    }
}

fn covers(of_cookie: &str, path: &str) -> bool {
    let rest = path.strip_prefix(of_cookie);
    rest.is_some_and(|rest| rest.is_empty() || of_cookie.ends_with('/') || rest.starts_with('/'))
}

/// A cookie without `SameSite` counts as `Lax`.
fn crosses(same_site: Option<SameSite>, method: &Method, initiator: Initiator) -> bool {
    match (initiator, same_site.unwrap_or(SameSite::Lax)) {
        (Initiator::Same, _) | (_, SameSite::None) => true,
        (Initiator::OtherNavigation, SameSite::Lax) => method.is_safe(),
        (Initiator::OtherNavigation, SameSite::Strict) | (Initiator::OtherSubresource, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(lines: &[&str]) -> Jar {
        let mut jar = Jar::of_loopback();
        keep(&mut jar, lines);
        jar
    }

    fn keep(jar: &mut Jar, lines: &[&str]) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::SET_COOKIE, line.parse().unwrap());
        }
        jar.keep(&headers);
    }

    #[test]
    fn cookie_is_sent_until_removed() {
        let mut jar = jar(&["a=1; Path=/", "b=2; Path=/"]);
        let sent = |jar: &Jar| jar.header(&Method::GET, "/x", Initiator::Same);
        assert_eq!(sent(&jar).as_deref(), Some("a=1; b=2"));
        keep(&mut jar, &["a=3; Path=/", "b=; Path=/; Max-Age=0"]);
        assert_eq!(sent(&jar).as_deref(), Some("a=3"));
        assert!(jar.get("b").is_none());
    }

    #[test]
    fn prefixes_and_other_domains_are_checked() {
        let good = "__Host-a=1; Secure; Path=/";
        assert!(!jar(&[good]).is_empty());
        for bad in [
            "__Host-a=1; Path=/",
            "__Host-a=1; Secure; Path=/x",
            "__Host-a=1; Secure",
            "__Host-a=1; Secure; Path=/; Domain=example.com",
            "__Secure-a=1; Path=/",
            "a=1; Path=/; Domain=example.com",
        ] {
            assert!(jar(&[bad]).is_empty(), "{bad}");
        }
        let mut plain = Jar::of_plain_http();
        keep(&mut plain, &[good, "b=2; Path=/"]);
        assert!(plain.get("__Host-a").is_none());
        assert!(plain.get("b").is_some());
    }

    #[test]
    fn path_and_same_site_decide_whether_cookie_is_sent() {
        let jar = jar(&["deep=1; Path=/a", "lax=1; Path=/; SameSite=Lax"]);
        let sent =
            |method, path, initiator| jar.header(&method, path, initiator).unwrap_or_default();
        assert_eq!(sent(Method::GET, "/a/b", Initiator::Same), "deep=1; lax=1");
        assert_eq!(sent(Method::GET, "/ab", Initiator::Same), "lax=1");
        assert_eq!(sent(Method::GET, "/", Initiator::OtherNavigation), "lax=1");
        assert_eq!(sent(Method::POST, "/", Initiator::OtherNavigation), "");
        assert_eq!(sent(Method::GET, "/", Initiator::OtherSubresource), "");
    }
}
