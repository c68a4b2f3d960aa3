//! The `Forwarded` header (RFC 7239 §4): just enough to find `for`.

use std::net::{IpAddr, SocketAddr};

/// Splits a header line into elements. With `quotes`, commas in quoted strings
/// do not split. Returns `None` if a quote is left open.
pub(super) fn elements(line: &str, quotes: bool) -> Option<Vec<&str>> {
    split(line, b',', quotes)
}

/// Returns the address of an element's `for` parameter, or `None` unless there
/// is exactly one and it is an address.
pub(super) fn node(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in split(element, b';', true)? {
        let (name, value) = pair.trim_ascii().split_once('=')?;
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    address(found?)
}

/// Parses a node (RFC 7239 §6): IPv4, or IPv6 in brackets, each with an
/// optional port. A value with a colon must be quoted.
fn address(value: &str) -> Option<IpAddr> {
    let quoted = value.strip_prefix('"');
    let text = match quoted {
        Some(rest) => rest.strip_suffix('"')?,
        None if value.contains(':') => return None,
        None => value,
    };
    if let Some(v6) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return v6.parse().ok().map(IpAddr::V6);
    }
    match text.parse() {
        Ok(IpAddr::V4(v4)) => Some(IpAddr::V4(v4)),
        // IPv6 must be in brackets.
        Ok(IpAddr::V6(_)) => None,
        Err(_) => text.parse::<SocketAddr>().ok().map(|a| a.ip()),
    }
}

fn split(text: &str, separator: u8, quotes: bool) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = quotes && !quoted,
            _ if byte == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}
