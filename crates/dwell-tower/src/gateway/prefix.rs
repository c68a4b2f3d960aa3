//! The part of a path that a proxy has cut off.

use std::fmt;
use std::str::FromStr;

/// The longest prefix that is read, in bytes.
const MAX_LENGTH: usize = 256;

/// The part of a path that a proxy cuts off before it passes a request on, such
/// as `/bank`. A slash at its end is dropped.
///
/// ```
/// use dwell_tower::gateway::Prefix;
///
/// let prefix: Prefix = "/bank/".parse()?;
/// assert_eq!(prefix.as_str(), "/bank");
/// # Ok::<(), dwell_tower::gateway::PrefixError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Prefix(Box<str>);

/// A text is no prefix of a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no prefix of a path: write segments of letters, digits, `-`, `.`, `_`, `~` and `%`, \
     such as `/bank`, in at most 256 bytes"
)]
pub struct PrefixError(String);

impl Prefix {
    /// Returns the prefix, empty or beginning with `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn read(text: &str) -> Option<Self> {
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() {
            return (text == "/").then(Self::default);
        }
        let segments = path.strip_prefix('/')?.split('/');
        let is_segment = |segment: &str| {
            let clean = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
            !matches!(segment, "" | "." | "..") && segment.bytes().all(clean)
        };
        let good = path.len() <= MAX_LENGTH && segments.into_iter().all(is_segment);
        good.then(|| Self(path.into()))
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        Self::read(text).ok_or_else(|| PrefixError(text.chars().take(MAX_LENGTH).collect()))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_is_a_clean_path() {
        for (text, read) in [
            ("/bank", "/bank"),
            ("/bank/", "/bank"),
            ("/", ""),
            ("/a/b-c/d.e/~f_g/%C3%BC", "/a/b-c/d.e/~f_g/%C3%BC"),
        ] {
            assert_eq!(text.parse::<Prefix>().unwrap().as_str(), read);
        }
        let long = format!("/{}", "a".repeat(8_192));
        for text in [
            "",
            "bank",
            "//evil.example",
            "/bank//",
            "/a//b",
            "/a/../b",
            "/.",
            "/\\evil.example",
            "https://evil.example",
            "/bank?x=1",
            "/bank#x",
            "/ba nk",
            "/bank\r\nx: y",
            "/bünk",
            "/bank,/other",
            &long,
        ] {
            let error = text.parse::<Prefix>().unwrap_err().to_string();
            assert!(
                error.contains("is no prefix") && error.len() < 500,
                "{error}"
            );
        }
    }
}
