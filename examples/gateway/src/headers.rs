//! Header fields on their way through the gateway.

use std::sync::LazyLock;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use dwell_axum::dwell_tower::session::SessionCookie;
use dwell_axum::{SessionRef, SessionState};

/// Fields of one connection (RFC 9110 §7.6.1). `Expect` was answered here.
const OF_ONE_HOP: [&str; 11] = [
    "connection",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Prefixes of the fields that only this gateway may set.
const OURS: [&str; 5] = [
    "forwarded",
    "remote-",
    "x-forwarded-",
    "x-original-",
    "x-real-ip",
];

/// The session cookie and the one that tries whether cookies are kept.
static COOKIES: LazyLock<[String; 2]> = LazyLock::new(|| {
    let name = SessionCookie::new().name().to_owned();
    [format!("{name}-probe"), name]
});

/// Removes the fields of one connection: those above, and those that `Connection` names.
pub(crate) fn end_hop(headers: &mut HeaderMap) {
    let lists = headers.get_all(header::CONNECTION).iter();
    let named: Vec<HeaderName> = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in OF_ONE_HOP {
        headers.remove(name);
    }
}

/// Removes what clients may not say: who they are, where they come from, and the
/// session's token. Some services read `Remote_User` as `Remote-User`.
fn strip(headers: &mut HeaderMap) {
    let is_ours = |name: &&HeaderName| {
        let name = name.as_str().replace('_', "-");
        OURS.iter().any(|prefix| name.starts_with(prefix))
    };
    let stripped: Vec<HeaderName> = headers.keys().filter(is_ours).cloned().collect();
    for name in stripped {
        headers.remove(name);
    }
    let lines: Vec<HeaderValue> = headers.get_all(header::COOKIE).iter().cloned().collect();
    headers.remove(header::COOKIE);
    for line in lines {
        let pairs = line.as_bytes().split(|byte| *byte == b';');
        let kept: Vec<&[u8]> = pairs.filter(|pair| !is_our_cookie(pair)).collect();
        let kept = HeaderValue::from_bytes(kept.join(&b';').trim_ascii());
        if let Some(kept) = kept.ok().filter(|kept| !kept.is_empty()) {
            headers.append(header::COOKIE, kept);
        }
    }
}

/// Whether a pair of `Cookie`, or a line of `Set-Cookie`, is about one of our cookies.
fn is_our_cookie(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    COOKIES
        .iter()
        .any(|ours| ours.as_bytes() == name.trim_ascii())
}

/// The fields that say who is signed in.
const IDENTITY: [&str; 3] = ["remote-user", "remote-session", "remote-auth-time"];

/// Says that nobody is signed in, to a proxy that copies the fields: from an answer
/// without them, Caddy 2.6 copies the name of its own variable.
pub(crate) fn blank(headers: &mut HeaderMap) {
    for name in IDENTITY {
        headers.insert(name, HeaderValue::from_static(""));
    }
}

/// Says who is signed in, for the service behind.
pub(crate) fn identify(headers: &mut HeaderMap, state: &SessionState) {
    let Some(session) = state.session() else {
        return;
    };
    // The answer depends on who asks.
    state.mark_personal();
    let record = &session.record;
    let authenticated_at = record.facts.authenticated_at.as_millis() / 1_000;
    let values = [
        record.subject.as_str(),
        &SessionRef::of(record.key).to_string(),
        &authenticated_at.to_string(),
    ];
    for (name, value) in IDENTITY.into_iter().zip(values) {
        set(headers, name, value);
    }
}

/// Prepares a request's fields for the service behind.
pub(crate) fn to_upstream(parts: &mut Parts, state: &SessionState, is_https: bool) {
    let headers = &mut parts.headers;
    end_hop(headers);
    strip(headers);
    // The body is framed anew, by what was read of it.
    headers.remove(header::CONTENT_LENGTH);
    // Of `GET http://host/ HTTP/1.1` the target counts (RFC 9112 §3.2.2).
    if let Some(authority) = parts.uri.authority() {
        set(headers, "host", authority.as_str());
    }
    if let Some(host) = headers.get(header::HOST).cloned() {
        headers.insert("x-forwarded-host", host);
    }
    set(
        headers,
        "x-forwarded-proto",
        if is_https { "https" } else { "http" },
    );
    if let Some(address) = state.client_ip() {
        set(headers, "x-forwarded-for", &address.to_string());
    }
    identify(headers, state);
}

/// Prepares an answer's fields for the client. A service can't set our cookies.
pub(crate) fn to_client(headers: &mut HeaderMap) {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // Of the two framings that one counts (RFC 9112 §6.3), and the answer is framed anew.
        headers.remove(header::CONTENT_LENGTH);
    }
    end_hop(headers);
    headers.remove("session-timeout");
    let lines: Vec<HeaderValue> = headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect();
    headers.remove(header::SET_COOKIE);
    for line in lines
        .into_iter()
        .filter(|line| !is_our_cookie(line.as_bytes()))
    {
        headers.append(header::SET_COOKIE, line);
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // Names of users are checked when they are read, so each is a value.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn fields_of_one_hop_end_here() {
        let mut headers = headers(&[
            ("connection", "keep-alive, x-secret"),
            ("connection", "Upgrade"),
            ("x-secret", "1"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("proxy-connection", "keep-alive"),
            ("accept", "*/*"),
        ]);
        end_hop(&mut headers);
        let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["accept"]);
    }

    #[test]
    fn clients_copies_of_our_fields_are_stripped() {
        let mut headers = headers(&[
            ("remote-user", "root"),
            ("remote_user", "root"),
            ("Remote-Groups", "admin"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x_forwarded_for", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
            ("x-real-ip", "6.6.6.6"),
            ("x-original-uri", "/"),
            ("accept", "*/*"),
        ]);
        strip(&mut headers);
        let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["accept"]);
    }

    #[test]
    fn l09_session_cookie_stays_here() {
        let mut request = headers(&[
            ("cookie", "a=1; __Host-session=secret; b=2"),
            ("cookie", "__Host-session=secret;__Host-session-probe="),
            ("cookie", "c=\"; __Host-session=secret"),
        ]);
        strip(&mut request);
        let lines: Vec<&HeaderValue> = request.get_all("cookie").iter().collect();
        assert_eq!(lines, ["a=1; b=2", "c=\""]);
        let mut answer = headers(&[
            ("set-cookie", "a=1"),
            ("set-cookie", "__Host-session=forged; Secure; Path=/"),
            ("set-cookie", " __Host-session =forged"),
            ("session-timeout", "idle=1"),
        ]);
        to_client(&mut answer);
        assert_eq!(answer.len(), 1);
        assert_eq!(answer["set-cookie"], "a=1");
    }
}
