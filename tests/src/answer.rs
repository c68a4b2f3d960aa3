//! Answers that were read to their end.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::form::Form;

/// An answer that was read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The requested path.
    pub path: String,
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// The values of `Session-Timeout`, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLeft {
    /// Until the idle deadline.
    pub idle: u64,
    /// Until the absolute deadline.
    pub absolute: u64,
    /// How long before the end the user is warned.
    pub warn: u64,
}

impl Answer {
    /// Returns the field of this name; `None` unless it occurs once and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok();
        value.filter(|_| values.next().is_none())
    }

    /// Returns the body as text.
    ///
    /// # Panics
    /// When the body is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// Returns the body as JSON.
    ///
    /// # Panics
    /// When the body is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {:?}", self.path, self.body))
    }

    /// Returns the `reason` of problem details (RFC 9457); empty if there is none.
    #[must_use]
    pub fn reason(&self) -> String {
        if self.header("content-type") != Some("application/problem+json") {
            return String::new();
        }
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16(), "{problem}");
        problem["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the target of a redirect; empty if there is none.
    #[must_use]
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// Returns the values of `Session-Timeout` (RFC 9651); `None` without it.
    ///
    /// # Panics
    /// When the field is malformed.
    #[must_use]
    pub fn time_left(&self) -> Option<TimeLeft> {
        let field = self.header("session-timeout")?;
        let mut parts = field.split(", ");
        let mut part = |name: &str| {
            let number = parts
                .next()
                .and_then(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
            number.unwrap_or_else(|| panic!("no {name} in {field:?}"))
        };
        let left = TimeLeft {
            idle: part("idle"),
            absolute: part("absolute"),
            warn: part("warn"),
        };
        assert_eq!(parts.next(), None, "{field:?}");
        Some(left)
    }

    /// Returns the lines that set or remove a cookie.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all(header::SET_COOKIE).iter();
        lines.filter_map(|line| line.to_str().ok()).collect()
    }

    /// Returns the page's form that is sent to this path.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn form(&self, action: &str) -> Form {
        self.forms(action)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no form for {action} on {}: {}", self.path, self.text()))
    }

    /// Returns every form of the page that is sent to this path.
    #[must_use]
    pub fn forms(&self, action: &str) -> Vec<Form> {
        Form::all(self.text(), action)
    }
}
