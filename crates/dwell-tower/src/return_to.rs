//! Safe redirect targets: paths of this origin.

use http::uri::PathAndQuery;

/// The longest target that is accepted, in bytes.
const MAX_LENGTH: usize = 2_048;

/// Returns `target` if it is safe to redirect to: a path of this origin, with
/// or without a query. Otherwise returns `None`, so that there is no open
/// redirect.
///
/// Rejects targets that do not start with exactly one `/`, backslashes
/// (browsers read them as slashes), spaces, control characters, characters
/// outside ASCII, and targets over 2,048 bytes.
///
/// ```
/// use dwell_tower::safe_return_to;
///
/// assert_eq!(safe_return_to("/accounts?page=2"), Some("/accounts?page=2"));
/// assert_eq!(safe_return_to("//evil.example"), None);
/// assert_eq!(safe_return_to("/\\evil.example"), None);
/// assert_eq!(safe_return_to("https://evil.example/"), None);
/// ```
#[must_use]
pub fn safe_return_to(target: &str) -> Option<&str> {
    let mut bytes = target.bytes();
    let one_slash = bytes.next() == Some(b'/') && bytes.next() != Some(b'/');
    let clean = target.bytes().all(|b| b != b'\\' && b.is_ascii_graphic());
    let good = one_slash && clean && target.len() <= MAX_LENGTH;
    (good && target.parse::<PathAndQuery>().is_ok()).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n37_return_target_is_path_of_this_origin() {
        for good in ["/", "/a", "/a/b?c=d&e=%2F%2Fx", "/a?u=https://b/"] {
            assert_eq!(safe_return_to(good), Some(good));
        }
        for bad in [
            "",
            "a",
            "//",
            "//evil.example/",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\..\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x=y",
            "/\t/evil.example",
            "/a b",
            "/ü",
        ] {
            assert_eq!(safe_return_to(bad), None, "{bad:?}");
        }
        assert_eq!(safe_return_to(&format!("/{}", "a".repeat(2_048))), None);
    }
}
