//! Paths that mean the same to this gateway and to every service behind it.

use percent_encoding::percent_decode_str;

/// A request's path, decoded and taken apart. Goes into the request's extensions.
///
/// A service may read `/public/../admin`, `/public;x/..` or `/public%2f..%2fadmin` as
/// `/admin`, so a path that can be read in two ways has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClearPath(Vec<String>);

/// What a route's path looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    segments: Vec<String>,
    /// Whether it ends with `**`, and so matches everything below.
    open: bool,
}

/// The paths that this gateway answers itself.
pub(crate) const OWN: &str = "session";

impl ClearPath {
    /// Takes a path apart. Returns `None` if it is ambiguous: with dot segments, empty
    /// segments, segments that end with a dot or a space, `;`, `\`, an encoded slash, an encoded
    /// percent sign, a control character or what is no UTF-8.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let rest = path.strip_prefix('/')?;
        // What ends with a slash is the same page here, and need not be elsewhere: the
        // stricter reading of both is that no rule tells them apart.
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return (path == "/").then(|| Self(Vec::new()));
        }
        rest.split('/')
            .map(segment)
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether this gateway answers it itself.
    pub(crate) fn is_own(&self) -> bool {
        self.0.first().is_some_and(|first| first == OWN)
    }
}

fn segment(raw: &str) -> Option<String> {
    let text = percent_decode_str(raw).decode_utf8().ok()?;
    let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | ';' | '%');
    // Windows drops dots and spaces at the end of a name.
    let clear = !text.is_empty() && !text.ends_with(['.', ' ']) && !text.contains(bad);
    clear.then(|| text.into_owned())
}

impl Pattern {
    /// Reads a pattern, such as `/admin/**` or `/users/*/photo`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(ClearPath(mut segments)) = ClearPath::of(text) else {
            return Err("is no path: write it decoded and from the root, such as \"/reports/**\"");
        };
        let open = segments.last().is_some_and(|last| last == "**");
        if open {
            segments.pop();
        }
        let is_odd = |segment: &String| segment.contains('*') && segment != "*";
        if segments.iter().any(is_odd) {
            return Err(
                "may have `*` for a whole segment, and `**` for all that follow, as in \"/users/*/photos/**\"",
            );
        }
        if segments.first().is_some_and(|first| first == OWN) {
            return Err("is below \"/session\", which this gateway answers itself");
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
            open,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, ClearPath(path): &ClearPath) -> bool {
        let fits = match self.open {
            true => path.len() >= self.segments.len(),
            false => path.len() == self.segments.len(),
        };
        let mut pairs = self.segments.iter().zip(path);
        fits && pairs.all(|(pattern, segment)| pattern == "*" || pattern == segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let path = ClearPath::of(path).unwrap();
        Pattern::parse(pattern).unwrap().matches(&path)
    }

    #[test]
    fn pattern_matches_whole_segments() {
        for (pattern, path) in [
            ("/", "/"),
            ("/**", "/"),
            ("/**", "/a/b"),
            ("/admin", "/admin"),
            ("/admin", "/admin/"),
            ("/admin", "/%61dmin"),
            ("/admin/**", "/admin"),
            ("/admin/**", "/admin/users/1"),
            ("/users/*/photo", "/users/alice/photo"),
            ("/grüße", "/gr%C3%BC%C3%9Fe"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/", "/a"),
            ("/admin", "/administrator"),
            ("/admin", "/admin/users"),
            ("/admin/**", "/"),
            ("/users/*/photo", "/users/photo"),
            ("/users/*", "/users"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn ambiguous_path_is_none() {
        for path in [
            "",
            "*",
            "a",
            "//",
            "//admin",
            "/a//b",
            "/a//",
            "/public/../admin",
            "/public/./admin",
            "/public/%2e%2e/admin",
            "/public/.%2E/admin",
            "/public%2fadmin",
            "/public%2Fadmin",
            "/public\\admin",
            "/public%5cadmin",
            "/public/..;/admin",
            "/admin;x=1/users",
            "/admin%3bx",
            "/public/%252e%252e/admin",
            "/admin./users",
            "/admin%20",
            "/admin%00",
            "/admin%0d%0a",
            "/%ff",
        ] {
            assert_eq!(ClearPath::of(path), None, "{path:?}");
        }
    }

    #[test]
    fn odd_patterns_are_refused() {
        for text in [
            "admin",
            "/a*",
            "/a/**/b",
            "/a/../b",
            "/session/login",
            "/session",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
